"""The application on a real socket."""

import socket
import threading

import httpx
import pytest

from models.errors import ConfigurationError
from service.api.app import create_app
from service.api.serving import ApiServer
from tests.service.store.examples import a_record


@pytest.fixture
def server(backend):
    """Serves in a thread until the end of the test."""
    server = ApiServer(create_app(backend), host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield server
    server.stop()
    thread.join(20)
    assert not thread.is_alive()


def test_it_serves(server):
    """A free port is taken, told, and answers."""
    assert server.url.startswith("http://127.0.0.1:")
    assert httpx.get(f"{server.url}/livez").json() == {"status": "alive"}
    assert httpx.get(f"{server.url}/livez", headers={"host": "evil.example"}).status_code == 421


def test_a_stream_follows_and_ends_with_the_server(server, backend):
    """A record that is written while somebody follows arrives; an open stream does not hold the server up."""
    with httpx.stream("GET", f"{server.url}/api/v1/events/stream", timeout=20) as response:
        lines = response.iter_lines()
        assert next(lines) == ": following"
        seq = backend.store.append(a_record(7)).seq
        assert next(line for line in lines if line.startswith("id:")) == f"id: {seq}"
        server.stop()
        assert not [line for line in lines if line.startswith("id:")]


def test_a_taken_port_is_told_at_once(backend):
    """A port that somebody else has is an error with a remedy, before anything runs."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}.*Remedy"):
            ApiServer(create_app(backend), host="127.0.0.1", port=port)
