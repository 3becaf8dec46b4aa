"""Each actuator with a peer that it acts on, in the same shape, so that one suite judges all of them."""

import base64
import socket
import sys
from collections.abc import Callable
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter

from benchmarks import real_peers
from models.simulator import SimulatedSystem, SimulatorSettings
from service.actuators.haproxy_socket import HaproxySocket
from service.actuators.registry import actuators_of
from service.actuators.router import ActuatorRouter
from service.actuators.settings import ActuatorSettings
from service.actuators.simulator import SimulatorActuator
from service.actuators.supervisor_rpc import SupervisorRpc
from service.actuators.waiting import Deadline
from service.clock import SystemClock
from service.ports import ActionKind
from tests.contracts.receiver import ApiServer, Receiver, listening

SECRET = "whsec_" + base64.b64encode(b"thirty-two bytes of great secrecy").decode()
PASSWORD = "pass-word-secret"
TOKEN = "very-secret-token"
SWITCHING = ["ISOLATE_COMPONENT", "RELEASE_COMPONENT"]


@dataclass(frozen=True, kw_only=True)
class Rig:
    """What the suite needs of one actuator."""

    make: Callable[[], Any]
    """A new hand on the same peer, as after a restart of Faultline."""
    snapshot: Callable[[], Any]
    """How the peer is."""
    kind: ActionKind
    component: str = "web"
    deaf: Callable[[], Any] | None = None
    """A hand whose peer takes everything and never answers."""
    secrets: tuple[str, ...] = ()
    forgets: bool = False
    """Whether a new hand cannot tell what an old one did."""


def hand_of(settings, name="hand"):
    """An actuator, from settings as a file has them."""
    checked = TypeAdapter(ActuatorSettings).validate_python(settings)
    return actuators_of({name: checked}, SystemClock())[name]


