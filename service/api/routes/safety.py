"""Stop and resume all actions, levels of reduced function, figures of strategies, and the check of the ledger."""

import hashlib
from typing import Annotated

from fastapi import APIRouter, Header, Response

from service.api.dependencies import PREFIX, Engine, Filter
from service.api.openapi import problems
from service.api.schemas.safety import (
    Actions,
    AuditRequest,
    Degradation,
    DegradationPage,
    Head,
    Order,
    Strategy,
    StrategyPage,
    Verdict,
)
from service.store.audit import AuditLog
from service.store.ledger import Head as LedgerHead

router = APIRouter(prefix=PREFIX)

_CHANGING = problems(400, 403, 413, 415, 422, 503)


@router.get("/actions", tags=["safety"], summary="Look up whether the service acts", responses=problems())
def actions(engine: Engine) -> Actions:
    """Look up whether the service acts by itself, who stopped it, and the numbers of its guards."""
    return Actions.of(engine.safety.actions())


@router.post("/actions/stop", tags=["safety"], summary="Stop all actions", responses=_CHANGING)
def stop(order: Order, engine: Engine) -> Actions:
    """Stop all actions at once, until they are resumed; runs under way stand still before their next action."""
    engine.safety.stop_actions(order.by, order.reason)
    return Actions.of(engine.safety.actions())


@router.post("/actions/resume", tags=["safety"], summary="Let actions go on", responses=_CHANGING)
def resume(order: Order, engine: Engine) -> Actions:
    """Let actions go on; nothing changes if they are not stopped."""
    engine.safety.resume_actions(order.by, order.reason)
    return Actions.of(engine.safety.actions())


@router.get(
    "/degradation",
    tags=["safety"],
    summary="List levels of reduced function",
    response_model=DegradationPage,
    responses=problems(404, 422) | {304: {"description": "Nothing has changed since the ETag."}},
)
def degradation(
    engine: Engine,
    response: Response,
    component: Filter = None,
    if_none_match: Annotated[str | None, Header(max_length=200, description="ETag of the answer before.")] = None,
) -> DegradationPage | Response:
    """List what applications are to leave out now; ask again with the ETag, or follow DEGRADATION_CHANGED events."""
    safety = engine.safety
    found = safety.degradations() if component is None else (safety.degradation(component),)
    page = DegradationPage(items=[Degradation.of(status) for status in found])
    etag = f'"{hashlib.sha256(page.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if if_none_match is not None and etag in if_none_match:
        return Response(status_code=304, headers=headers)
    response.headers.update(headers)
    return page


@router.get("/strategies", tags=["recoveries"], summary="Look up how well strategies work", responses=problems())
def strategies(engine: Engine) -> StrategyPage:
    """Look up success rate and mean time to recover of each strategy, by the latest thousand runs."""
    return StrategyPage(items=[Strategy.of(figures) for figures in engine.safety.figures()])


@router.get("/audit/head", tags=["events"], summary="Look up the head of the ledger", responses=problems(422))
def head(engine: Engine) -> Head:
    """Look up number and digest of the newest record; kept elsewhere, they show a ledger that was cut off."""
    found = AuditLog(engine.store.database).head()
    return Head(seq=found.seq, digest=found.digest)


@router.post("/audit/verify", tags=["events"], summary="Check the ledger", responses=_CHANGING)
def verify(request: AuditRequest, engine: Engine) -> Verdict:
    """Check the chain of all records, and that heads which were kept elsewhere lie on it."""
    anchors = [LedgerHead(anchor.seq, anchor.digest) for anchor in request.anchors]
    return Verdict.of(AuditLog(engine.store.database).verify(anchors))
