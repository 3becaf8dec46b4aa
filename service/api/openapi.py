"""The description of the API: problem responses with examples instead of the framework's own error schema."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.problems import MEDIA_TYPE, TITLES, Problem
from service.api.schemas.base import example_of

_SCHEMA = {"$ref": "#/components/schemas/Problem"}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems that a route can answer with.

    Parameters
    ----------
    *statuses
        Those that are the route's own; what every route can answer comes on top.

    Returns
    -------
    dict
        For the ``responses`` of a route.
    """
    said: dict[int | str, dict[str, Any]] = {
        status: _response(TITLES[status], status) for status in sorted({*statuses, 421, 500})
    }
    return said


def install(app: FastAPI) -> None:
    """Make an application describe its errors as problems.

    Parameters
    ----------
    app
        The application, with all routes.
    """

    def describe() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _describe(app)
        return app.openapi_schema

    app.openapi = describe  # type: ignore[method-assign]  # the framework's documented way


def _describe(app: FastAPI) -> dict[str, Any]:
    found: dict[str, Any] = get_openapi(
        title=app.title, version=app.version, summary=app.summary, description=app.description,
        tags=app.openapi_tags, routes=app.routes,
    )  # fmt: skip
    schemas = found.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    template = "#/components/schemas/{model}"
    problem = Problem.model_json_schema(ref_template=template)
    schemas |= problem.pop("$defs", {})
    schemas["Problem"] = problem
    for operations in found["paths"].values():
        for operation in operations.values():
            _mend(operation["responses"])
    return found


def _mend(responses: dict[str, Any]) -> None:
    """Replace the framework's 422, which it adds to every route with parameters."""
    if "422" in responses and MEDIA_TYPE not in responses["422"].get("content", {}):
        responses["422"] = _response(TITLES[422], 422)


def _response(title: str, status: int) -> dict[str, Any]:
    shown = example_of(Problem) | {
        "type": f"urn:faultline:problem:{status}",
        "title": title,
        "status": status,
        "detail": title + ".",
    }
    return {"description": title, "content": {MEDIA_TYPE: {"schema": _SCHEMA, "example": shown}}}
