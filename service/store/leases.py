"""Who holds which run: renewing, taking over, admitting from the queue, and the check of the fence."""

from sqlalchemy import ColumnElement, Connection, Double, Integer, and_, bindparam, func, literal, or_, select, update

from service.custody import FencedError, Holder
from service.recovery.runs import RecoveryStatus
from service.recovery.single_steps import RELEASE_PREFIX
from service.store.columns import database_now
from service.store.recovery_tables import RunRow

ACTIVE = [RecoveryStatus.RUNNING.value, RecoveryStatus.WAITING_APPROVAL.value]
PENDING = RecoveryStatus.PENDING.value

# Built once: building a statement takes longer than carrying it out.
_RUNNING = select(func.count()).where(RunRow.status == RecoveryStatus.RUNNING.value).scalar_subquery()
_BUSY = select(RunRow.component).where(RunRow.status.in_(ACTIVE))
_NEXT = (
    select(RunRow.id)
    .where(
        RunRow.status == PENDING,
        or_(
            and_(RunRow.instance == bindparam("my_instance"), RunRow.life == bindparam("my_life")),
            RunRow.lease_until <= database_now(),
        ),
        or_(
            RunRow.strategy_id.startswith(RELEASE_PREFIX, autoescape=True),
            and_(bindparam("max_running", type_=Integer) > _RUNNING, RunRow.component.not_in(_BUSY)),
        ),
    )
    .order_by(RunRow.seq)
    .limit(1)
)
_ADMITTED = (
    update(RunRow)
    .where(RunRow.id == bindparam("next_id"))
    .values(
        status=RecoveryStatus.RUNNING.value,
        instance=bindparam("my_instance"),
        life=bindparam("my_life"),
        fence=RunRow.fence + 1,
        lease_until=database_now() + bindparam("my_lease_s", type_=Double),
    )
)


def is_anything_due(connection: Connection, holder: Holder, *, inherits: bool) -> bool:
    """Tell whether a lease is to be renewed or taken over.

    Parameters
    ----------
    connection
        In any transaction.
    holder
        Who asks.
    inherits
        Whether runs of an earlier life of the same instance count.

    Returns
    -------
    bool
        False if ``renew`` and ``take_over`` would change nothing.
    """
    half_over = and_(is_mine(holder), RunRow.lease_until < database_now() + holder.lease_s / 2)
    due = or_(half_over, _is_free(holder, inherits=inherits))
    return connection.execute(select(RunRow.seq).where(RunRow.status.in_(ACTIVE), due).limit(1)).first() is not None


def renew(connection: Connection, holder: Holder) -> None:
    """Give a sign of life for all runs that are held.

    Parameters
    ----------
    connection
        In a writing transaction.
    holder
        Whose.
    """
    mine = update(RunRow).where(RunRow.status.in_(ACTIVE), is_mine(holder))
    connection.execute(mine.values(lease_until=until(holder)))


def take_over(connection: Connection, holder: Holder, *, inherits: bool) -> None:
    """Take the runs under way whose holder is dead.

    Parameters
    ----------
    connection
        In a writing transaction.
    holder
        Who takes.
    inherits
        Whether runs of an earlier life of the same instance are taken before their lease is over.
    """
    dead = update(RunRow).where(RunRow.status.in_(ACTIVE), _is_free(holder, inherits=inherits))
    connection.execute(dead.values(**_taken(holder)))


def claim(connection: Connection, holder: Holder, run_id: str) -> None:
    """Take one unfinished run, unless another instance holds it.

    Parameters
    ----------
    connection
        In a writing transaction.
    holder
        Who takes.
    run_id
        Which.
    """
    free = and_(RunRow.id == run_id, RunRow.status.in_([*ACTIVE, PENDING]), _is_free(holder, inherits=False))
    connection.execute(update(RunRow).where(free).values(**_taken(holder)))


def admit(connection: Connection, holder: Holder, max_running: int) -> str | None:
    """Take the next run of the queue that has room.

    Parameters
    ----------
    connection
        In a writing transaction that no other admission shares.
    holder
        Who takes.
    max_running
        So many runs act or verify at one time.

    Returns
    -------
    str or None
        Its id; it counts as running from now on. A release waits for no other run.
    """
    values = {"max_running": max_running, "my_instance": holder.instance, "my_life": holder.life}
    run_id = connection.execute(_NEXT, values).scalar()
    if run_id is not None:
        connection.execute(_ADMITTED, {**values, "next_id": run_id, "my_lease_s": holder.lease_s})
    return run_id


def check_fence(connection: Connection, holder: Holder, run_id: str, fence: int) -> None:
    """Hold the row of a run until the transaction ends, if the fence still stands.

    Parameters
    ----------
    connection
        In a writing transaction.
    holder
        Who wants to write.
    run_id
        Which run.
    fence
        As it was when the run was taken.

    Raises
    ------
    FencedError
        If another life took the run.
    """
    mine = (
        update(RunRow)
        .where(RunRow.id == run_id, RunRow.fence == fence, is_mine(holder))
        .values(lease_until=until(holder))
    )
    if connection.execute(mine).rowcount == 0:
        raise FencedError(lost(run_id))


def until(holder: Holder) -> ColumnElement[float]:
    """End of a lease that begins now.

    Parameters
    ----------
    holder
        Whose.

    Returns
    -------
    ColumnElement of float
        By the clock of the database.
    """
    return database_now() + literal(holder.lease_s)


def is_mine(holder: Holder) -> ColumnElement[bool]:
    """Condition under which a run is held.

    Parameters
    ----------
    holder
        By whom.

    Returns
    -------
    ColumnElement of bool
        Over ``RunRow``.
    """
    return and_(RunRow.instance == holder.instance, RunRow.life == holder.life)


def lost(run_id: str) -> str:
    """Say that another life took a run.

    Parameters
    ----------
    run_id
        Which.

    Returns
    -------
    str
        For the error.
    """
    return f"The recovery run {run_id} was taken over by another instance; this one lets go of it."


def _is_free(holder: Holder, *, inherits: bool) -> ColumnElement[bool]:
    is_other = RunRow.life != holder.life
    is_over = RunRow.lease_until <= database_now()
    return and_(is_other, or_(is_over, RunRow.instance == holder.instance) if inherits else is_over)


def _taken(holder: Holder) -> dict[str, object]:
    return {
        "instance": holder.instance,
        "life": holder.life,
        "fence": RunRow.fence + 1,
        "lease_until": until(holder),
    }
