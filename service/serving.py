"""Serving the API and the page over HTTP while the loop goes on in a thread of its own."""

import contextlib
import threading

import uvicorn

from models.errors import ConfigurationError
from service.bootstrap import Application
from service.config import Settings


class Pacemaker(threading.Thread):
    """Calls the loop at a steady pace until it is told to stop.

    Parameters
    ----------
    app
        With the engine to step.
    interval_s
        Between two steps, seconds.
    """

    def __init__(self, app: Application, interval_s: float) -> None:
        super().__init__(name="faultline-loop", daemon=True)
        self._app = app
        self._interval_s = interval_s
        self._is_over = threading.Event()

    def run(self) -> None:
        """Step, wait, step again."""
        while not self._is_over.wait(self._interval_s):
            self._app.engine.step()

    def stop(self) -> None:
        """End after the present step."""
        self._is_over.set()
        self.join(timeout=10)


def serve_live(app: Application, settings: Settings) -> None:
    """Serve until Ctrl-C; the loop goes on meanwhile.

    Parameters
    ----------
    app
        Wired.
    settings
        Host, port and pace.

    Raises
    ------
    ConfigurationError
        If the port is taken.
    """
    from service.api.app import create_app
    from service.web.routes import mount

    web = create_app(app.desk)
    mount(web, app.desk)
    config = uvicorn.Config(
        web, host=settings.host, port=settings.port, log_level="warning", access_log=False, timeout_graceful_shutdown=3
    )
    server = uvicorn.Server(config)
    try:
        socket = config.bind_socket()
    except SystemExit:
        raise ConfigurationError(
            f"Port {settings.port} on {settings.host} cannot be used.", remedy="choose another with --port"
        ) from None
    pacemaker = Pacemaker(app, settings.engine.step_interval_s)
    pacemaker.start()
    host, port = socket.getsockname()[:2]
    print(f"Serving the page and the API on http://{host}:{port} until Ctrl-C", flush=True)  # noqa: T201  # the command's answer
    try:
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[socket])
    finally:
        pacemaker.stop()
        app.store.close()
