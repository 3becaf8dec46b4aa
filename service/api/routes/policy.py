"""The strategies and boundaries in force: look, read the files again, ask for routes."""

from typing import Annotated

from fastapi import APIRouter, Query

from models.errors import ConfigurationError, InputError
from service.api.dependencies import PREFIX, Engine
from service.api.openapi import problems
from service.api.schemas.policy import Policy, RouteAnswer, Routes

router = APIRouter(prefix=PREFIX, tags=["policy"])

Name = Annotated[str, Query(max_length=1000)]


@router.get("/policy", summary="Look up strategies and boundaries", responses=problems())
def policy(engine: Engine) -> Policy:
    """Tell which strategies and boundaries are in force, where they come from, and what the latest reload said."""
    return Policy.of(engine.policies.view)


@router.post(
    "/policy/reload",
    summary="Read strategies and boundaries again",
    responses=problems(400, 403, 404, 409, 413, 415, 422, 502, 503),
)
def reload(engine: Engine) -> Policy:
    """Read both files again; with any mistake they are refused, and all that was in force stays."""
    try:
        return Policy.of(engine.policies.reload())
    except ConfigurationError as error:  # here it is what the caller asked for that cannot be done
        raise InputError(str(error)) from error


@router.get("/routes", summary="List what decides about routes", responses=problems())
def routes(engine: Engine) -> Routes:
    """List the routes of all boundaries, and what is isolated: an application decides by it without asking again."""
    return Routes.of(engine.policies.routes)


@router.get("/routes/check", summary="Ask whether a call may be made", responses=problems(404, 422))
def check(engine: Engine, caller: Name, callee: Name) -> RouteAnswer:
    """Tell whether a call from one component to another is open; 404 for a component that no boundary holds."""
    return RouteAnswer.of(caller, callee, engine.policies.routes.objection(caller, callee))
