"""Requests to an application without a network and without a thread."""

import asyncio

import httpx


class AppTransport(httpx.BaseTransport):
    """Runs an application in the calling thread; an error that escapes it becomes what a server would send."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app, raise_app_exceptions=False)

    def handle_request(self, request):
        """Answer with the whole body."""
        return asyncio.run(self._answer(request))

    async def _answer(self, request):
        content = request.read()
        sent = httpx.Request(
            request.method, request.url, headers=request.headers, content=_chunks(content, request), extensions={}
        )
        response = await self._inner.handle_async_request(sent)
        body = b"".join([part async for part in response.stream])
        return httpx.Response(response.status_code, headers=response.headers, content=body, request=request)


def _chunks(content, request):
    """The body in one piece, or in many if the request does not state its length."""
    if "content-length" in request.headers or not content:
        return content

    async def parts():
        for first in range(0, len(content), 65536):
            yield content[first : first + 65536]

    return parts()
