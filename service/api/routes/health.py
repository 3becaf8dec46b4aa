"""Whether the service lives, is ready, is well; and its figures for Prometheus."""

import math

from fastapi import APIRouter, Request, Response
from sqlalchemy.exc import SQLAlchemyError

from service.api.backend import EngineStatus
from service.api.dependencies import Engine, Limits
from service.api.metrics import CONTENT_TYPE, EXAMPLE
from service.api.openapi import problems
from service.api.routes.checks import open_breakers
from service.api.schemas.checks import CheckSummary
from service.api.schemas.health import Alive, Health, Ready, Verdict
from service.api.settings import ApiSettings
from service.ports import TransientError

router = APIRouter(tags=["health"])


@router.get("/livez", summary="Tell whether the process answers", responses=problems())
async def livez() -> Alive:
    """Answer without touching anything; if this fails, restart the process."""
    return Alive()


@router.get("/readyz", summary="Tell whether the service watches", responses=problems(503))
def readyz(engine: Engine) -> Ready:
    """Answer 503 as long as there is no bundle, the loop does not run, or the store does not answer."""
    status = engine.status()
    if not status.is_ready:
        raise TransientError(f"Not ready: {status.reason or 'the engine has not started'}.")
    try:
        engine.store.records(limit=1)
    except SQLAlchemyError as error:
        raise TransientError("Not ready: the store does not answer.") from error
    return Ready()


@router.get("/health", summary="Tell how the service is", responses=problems())
def health(engine: Engine, limits: Limits) -> Health:
    """Tell how the loop and its data are, and what the health checks say; always 200, read ``status``."""
    found, now = engine.status(), engine.now()
    lag_s = math.nan if found.last_row_at is None else (now - found.last_row_at).total_seconds()
    status, reason = _judged(found, lag_s, limits)
    overview = engine.checks.overview(open_breakers(engine))
    return Health(
        status=status,
        reason=reason,
        now=now,
        bundle_version=found.bundle_version,
        rows_read=found.rows_read,
        last_row_at=found.last_row_at,
        lag_s=lag_s,
        last_step_at=found.last_step_at,
        error_count=found.error_count,
        is_acting=found.is_acting,
        checks=CheckSummary.of(overview) if len(engine.checks.checks) else None,
        warnings=list(overview.warnings),
    )


@router.get(
    "/metrics",
    summary="Give the service's own figures",
    response_class=Response,
    responses=problems()
    | {200: {"description": "Prometheus text format.", "content": {"text/plain": {"example": EXAMPLE}}}},
)
def metrics(request: Request) -> Response:
    """Give figures of the engine and of the HTTP edge for Prometheus to scrape."""
    text: bytes = request.app.state.metrics.render()
    return Response(text, media_type=CONTENT_TYPE)


def _judged(status: EngineStatus, lag_s: float, limits: ApiSettings) -> tuple[Verdict, str]:
    if not status.is_ready:
        return "UNHEALTHY", status.reason or "the engine has not started"
    if math.isnan(lag_s):
        return "UNKNOWN", "no metric row was read yet"
    if lag_s > limits.stale_after_s:
        return "DEGRADED", f"the newest metric row is {lag_s:.0f} s old"
    return ("DEGRADED", status.reason) if status.reason else ("HEALTHY", "")
