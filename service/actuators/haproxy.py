"""Takes servers behind HAProxy out of traffic and puts them back, through the runtime socket.

HAProxy answers a change with nothing, so each one is verified by reading the states of the servers again. Changes at
run time are lost when HAProxy is reloaded. Source: HAProxy 2.6, doc/management.txt, sections 9.3 "set server", "set
weight", "show servers state", "show stat".
"""

from collections.abc import Iterable, Mapping
from threading import Lock

from service.actuators.base import PeerActuator, check_parameters, is_number
from service.actuators.haproxy_socket import HaproxySocket, ServerState
from service.actuators.settings import HaproxySettings, Servers
from service.actuators.waiting import Deadline
from service.ports import Action, ActionKind, ActionOutcome, InDoubtError, PermanentError, TransientError

_AWAY = frozenset({ActionKind.ISOLATE_COMPONENT, ActionKind.REDIRECT_TRAFFIC, ActionKind.ENABLE_BACKUP})
_BACKUPS = frozenset({ActionKind.ENABLE_BACKUP, ActionKind.DISABLE_BACKUP})
States = Mapping[str, ServerState]


class HaproxyActuator(PeerActuator):
    """Isolates by draining, redirects by weight, and lets backups serve by maintenance of the others.

    ISOLATE_COMPONENT sets the servers to drain, then waits ``drain_s`` for the requests that are under way; those that
    are still open then are named in the outcome. RELEASE_COMPONENT sets them ready and waits until they are up.
    REDIRECT_TRAFFIC leaves them ``percent`` of their weight (default 0), RESTORE_TRAFFIC all of it. ENABLE_BACKUP puts
    them into maintenance once their backups are up; DISABLE_BACKUP ends that and waits until they are up.

    Parameters
    ----------
    name
        As in the settings.
    settings
        Of this actuator.
    """

    def __init__(self, name: str, settings: HaproxySettings) -> None:
        super().__init__(name, settings.allow, settings.components)
        self._settings = settings
        self._socket = HaproxySocket(name, settings.url)
        self._changing = Lock()

    def _gap(self, kind: ActionKind, component: str) -> str:
        if kind in _BACKUPS and not self._settings.components[component].backups:
            return f"{self.name} knows no backups of {component}"
        return ""

    def _rehearse(self, action: Action) -> str:
        deadline = Deadline(self._settings.timeout_s)
        target = self._settings.components[action.component]
        states = self._states(target, deadline)
        commands = self._commands(action, target, states)
        self._check_left(action, target, states, deadline)
        now = ", ".join(f"{name} is {states[name].words}" for name in (*target.servers, *target.backups))
        return f"{'; '.join(commands) or 'do nothing, as it is so already'} ({now})"

    def _perform(self, action: Action) -> ActionOutcome:
        deadline = Deadline(self._settings.timeout_s)
        target = self._settings.components[action.component]
        with self._changing:  # two actions at one time must not both count on the same server that is left
            states = self._states(target, deadline)
            commands = self._commands(action, target, states)
            self._check_left(action, target, states, deadline)
            self._socket.change(commands, deadline)
        self._verify(action, target, deadline)
        return ActionOutcome(is_changed=bool(commands), detail=self._settled(action, target, commands, deadline))

    def _probe(self, action: Action) -> bool | None:
        target = self._settings.components[action.component]
        return not self._commands(action, target, self._states(target, Deadline(self._settings.timeout_s)))

    def _commands(self, action: Action, target: Servers, states: States) -> list[str]:
        """Write what is still to be done; nothing, where the action's effect is in place."""
        percent = _percent(action)
        if action.kind is ActionKind.ISOLATE_COMPONENT:
            return [f"set server {s} state drain" for s in target.servers if states[s].is_open]
        if action.kind is ActionKind.ENABLE_BACKUP:
            opened = [f"set server {s} state ready" for s in target.backups if not states[s].is_open]
            return opened + [f"set server {s} state maint" for s in target.servers if not states[s].is_shut]
        if percent is not None:
            wanted = {s: self._weight(states[s], percent) for s in target.servers}
            return [f"set server {s} weight {wanted[s]}" for s in target.servers if states[s].weight != wanted[s]]
        return [f"set server {s} state ready" for s in target.servers if not states[s].is_open]

    def _weight(self, state: ServerState, percent: float) -> int:
        weight = round(state.initial_weight * percent / 100)
        if 0 < percent < 100 and weight in {0, state.initial_weight}:
            raise PermanentError(
                f"{self.name}: {percent:g} % of the weight {state.initial_weight} of {state.name} is no whole number; "
                "configure it with weight 100."
            )
        return weight

    def _check_left(self, action: Action, target: Servers, states: States, deadline: Deadline) -> None:
        """Refuse to leave a backend with too few servers; counted after the action."""
        if action.kind not in _AWAY or _percent(action):
            return
        if action.kind is ActionKind.ENABLE_BACKUP:
            self._check_backups(target, states, deadline)
        for backend in _backends(target.servers):
            taken = {s for s in target.servers if s.startswith(f"{backend}/")}
            if action.kind is ActionKind.ENABLE_BACKUP or not any(states[s].is_serving for s in taken):
                continue
            left = sum(
                state.is_serving for s, state in states.items() if s.startswith(f"{backend}/") and s not in taken
            )
            if left < self._settings.min_serving:
                raise PermanentError(
                    f"{self.name}: {action.kind} on {action.component} would leave {left} serving servers in backend "
                    f"{backend}, min_serving is {self._settings.min_serving}."
                )

    def _check_backups(self, target: Servers, states: States, deadline: Deadline) -> None:
        """Taking the servers out helps only where HAProxy knows the others as backups, and they are up."""
        figures = {}
        for backend in _backends(target.backups):
            figures.update(self._socket.stat(backend, deadline))
        for server in target.backups:
            if figures.get(server, {}).get("bck") != "1":
                raise PermanentError(f"{self.name}: {server} is no backup server in HAProxy's configuration.")
            if not states[server].is_shut and not states[server].is_up:
                raise TransientError(f"{self.name}: the backup {server} is down.")

    def _verify(self, action: Action, target: Servers, deadline: Deadline) -> None:
        def is_done() -> bool:
            states = self._states(target, deadline)
            awaited = () if action.kind in _AWAY else target.servers
            return not self._commands(action, target, states) and all(states[s].is_up for s in awaited)

        try:
            if deadline.wait_for(is_done):
                return
            shown = self._states(target, Deadline(1.0))
        except TransientError as error:
            raise InDoubtError(f"{error} {action.kind} on {action.component} was sent and is not verified.") from error
        words = ", ".join(f"{s} is {shown[s].words}, {'up' if shown[s].is_up else 'down'}" for s in target.servers)
        raise TransientError(f"{self.name}: {action.kind} on {action.component} is not in place: {words}.")

    def _settled(self, action: Action, target: Servers, commands: list[str], deadline: Deadline) -> str:
        done = f"{'; '.join(commands)}, verified" if commands else "it was so already"
        if action.kind is not ActionKind.ISOLATE_COMPONENT or not self._settings.drain_s:
            return f"{self.name}: {done}"
        wait = Deadline(self._settings.drain_s)
        try:
            is_idle = wait.wait_for(lambda: not self._open_requests(target, wait))
            left = 0 if is_idle else self._open_requests(target, deadline)
        except TransientError:
            return f"{self.name}: {done}; how many requests were left cannot be told"
        if is_idle:
            return f"{self.name}: {done}; no request is open"
        return f"{self.name}: {done}; {left} requests were still open after {self._settings.drain_s:g} s"

    def _open_requests(self, target: Servers, deadline: Deadline) -> int:
        figures: dict[str, dict[str, str]] = {}
        for backend in _backends(target.servers):
            figures.update(self._socket.stat(backend, deadline))
        return sum(int(figures.get(server, {}).get("scur") or 0) for server in target.servers)

    def _states(self, target: Servers, deadline: Deadline) -> dict[str, ServerState]:
        states: dict[str, ServerState] = {}
        for backend in _backends((*target.servers, *target.backups)):
            states.update(self._socket.states(backend, deadline))
        for server in (*target.servers, *target.backups):
            if server not in states:
                raise PermanentError(
                    f"{self.name}: HAProxy has no server {server}; it has {', '.join(sorted(states))}."
                )
        return states


def _backends(servers: Iterable[str]) -> list[str]:
    return sorted({server.partition("/")[0] for server in servers})


def _percent(action: Action) -> float | None:
    """Share of the weight that an action leaves; None for actions that do not touch the weight."""
    if action.kind is ActionKind.REDIRECT_TRAFFIC:
        check_parameters(action, {"percent"})
        percent: object = action.parameters.get("percent", 0)
        if not is_number(percent) or not 0 <= percent < 100:
            raise PermanentError(f"{action.kind} on {action.component}: percent must be a number from 0 to below 100.")
        return float(percent)
    check_parameters(action, {"percent"} if action.kind is ActionKind.RESTORE_TRAFFIC else ())
    return 100.0 if action.kind is ActionKind.RESTORE_TRAFFIC else None
