"""What every request passes before a route sees it: host, content type, size, request id; and the last resort.

Plain ASGI, so that event streams are not held back.
"""

import logging
import re
import secrets

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_response
from service.api.settings import ApiSettings

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HOST = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<name>[^:\[\]]+))(?::\d{1,5})?")
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}

logger = logging.getLogger(__name__)

Refusal = tuple[int, str]
"""A status and what to say."""


class Guards:
    """The outermost layer of the application.

    Parameters
    ----------
    app
        What it guards.
    settings
        Hosts and sizes.
    """

    def __init__(self, app: ASGIApp, settings: ApiSettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse the request, or pass it on; answer 500 if what follows fails."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        scope["faultline.request_id"] = request_id = _request_id(headers)
        answer = _Answer(send, request_id)
        refusal = _refuse(scope["method"], headers, self._settings)
        if refusal is not None:
            await problem_response(Request(scope), *refusal)(scope, receive, answer)
            return
        try:
            await self._app(scope, _limited(receive, self._settings.max_body_bytes), answer)
        except Exception:
            logger.exception("request %s failed", request_id)
            if answer.has_started:
                raise
            detail = "The service failed; its log says more under the request id."
            await problem_response(Request(scope), 500, detail)(scope, receive, answer)


class _Answer:
    """The way back: adds headers, and knows whether it began."""

    def __init__(self, send: Send, request_id: str) -> None:
        self._send = send
        self._request_id = request_id
        self.has_started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_started = True
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self._request_id
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)


def _request_id(headers: Headers) -> str:
    given = headers.get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)


def _refuse(method: str, headers: Headers, settings: ApiSettings) -> Refusal | None:
    if _host(headers) not in settings.allowed_hosts:
        return 421, f"The host {headers.get('host', '')[:100]!r} is not served here."
    if method in _SAFE_METHODS:
        return None
    if headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}:
        return 403, "A page of another origin must not change anything here."
    content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    # A foreign page can send no other method without asking first, and nobody answers that here.
    if method == "POST" and content_type != "application/json":
        return 415, "Send the body as application/json; an empty object if there is nothing to say."
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()) or int(length[:20]) > settings.max_body_bytes:
        return 413, f"The body may have at most {settings.max_body_bytes} bytes."
    return None


def _host(headers: Headers) -> str:
    match = _HOST.fullmatch(headers.get("host", ""))
    return (match["six"] or match["name"]).lower() if match else ""


def _limited(receive: Receive, limit: int) -> Receive:
    """Count the bytes that come in, for bodies that do not say their length."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, f"The body may have at most {limit} bytes.")
        return message

    return counted
