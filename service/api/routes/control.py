"""Circuit breakers and recovery runs: look, and act by hand."""

from fastapi import APIRouter

from models.errors import UnknownNameError
from service.api.backend import Backend
from service.api.dependencies import PREFIX, Cursor, Engine, Filter, Limit
from service.api.openapi import problems
from service.api.schemas.control import (
    Approval,
    Breaker,
    BreakerForce,
    BreakerOrder,
    BreakerPage,
    Cancellation,
    Run,
    RunPage,
)
from service.recovery.breakers import CircuitState
from service.recovery.runs import RecoveryStatus
from service.store.paging import make_cursor, read_cursor

router = APIRouter(prefix=PREFIX)

_CHANGING = problems(400, 403, 404, 409, 413, 415, 422, 502, 503)


@router.get("/breakers", tags=["breakers"], summary="List circuit breakers", responses=problems())
def breakers(engine: Engine) -> BreakerPage:
    """List all circuit breakers; there is only one page."""
    return BreakerPage(items=[Breaker.of(snapshot) for snapshot in engine.breakers()])


@router.post("/breakers/trip", tags=["breakers"], summary="Open a circuit breaker", responses=_CHANGING)
def trip(order: BreakerOrder, engine: Engine) -> Breaker:
    """Open a breaker by hand: calls through it are refused until it lets probes through or is reset."""
    engine.trip_breaker(order.name, order.reason)
    return _breaker(order.name, engine)


@router.post("/breakers/reset", tags=["breakers"], summary="Close a circuit breaker", responses=_CHANGING)
def reset(order: BreakerOrder, engine: Engine) -> Breaker:
    """Close a breaker by hand."""
    engine.reset_breaker(order.name, order.reason)
    return _breaker(order.name, engine)


@router.post("/breakers/force", tags=["breakers"], summary="Force a circuit breaker's state", responses=_CHANGING)
def force(order: BreakerForce, engine: Engine) -> Breaker:
    """Put a breaker into a state that neither calls nor findings nor checks end, only a reset."""
    engine.force_breaker(order.name, CircuitState(order.state), order.reason)
    return _breaker(order.name, engine)


@router.get("/recoveries", tags=["recoveries"], summary="List recovery runs", responses=problems(422))
def recoveries(
    engine: Engine,
    status: RecoveryStatus | None = None,
    incident_id: Filter = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RunPage:
    """Page through the recovery runs, newest first."""
    place = None if cursor is None else read_cursor("recoveries", cursor, str)[0]
    found = [
        run
        for run in sorted(engine.runs(), key=lambda run: run.id, reverse=True)
        if (status is None or run.status is status)
        and (incident_id is None or run.incident_id == incident_id)
        and (place is None or run.id < place)
    ]
    more = make_cursor("recoveries", found[limit - 1].id) if len(found) > limit else None
    return RunPage(items=[Run.of(run) for run in found[:limit]], next_cursor=more)


@router.get("/recoveries/{run_id}", tags=["recoveries"], summary="Look up a recovery run", responses=problems(404))
def recovery(run_id: str, engine: Engine) -> Run:
    """Look up a recovery run with its steps."""
    return Run.of(engine.run(run_id))


@router.post("/recoveries/{run_id}/approve", tags=["recoveries"], summary="Approve a recovery run", responses=_CHANGING)
def approve(run_id: str, approval: Approval, engine: Engine) -> Run:
    """Let a run go on that waits for an approval; 409 if it does not wait."""
    engine.approve_run(run_id, approval.by)
    return Run.of(engine.run(run_id))


@router.post("/recoveries/{run_id}/cancel", tags=["recoveries"], summary="Cancel a recovery run", responses=_CHANGING)
def cancel(run_id: str, cancellation: Cancellation, engine: Engine) -> Run:
    """End a run; what it did is rolled back as its strategy says. 409 if it has ended."""
    engine.cancel_run(run_id, f"{cancellation.reason} ({cancellation.by})" if cancellation.by else cancellation.reason)
    return Run.of(engine.run(run_id))


def _breaker(name: str, engine: Backend) -> Breaker:
    for snapshot in engine.breakers():
        if snapshot.name == name:
            return Breaker.of(snapshot)
    raise UnknownNameError("circuit breaker", name)
