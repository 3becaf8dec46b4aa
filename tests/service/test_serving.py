"""Serving while the loop goes on: in a process of its own, until Ctrl-C."""

import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from models.errors import ConfigurationError
from service.api.app import create_app
from service.config import EngineSettings, Settings
from service.serving import Pacemaker, serve_live
from tests.service.api.asgi import AppTransport
from tests.trained_system import an_application

ROOT = Path(__file__).parents[2]
SCRIPT = """
from service.config import EngineSettings, Settings
from service.serving import serve_live
from tests.trained_system import an_application

app = an_application(store_url="sqlite:///kept.db")
close = app.store.close

def closed():
    close()
    print("closed", flush=True)

app.store.close = closed
settings = Settings(port=0, engine=EngineSettings(step_interval_s=0.02))
serve_live(app, settings, lambda url: print(url, flush=True))
print(app.engine.pulse.error_count, app.engine.pulse.rows_read > 0, flush=True)
"""


@pytest.fixture
def app():
    """The wired loop."""
    app = an_application()
    yield app
    app.store.close()


def a_settings(port):
    """With a quick loop."""
    return Settings(port=port, engine=EngineSettings(step_interval_s=0.01))


def test_it_serves_until_ctrl_c(tmp_path):
    """The API and the page answer while rows come in; SIGINT ends it with code 0 and the store closed."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error::ResourceWarning", "-c", SCRIPT],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        url = process.stdout.readline().strip()
        assert url.startswith("http://127.0.0.1:"), process.stderr.read()
        assert httpx.get(f"{url}/livez").json() == {"status": "alive"}
        page = httpx.get(url, follow_redirects=True)
        assert (page.status_code, "payment" in page.text) == (200, True)
        assert httpx.get(f"{url}/api/v1/incidents").status_code == 200
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out.split(), err) == (0, ["closed", "0", "True"], "")


def test_a_taken_port_is_told_and_the_store_closed(app, monkeypatch):
    """Nothing is announced, no loop is started, and the error names the port and a remedy."""
    ended = []
    monkeypatch.setattr(app.store, "close", lambda: ended.append(True))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}.*Remedy"):
            serve_live(app, a_settings(port), pytest.fail)
    assert (ended, app.engine.pulse.last_step_at) == ([True], None)
    monkeypatch.undo()


def test_a_failing_announcement_ends_the_loop(app, monkeypatch):
    """When the terminal is gone before the first word, the loop stops and the store is closed all the same."""
    ended = []
    monkeypatch.setattr(app.store, "close", lambda: ended.append(True))

    def broken(_):
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        serve_live(app, a_settings(0), broken)
    rows = app.engine.pulse.rows_read
    assert (ended, app.engine.pulse.rows_read) == ([True], rows)
    monkeypatch.undo()


def test_the_pacemaker_steps_until_it_is_told_to_stop(app):
    """It goes on through failing steps, and nothing happens after its end."""
    source, seen = app.engine._source, []
    read = source.read

    def sometimes():
        seen.append(True)
        if len(seen) == 2:
            raise OSError("a hiccup")
        return read()

    source.read = sometimes
    pacemaker = Pacemaker(app, 0.001)
    with pacemaker:
        while len(seen) < 5:
            pacemaker.join(0.01)
            assert pacemaker.is_alive()
    assert not pacemaker.is_alive()
    rows = app.engine.pulse.rows_read
    assert (rows, app.engine.pulse.error_count) == (len(seen) - 1, 1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # it dies on purpose
def test_a_loop_that_died_shows_in_the_health(app, monkeypatch):
    """While its thread lives the service is ready; when nothing can be caught any more, health and readiness say so."""
    with httpx.Client(transport=AppTransport(create_app(app.desk)), base_url="http://127.0.0.1") as client:
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr(app.engine, "_forget_the_resolved", sys.exit)
        with Pacemaker(app, 0.001) as pacemaker:
            pacemaker.join(30)
            assert not pacemaker.is_alive()
            told = client.get("/health").json()
            assert (told["status"], "the loop has ended" in told["reason"]) == ("UNHEALTHY", True)
            assert client.get("/readyz").status_code == 503


def test_a_loop_whose_steps_fail_goes_on_and_says_so(app, monkeypatch):
    """An error between the stages does not end the thread; the health is degraded until it is over."""
    monkeypatch.setattr(app.engine.casebook.__class__, "open", property(lambda _: 1 / 0))
    client = httpx.Client(transport=AppTransport(create_app(app.desk)), base_url="http://127.0.0.1")
    with client, Pacemaker(app, 0.001) as pacemaker:
        while app.engine.pulse.error_count < 3:
            pacemaker.join(0.01)
        assert pacemaker.is_alive()
        told = client.get("/health").json()
    assert (told["status"], "ZeroDivisionError" in told["reason"]) == ("DEGRADED", True)