@contextmanager
def deaf_port():
    """A port that takes connections and never says anything."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(64)
        yield listener.getsockname()[1]


@contextmanager
def simulator_rig(peers):
    """The simulated system."""
    system = SimulatedSystem(SimulatorSettings(seed=3, step_s=300.0))
    yield Rig(
        make=lambda: SimulatorActuator(system),
        snapshot=lambda: [repr(system.state_of(name)) for name in system.topology.names],
        kind=ActionKind.ISOLATE_COMPONENT,
        component="payment",
    )


@contextmanager
def router_rig(peers):
    """A router with the simulated system behind it."""
    with simulator_rig(peers) as rig:
        yield Rig(
            make=lambda: ActuatorRouter({"simulator": rig.make()}),
            snapshot=rig.snapshot,
            kind=rig.kind,
            component=rig.component,
        )


@contextmanager
def supervisor_rig(peers):
    """A real supervisor with two sleepers."""
    unix, http = peers.supervisor
    settings = {
        "type": "supervisor",
        "url": http,
        "username": "faultline",
        "password": PASSWORD,
        "allow": SWITCHING,
        "components": {"web": {"programs": ["one"], "slots": ["two"]}},
    }
    rpc = SupervisorRpc("rig", unix, "", "")
    rpc.start("one", Deadline(5))
    real_peers.wait_until(lambda: rpc.info("one", Deadline(5))["state"] == 20)
    with deaf_port() as port:
        yield Rig(
            make=lambda: hand_of(settings),
            snapshot=lambda: [
                (info["state"], info["pid"]) for info in (rpc.info(name, Deadline(5)) for name in ("one", "two"))
            ],
            kind=ActionKind.ISOLATE_COMPONENT,
            deaf=lambda: hand_of(settings | {"url": f"http://127.0.0.1:{port}", "timeout_s": 0.3}),
            secrets=(PASSWORD, base64.b64encode(f"faultline:{PASSWORD}".encode()).decode()),
        )


@contextmanager
def haproxy_rig(peers):
    """A real HAProxy with two servers."""
    settings = {
        "type": "haproxy",
        "url": peers.haproxy,
        "allow": SWITCHING,
        "components": {"web": {"servers": ["web/web-1"]}},
    }
    runtime = HaproxySocket("rig", peers.haproxy)
    runtime.change([f"set server web/{name} state ready" for name in ("web-1", "web-2")], Deadline(5))
    with deaf_port() as port:
        yield Rig(
            make=lambda: hand_of(settings),
            snapshot=lambda: runtime.states("web", Deadline(5)),
            kind=ActionKind.ISOLATE_COMPONENT,
            deaf=lambda: hand_of(settings | {"url": f"tcp://127.0.0.1:{port}", "timeout_s": 0.3}),
        )


@contextmanager
def webhook_rig(peers):
    """A receiver that keeps what it did."""
    receiver = Receiver(SECRET)
    with listening(receiver) as url, deaf_port() as port:
        settings = {
            "type": "webhook",
            "url": f"{url}/hook/path-secret",
            "status_url": f"{url}/status",
            "secret": SECRET,
            "allow": SWITCHING,
            "components": ["web"],
        }
        deaf = {"url": f"http://127.0.0.1:{port}/path-secret", "status_url": "", "timeout_s": 0.3}
        yield Rig(
            make=lambda: hand_of(settings),
            snapshot=lambda: list(receiver.done),
            kind=ActionKind.ISOLATE_COMPONENT,
            deaf=lambda: hand_of(settings | deaf),
            secrets=(SECRET, SECRET.removeprefix("whsec_"), "path-secret"),
        )


@contextmanager
def kubernetes_rig(peers):
    """A fake of the API server."""
    server = ApiServer()
    with listening(server) as url, deaf_port() as port:
        settings = {
            "type": "kubernetes",
            "api_url": url,
            "token": TOKEN,
            "allow": ["RESTART_COMPONENT", "SCALE_UP", "SCALE_DOWN"],
            "timeout_s": 5,
            "components": {"web": {"deployment": "web", "namespace": "shop"}},
        }
        yield Rig(
            make=lambda: hand_of(settings),
            snapshot=lambda: server.deployment,
            kind=ActionKind.RESTART_COMPONENT,
            deaf=lambda: hand_of(settings | {"api_url": f"http://127.0.0.1:{port}", "timeout_s": 0.3}),
            secrets=(TOKEN,),
        )


@contextmanager
def command_rig(peers):
    """Programs that make a file and look for it."""
    with real_peers.scratch() as directory:
        file = str(directory / "{component}")
        make = 'import os, pathlib, sys; print(os.environ["KEY"]); pathlib.Path(sys.argv[1]).touch()'
        template = {
            "run": [sys.executable, "-S", "-c", make, file],
            "probe": ["/usr/bin/test", "-e", file],
            "dry_run": ["/bin/sh", "-c", 'echo "with $KEY"'],
        }
        settings = {
            "type": "command",
            "environment": {"KEY": PASSWORD},
            "allow": SWITCHING,
            "commands": {"ISOLATE_COMPONENT": template, "RELEASE_COMPONENT": {"run": ["/bin/rm", "-f", file]}},
            "components": {"web": {}},
        }
        sleep = {"run": ["/bin/sleep", "60"]}
        forever = {"commands": dict.fromkeys(SWITCHING, sleep), "timeout_s": 0.3}
        yield Rig(
            make=lambda: hand_of(settings),
            snapshot=lambda: sorted(path.name for path in directory.iterdir()),
            kind=ActionKind.ISOLATE_COMPONENT,
            deaf=lambda: hand_of(settings | forever),
            secrets=(PASSWORD,),
        )


RIGS = {
    "simulator": simulator_rig,
    "router": router_rig,
    "supervisor": supervisor_rig,
    "haproxy": haproxy_rig,
    "webhook": webhook_rig,
    "kubernetes": kubernetes_rig,
    "command": command_rig,
}


class Peers:
    """The real peers, started when they are first asked for."""

    def __init__(self):
        self._held, self._supervisor, self._haproxy = ExitStack(), None, None

    @property
    def supervisor(self):
        """Addresses of a supervisor with two sleepers, the second a slot."""
        if self._supervisor is None:
            directory = self._held.enter_context(real_peers.scratch())
            sleepers = [
                real_peers.program(name, "/bin/sleep 600", startsecs=0, autostart=auto)
                for name, auto in (("one", "true"), ("two", "false"))
            ]
            started = real_peers.supervisor(directory, sleepers, password=PASSWORD)
            self._supervisor = self._held.enter_context(started)
        return self._supervisor

    @property
    def haproxy(self):
        """Address of a HAProxy whose servers count as up."""
        if real_peers.find_haproxy() is None:
            pytest.skip(real_peers.HAPROXY_REMEDY)
        if self._haproxy is None:
            directory = self._held.enter_context(real_peers.scratch())
            servers = [f"web-{n} 127.0.0.1:{port} no-check" for n, port in enumerate(real_peers.free_ports(2), 1)]
            self._haproxy, _ = self._held.enter_context(real_peers.haproxy(directory, servers))
        return self._haproxy

    def close(self):
        """End what was started."""
        self._held.close()
