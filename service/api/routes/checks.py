"""Health checks: how they are, what they found, and when they may fail."""

from fastapi import APIRouter

from models.errors import ConfigurationError, InputError
from service.api.backend import Backend
from service.api.dependencies import PREFIX, Cursor, Engine, Limit
from service.api.openapi import problems
from service.api.schemas.checks import Check, CheckHistory, CheckPage, CheckResult, CheckSummary, MaintenanceOrder
from service.recovery.breakers import CircuitState

router = APIRouter(prefix=f"{PREFIX}/checks", tags=["checks"])

_CHANGING = problems(400, 403, 404, 409, 413, 415, 422, 502, 503)


@router.get("", summary="List health checks", responses=problems())
def checks(engine: Engine) -> CheckPage:
    """List all health checks as they are now, and sum them up: the worst counts, and which it is."""
    runner = engine.checks
    items = [Check.of(view) for view in runner.views()]
    return CheckPage(items=items, overall=CheckSummary.of(runner.overview(open_breakers(engine))), hung=runner.hung)


@router.get("/{check_id}", summary="Look up a health check", responses=problems(404))
def check(check_id: str, engine: Engine) -> Check:
    """Look up a health check as it is now."""
    return Check.of(engine.checks.view(check_id))


@router.get("/{check_id}/history", summary="List the results of a check", responses=problems(404, 422))
def history(check_id: str, engine: Engine, cursor: Cursor = None, limit: Limit = 100) -> CheckHistory:
    """Page through the results of a health check that are kept, newest first."""
    page = engine.checks.history(check_id, cursor=cursor, limit=limit)
    return CheckHistory(items=[CheckResult.of(result) for result in page.items], next_cursor=page.next_cursor)


@router.post("/{check_id}/maintenance", summary="Expect a check to fail", responses=_CHANGING)
def maintain(check_id: str, order: MaintenanceOrder, engine: Engine) -> Check:
    """Put a check into maintenance until a time, or end that: meanwhile it is not reported as failed."""
    engine.checks.maintain(check_id, order.until)
    return Check.of(engine.checks.view(check_id))


@router.post("/reload", summary="Read the file of checks again", responses=_CHANGING)
def reload(engine: Engine) -> CheckPage:
    """Read the file of checks again; with any mistake it is refused, and the checks in force stay."""
    try:
        engine.checks.reload()
    except ConfigurationError as error:  # here it is what the caller asked for that cannot be done
        raise InputError(str(error)) from error
    return checks(engine)


def open_breakers(engine: Backend) -> list[str]:
    """Name the components whose breaker is open.

    Parameters
    ----------
    engine
        With its breakers.

    Returns
    -------
    list of str
        In the order of declaration.
    """
    opened = {CircuitState.OPEN, CircuitState.FORCED_OPEN}
    return [snapshot.name for snapshot in engine.breakers() if snapshot.state in opened]
