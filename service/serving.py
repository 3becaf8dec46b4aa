"""Serving the API and the page while the loop goes on in a thread of its own."""

import threading
from collections.abc import Callable
from contextlib import closing
from typing import Self

from service.api.app import create_app
from service.api.serving import ApiServer
from service.bootstrap import Application
from service.config import Settings
from service.web.routes import mount


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

    def __enter__(self) -> Self:
        self.start()
        self._app.engine.driver = self
        return self

    def __exit__(self, *_: object) -> None:
        """End after the present step."""
        self._is_over.set()
        self.join()


def serve_live(app: Application, settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C; the loop goes on meanwhile. The store is closed whatever happens.

    Parameters
    ----------
    app
        Wired; its store is closed at the end.
    settings
        Host, port and pace; ConfigurationError if the port is taken.
    announce
        Told the address.
    """
    try:
        web = create_app(app.desk)
        mount(web, app.desk)
        listening = closing(ApiServer(web, host=settings.host, port=settings.port))
        with listening as server, app.checks, Pacemaker(app, settings.engine.step_interval_s):
            announce(server.url)
            server.run()
    finally:
        app.store.close()
