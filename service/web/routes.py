"""The page over HTTP: one document, its static files, and headers that let it load nothing from elsewhere."""

from hashlib import sha256
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, Header, Query, Response
from fastapi.staticfiles import StaticFiles

from models.errors import UnknownNameError
from service.api.backend import Backend
from service.web.gather import gather
from service.web.page import make_page
from service.web.rendering import STATIC, make_environment, render

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Sent with the page and with every static file; no-cache means: ask again, a 304 is cheap."""


class GuardedFiles(StaticFiles):
    """Static files under the page's headers."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        """Serve one file, or 304.

        Parameters
        ----------
        *args
            As Starlette passes them.
        **kwargs
            As Starlette passes them.

        Returns
        -------
        Response
            With the headers.
        """
        response: Response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]  # passed through
        response.headers.update(HEADERS)
        return response


def mount(app: FastAPI, backend: Backend) -> None:
    """Put the page and its static files on an application.

    Parameters
    ----------
    app
        Gets ``/`` and ``/static``; neither is in its OpenAPI document.
    backend
        Asked anew by each request, in a worker thread.
    """
    environment = make_environment()

    @app.get("/", include_in_schema=False)
    def page(
        incident: Annotated[str | None, Query(max_length=500)] = None,
        if_none_match: Annotated[str | None, Header()] = None,
    ) -> Response:
        try:
            data = gather(backend, incident)
        except UnknownNameError as error:
            missing = environment.get_template("missing.html").render(name=error.name)
            return _html(missing.encode("utf-8", "replace"), status=404)
        body = render(environment, make_page(data)).encode("utf-8", "replace")
        etag = f'"{sha256(body).hexdigest()[:32]}"'
        if if_none_match == etag:
            return Response(status_code=304, headers={**HEADERS, "ETag": etag})
        return _html(body, etag=etag)

    app.mount(STATIC, GuardedFiles(directory=Path(__file__).parent / "static"), name="static")


def _html(body: bytes, *, status: int = 200, etag: str = "") -> Response:
    headers = {**HEADERS, "ETag": etag} if etag else HEADERS
    return Response(body, status_code=status, headers=headers, media_type="text/html")
