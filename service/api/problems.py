"""Every error as application/problem+json (RFC 9457). Nothing of a trace ever leaves the service.

Which error becomes which status is one table; what is not in it is a 500 without details.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from analysis.incidents import IllegalTransitionError
from models.errors import FaultlineError, InputError, NotFittedError, UnknownNameError
from service.api.backend import ConflictError
from service.ports import PermanentError, TransientError
from service.recovery.breakers.states import IllegalSignalError
from service.recovery.lifecycle import IllegalRunSignalError
from service.safety_desk import NotAllowedError

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
MAX_DETAIL = 2000

STATUS_OF: Mapping[type[Exception], int] = MappingProxyType(
    {
        UnknownNameError: 404,
        NotAllowedError: 403,
        ConflictError: 409,
        IllegalTransitionError: 409,
        IllegalSignalError: 409,
        IllegalRunSignalError: 409,
        NotFittedError: 409,
        InputError: 422,
        PermanentError: 502,
        TransientError: 503,
    }
)

TITLES = MappingProxyType(
    {
        400: "The request cannot be read",
        403: "Refused",
        404: "There is no such thing",
        405: "The resource does not know this method",
        409: "The present state does not allow it",
        413: "The request is too large",
        415: "The request must be JSON",
        421: "This host is not served here",
        422: "The request does not fit the schema",
        500: "The service failed",
        502: "A port of the service failed",
        503: "The service cannot answer now",
    }
)

logger = logging.getLogger(__name__)


class FieldProblem(BaseModel):
    """One field that is wrong."""

    location: str = Field(description="Where it is, for example body/points/0/value.")
    message: str = Field(description="What is wrong with it.")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:faultline:problem:404",
                    "title": "There is no such thing",
                    "status": 404,
                    "detail": "Unknown incident 'inc-9'.",
                    "instance": "/api/v1/incidents/inc-9",
                    "request_id": "5f0c9e0d6b1f4a0b",
                    "errors": [],
                }
            ]
        }
    )

    type: str = Field(description="Names the kind of problem.")
    title: str = Field(description="The kind of problem in words; the same for all of its type.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What went wrong this time, and what can be done about it.")
    instance: str = Field(description="Path of the request.")
    request_id: str = Field(description="Also in the X-Request-ID header and in the service's log.")
    errors: list[FieldProblem] = Field(default_factory=list, description="Fields that are wrong; at most twenty.")


def problem_response(
    request: Request,
    status: int,
    detail: str,
    *,
    errors: list[FieldProblem] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Describe an error.

    Parameters
    ----------
    request
        The one that failed.
    status
        HTTP status.
    detail
        For people; cut after 2000 characters.
    errors
        Fields that are wrong.
    headers
        Further response headers.

    Returns
    -------
    JSONResponse
        With the media type of problems.
    """
    body = Problem(
        type=f"urn:faultline:problem:{status}",
        title=TITLES.get(status) or HTTPStatus(status).phrase,
        status=status,
        detail=_printable(detail[:MAX_DETAIL]),
        instance=_printable(request.url.path[:MAX_DETAIL]),
        request_id=request.scope.get("faultline.request_id", ""),
        errors=errors or [],
    )
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def install(app: FastAPI) -> None:
    """Answer every error of an application with a problem.

    Parameters
    ----------
    app
        The application.
    """
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(FaultlineError, _faultline)


def status_of(error: Exception) -> int:
    """Say which status an error has.

    Parameters
    ----------
    error
        Any.

    Returns
    -------
    int
        500 for one that is not in the table.
    """
    return next((STATUS_OF[cls] for cls in type(error).__mro__ if cls in STATUS_OF), 500)


async def _http(request: Request, error: Exception) -> Response:
    status: int = getattr(error, "status_code", 500)
    detail = str(getattr(error, "detail", "") or TITLES.get(status, ""))
    return problem_response(request, status, detail, headers=getattr(error, "headers", None))


async def _invalid(request: Request, error: Exception) -> Response:
    raw: list[dict[str, Any]] = list(getattr(error, "errors", list)())
    if any(item["type"] == "json_invalid" for item in raw):
        return problem_response(request, 400, "The body is not valid JSON.")
    errors = [
        FieldProblem(
            location=_printable("/".join(str(part) for part in item["loc"])[:200]),
            message=_printable(item["msg"][:500]),
        )
        for item in raw[:MAX_ERRORS]
    ]
    said = "; ".join(f"{e.location}: {e.message}" for e in errors[:3])
    more = f" ({len(raw)} problems)" if len(raw) > 3 else ""
    return problem_response(request, 422, f"{said}{more}.", errors=errors)


async def _faultline(request: Request, error: Exception) -> Response:
    status = status_of(error)
    if status == 500:
        logger.error("unexpected error", exc_info=error)
        return problem_response(request, 500, "The service failed; its log says more under the request id.")
    wait_s = getattr(error, "retry_after_s", None)
    headers = {"Retry-After": str(max(1, round(wait_s)))} if wait_s is not None else None
    return problem_response(request, status, str(error), headers=headers)


def _printable(text: str) -> str:
    """Replace lone surrogates, which UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()
