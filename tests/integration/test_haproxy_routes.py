"""Closed routes are closed on the wire: a real HAProxy refuses the call."""

import http.client
import subprocess
import sys
from contextlib import ExitStack

import pytest
from typer.testing import CliRunner

from benchmarks import real_peers
from service.actuators.haproxy_routes import HaproxyRoutes
from service.actuators.settings import HaproxySettings
from service.cli import app
from service.ports import PermanentError, TransientError

pytestmark = pytest.mark.usefixtures("haproxy_here")
BOUNDARIES = """
boundaries:
  - id: shop
    name: Shop
    type: SERVICE
    components: [web, orders]
    failure_propagation:
      blocked_routes: [{caller: web, callee: payments}]
  - id: money
    name: Money
    type: SERVICE
    components: [payments]
"""


@pytest.fixture(scope="module")
def peer(directory, haproxy_here):
    """Settings of a HAProxy that looks routes to payments up, and its port."""
    script, found = directory / "backend.py", directory / "closed.map"
    script.write_text(real_peers.BACKEND)
    found.write_text("")
    (port,) = real_peers.free_ports(1)
    rule = f"req.hdr(x-caller),concat(/payments),map_str({found}) -m found"
    with ExitStack() as held:
        held.enter_context(
            real_peers.ended(subprocess.Popen([sys.executable, "-S", "-E", str(script), str(port), "0", "payments"]))
        )
        real_peers.wait_until(lambda: real_peers.can_connect(port))
        more = f"  http-request deny deny_status 503 if {{ {rule} }}\n"
        url, front = held.enter_context(
            real_peers.haproxy(directory, [f"payments 127.0.0.1:{port} no-check"], more=more)
        )
        settings = {"type": "haproxy", "url": url, "allow": ["ISOLATE_COMPONENT", "RELEASE_COMPONENT"]}
        settings |= {"components": {"payments": {"servers": ["web/payments"]}}, "routes_map": str(found)}
        yield settings, front


@pytest.fixture
def routes(peer):
    """The map, empty."""
    made = HaproxyRoutes("balancer", HaproxySettings(**peer[0]))
    made.apply(())
    return made


def status(port, caller):
    """What a caller is answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"x-caller": caller})
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_closed_route_is_refused_and_an_open_one_is_not(peer, routes):
    """By who calls whom; opened again, the call goes through; the same twice changes nothing."""
    assert routes.apply([("web", "payments")]).is_changed
    assert (status(peer[1], "web"), status(peer[1], "orders")) == (503, 200)
    assert not routes.apply([("web", "payments")]).is_changed
    outcome = routes.apply([("orders", "payments")])
    assert outcome.detail == "balancer: close orders/payments; open web/payments, verified"
    assert (status(peer[1], "web"), status(peer[1], "orders")) == (200, 503)


def test_a_rehearsal_closes_nothing(peer, routes):
    """It says what would be changed."""
    assert routes.rehearse([("web", "payments")]) == "balancer would close web/payments"
    assert status(peer[1], "web") == 200


@pytest.mark.parametrize("name", ["a b", "a\nb", "a;b", "a\0b", "<<", 'a"b', "a#b", "a\\b"])
def test_names_that_could_be_commands_are_refused(peer, routes, name):
    """Before anything is sent."""
    with pytest.raises(PermanentError, match="cannot stand in a map"):
        routes.apply([(name, "payments")])
    assert status(peer[1], "web") == 200


def test_an_unknown_map_is_named(peer):
    """As HAProxy says it; nobody there may pass."""
    with pytest.raises(PermanentError, match=r"/no/such\.map: Unknown map"):
        HaproxyRoutes("balancer", HaproxySettings(**peer[0] | {"routes_map": "/no/such.map"})).apply(())
    with pytest.raises(TransientError, match="cannot be reached"):
        HaproxyRoutes("balancer", HaproxySettings(**peer[0] | {"url": "unix:///no/such.sock"})).apply(())


def test_the_command_line_closes_what_boundaries_block(peer, routes, tmp_path, monkeypatch):
    """From the file of boundaries to the wire; a dry run first."""
    settings, port = peer
    monkeypatch.chdir(tmp_path)
    (tmp_path / "boundaries.yaml").write_text(BOUNDARIES)
    (tmp_path / "faultline.toml").write_text(
        f'[actuators.balancer]\ntype = "haproxy"\nurl = "{settings["url"]}"\nallow = {settings["allow"]}\n'
        f'routes_map = "{settings["routes_map"]}"\ncomponents.payments.servers = ["web/payments"]\n'
    )
    dry = CliRunner().invoke(app, ["actuators", "routes", "boundaries.yaml", "--dry-run"])
    assert (dry.exit_code, dry.output) == (0, "balancer would close web/payments\n")
    assert status(port, "web") == 200
    done = CliRunner().invoke(app, ["actuators", "routes", "boundaries.yaml"])
    assert (done.exit_code, done.output) == (0, "balancer: close web/payments, verified\n")
    assert (status(port, "web"), status(port, "orders")) == (503, 200)
