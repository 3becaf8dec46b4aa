"""What routes ask for: the backend, the settings, the place in a listing."""

from typing import Annotated

from fastapi import Depends, Query, Request

from service.api.backend import Backend
from service.api.settings import ApiSettings
from service.store.paging import MAX_LIMIT

PREFIX = "/api/v1"
"""Stands in the path of every route itself, so that figures can name routes by their full template."""


def backend_of(request: Request) -> Backend:
    """Look up the engine that the application was made with.

    Parameters
    ----------
    request
        Any.

    Returns
    -------
    Backend
        The same for all requests.
    """
    backend: Backend = request.app.state.backend
    return backend


def settings_of(request: Request) -> ApiSettings:
    """Look up the limits that the application was made with.

    Parameters
    ----------
    request
        Any.

    Returns
    -------
    ApiSettings
        The same for all requests.
    """
    settings: ApiSettings = request.app.state.settings
    return settings


Engine = Annotated[Backend, Depends(backend_of)]
Limits = Annotated[ApiSettings, Depends(settings_of)]
Cursor = Annotated[str | None, Query(max_length=16_000, description="next_cursor of the page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Most items of the page.")]
Filter = Annotated[str | None, Query(max_length=1000, description="Only those that have it.")]
