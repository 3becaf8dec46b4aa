"""Serves the application on a socket until it is told to stop, and ends open event streams then."""

import contextlib
import os
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from models.errors import ConfigurationError

GRACE_S = 3


class ApiServer:
    """The application on an address, which is taken at once, so that a taken port is noticed before anything is shown.

    Parameters
    ----------
    app
        From ``create_app``.
    host
        Address to listen on.
    port
        Port to listen on; 0 takes a free one. ConfigurationError if the address cannot be listened on.
    """

    def __init__(self, app: FastAPI, *, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, ws="none", timeout_graceful_shutdown=GRACE_S
        )
        self._server = _Server(config, app)

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._socket.getsockname()[:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    def run(self) -> None:
        """Serve until ``stop`` is called, or until Ctrl-C when run in the main thread."""
        with contextlib.suppress(KeyboardInterrupt), self._socket:
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """Let requests in flight end, and ``run`` return."""
        self._server.close()

    def close(self) -> None:
        """Give the address back; ``run`` does that at its end."""
        self._socket.close()


class _Server(uvicorn.Server):
    """Ends event streams when it is to exit; they would hold it up otherwise."""

    def __init__(self, config: uvicorn.Config, app: FastAPI) -> None:
        super().__init__(config)
        self._app = app

    def close(self) -> None:
        self._app.state.is_closing = True
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._app.state.is_closing = True
        super().handle_exit(sig, frame)


def check_address(host: str, port: int) -> None:
    """Find out early whether an address can be listened on; ConfigurationError if not.

    Parameters
    ----------
    host
        Address.
    port
        0 is always free.
    """
    _listen(host, port).close()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise ConfigurationError(
            f"Cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}.",
            remedy="stop what listens there, or choose another port (0 takes a free one).",
        ) from error
