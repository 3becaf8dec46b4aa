"""Restarts, stops, starts and scales processes under supervisor.

Source: supervisor 4, doc/api.rst and supervisor/states.py. Starting and stopping are asked for without waiting there;
the state is looked at until it is as wanted, so that a call never hangs for as long as a process takes.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from service.actuators.base import PeerActuator, check_parameters, is_number, wanted_replicas
from service.actuators.process_age import process_age_s
from service.actuators.settings import Programs, SupervisorSettings
from service.actuators.supervisor_rpc import SupervisorFaultError, SupervisorRpc
from service.actuators.waiting import Deadline
from service.ports import Action, ActionKind, ActionOutcome, Clock, InDoubtError, PermanentError, TransientError

_RUNNING, _STOPPED, _STOPPING, _EXITED, _FATAL = 20, 0, 40, 100, 200
_UP = frozenset({10, _RUNNING, 30})
_DOWN = frozenset({_STOPPED, _EXITED, _FATAL, 1000})
_SCALING = frozenset({ActionKind.SCALE_UP, ActionKind.SCALE_DOWN})
_SLACK_S = 1.0
"""Supervisor tells times in whole seconds: what lies so near together cannot be put in order."""


class SupervisorActuator(PeerActuator):
    """A hand on a supervisor.

    RESTART_COMPONENT stops and starts the programs one after the other; those that started after the action was asked
    for are left alone, so that an interrupted restart is completed and not repeated. ISOLATE_COMPONENT stops all
    processes of the component, slots included, RELEASE_COMPONENT starts its programs. SCALE_UP and SCALE_DOWN start
    and stop slots; the parameter is ``replicas`` or ``factor`` (default 2), and more than there are slots for is
    refused.

    Parameters
    ----------
    name
        As in the settings.
    settings
        Of this actuator.
    clock
        Compared with the clock of the supervisor.
    """

    def __init__(self, name: str, settings: SupervisorSettings, clock: Clock) -> None:
        super().__init__(name, settings.allow, settings.components)
        self._settings = settings
        self._clock = clock
        self._rpc = SupervisorRpc(name, settings.url, settings.username, settings.password.get_secret_value())

    def _gap(self, kind: ActionKind, component: str) -> str:
        if kind in _SCALING and not self._settings.components[component].slots:
            return f"{self.name} knows no slots of {component}"
        return ""

    def _rehearse(self, action: Action) -> str:
        deadline = Deadline(self._settings.timeout_s)
        target = self._settings.components[action.component]
        infos = self._infos((*target.programs, *target.slots), deadline)
        now = ", ".join(f"{name} is {info['statename']}" for name, info in infos.items())
        if action.kind in _SCALING:
            starting, stopping = self._slots_to_change(action, target, infos)
            what = [f"start {name}" for name in starting] + [f"stop {name}" for name in stopping]
        else:
            check_parameters(action)
            verb = {ActionKind.RESTART_COMPONENT: "restart", ActionKind.RELEASE_COMPONENT: "start"}
            names = list(infos) if action.kind is ActionKind.ISOLATE_COMPONENT else target.programs
            what = [f"{verb.get(action.kind, 'stop')} {name}" for name in names]
        return f"{', '.join(what) or 'do nothing, as it is so already'} ({now})"

    def _perform(self, action: Action) -> ActionOutcome:
        deadline = Deadline(self._settings.timeout_s)
        target = self._settings.components[action.component]
        infos = self._infos((*target.programs, *target.slots), deadline)
        if action.kind in _SCALING:
            starting, stopping = self._slots_to_change(action, target, infos)
            return self._outcome(self._started(starting, deadline) + self._stopped(stopping, deadline))
        check_parameters(action)
        if action.kind is ActionKind.ISOLATE_COMPONENT:
            return self._outcome(self._stopped(list(infos), deadline))
        if action.kind is ActionKind.RELEASE_COMPONENT:
            return self._outcome(self._started(target.programs, deadline))
        due = [name for name in target.programs if self._was_restarted(infos[name], action.asked_at) is not True]
        return self._outcome([word for name in due for word in self._restarted(name, deadline)])

    def _probe(self, action: Action) -> bool | None:
        target = self._settings.components[action.component]
        infos = self._infos((*target.programs, *target.slots), Deadline(self._settings.timeout_s))
        if action.kind is ActionKind.ISOLATE_COMPONENT:
            return all(info["state"] in _DOWN for info in infos.values())
        if action.kind is ActionKind.RELEASE_COMPONENT:
            return all(infos[name]["state"] == _RUNNING for name in target.programs)
        if action.kind in _SCALING:
            return self._is_scaled(action, target, infos)
        seen = [self._was_restarted(infos[name], action.asked_at) for name in target.programs]
        return False if False in seen else None if None in seen else True

    def _is_scaled(self, action: Action, target: Programs, infos: dict[str, dict[str, Any]]) -> bool | None:
        """Whether the wanted number is there, or a slot was started or stopped since."""
        if "replicas" in action.parameters:
            starting, stopping = self._slots_to_change(action, target, infos)
            return not starting and not stopping
        is_up = action.kind is ActionKind.SCALE_UP
        wanted = _UP if is_up else _DOWN
        moved = [self._order(infos[s], "start" if is_up else "stop", action.asked_at) for s in target.slots]
        seen = [order for slot, order in zip(target.slots, moved, strict=True) if infos[slot]["state"] in wanted]
        return True if True in seen else None if None in seen else False

    def _was_restarted(self, info: dict[str, Any], asked_at: datetime | None) -> bool | None:
        """Whether a process was started after an action was asked for; None if that cannot be told."""
        if info["state"] != _RUNNING:
            return False
        age_s = process_age_s(int(info["pid"])) if self._settings.url.startswith("unix:") else None
        told_s = float(info["now"]) - float(info["start"])
        if asked_at is None or age_s is None or abs(age_s - told_s) > 2 * _SLACK_S:  # or it is another machine's number
            return self._order(info, "start", asked_at)
        return age_s < (self._clock.now() - asked_at).total_seconds()

    def _order(self, info: dict[str, Any], event: str, asked_at: datetime | None) -> bool | None:
        """Whether something happened to a process after a time of ours; supervisor's clock may differ."""
        if asked_at is None:
            return None
        asked_before_s = (self._clock.now() - asked_at).total_seconds()
        happened_before_s = float(info["now"]) - float(info[event])
        if info[event] == 0 or happened_before_s > asked_before_s + _SLACK_S:
            return False
        return True if happened_before_s < asked_before_s - _SLACK_S else None

    def _slots_to_change(
        self, action: Action, target: Programs, infos: dict[str, dict[str, Any]]
    ) -> tuple[list[str], list[str]]:
        """Choose the slots to start and those to stop."""
        used = [slot for slot in target.slots if infos[slot]["state"] in _UP]
        free = [slot for slot in target.slots if slot not in used]
        present = len(target.programs) + len(used)
        wanted = wanted_replicas(action, present)
        if action.kind is ActionKind.SCALE_UP and wanted > present + len(free):
            raise PermanentError(
                f"{self.name}: {action.component} would need {wanted} processes, and it has {len(target.programs)} "
                f"programs and {len(target.slots)} slots."
            )
        if action.kind is ActionKind.SCALE_UP:
            return free[: max(wanted - present, 0)], []
        return [], used[::-1][: max(present - max(wanted, len(target.programs)), 0)]

    def _restarted(self, name: str, deadline: Deadline) -> list[str]:
        before = self._info(name, deadline)
        self._stopped([name], deadline)
        self._started([name], deadline)
        after = self._info(name, deadline)
        if before["pid"] and before["pid"] == after["pid"]:
            raise TransientError(f"{self.name}: {name} still is process {after['pid']} after its restart.")
        return [f"restarted {name}, process {after['pid']} in place of {before['pid'] or 'none'}"]

    def _started(self, names: Sequence[str], deadline: Deadline) -> list[str]:
        words = [f"started {name}" for name in names if self._rpc.start(name, deadline)]
        for name in names:
            self._await(name, frozenset({_RUNNING}), frozenset({_EXITED, _FATAL}), deadline)
        return words

    def _stopped(self, names: Sequence[str], deadline: Deadline) -> list[str]:
        words = [f"stopped {name}" for name in names if self._rpc.stop(name, deadline)]
        for name in names:
            self._await(name, _DOWN, frozenset(), deadline)
        return words

    def _await(self, name: str, wanted: frozenset[int], hopeless: frozenset[int], deadline: Deadline) -> None:
        seen: dict[str, Any] = {}

        def is_settled() -> bool:
            seen.update(self._info(name, deadline))
            return seen["state"] in wanted | hopeless

        try:
            is_over = deadline.wait_for(is_settled)
        except TransientError as error:
            raise InDoubtError(f"{error} Whether {name} is as wanted cannot be told.") from error
        if not is_over:
            raise TransientError(
                f"{self.name}: {name} is still {seen['statename']} after {self._settings.timeout_s:g} s."
            )
        if seen["state"] in hopeless:
            why = seen["spawnerr"] or f"exit code {seen['exitstatus']}"
            raise PermanentError(f"{self.name}: {name} did not start, it is {seen['statename']}: {why}.")

    def _infos(self, names: Sequence[str], deadline: Deadline) -> dict[str, dict[str, Any]]:
        return {name: self._info(name, deadline) for name in names}

    def _info(self, name: str, deadline: Deadline) -> dict[str, Any]:
        try:
            info = self._rpc.info(name, deadline)
        except SupervisorFaultError as fault:
            raise PermanentError(f"{self.name}: supervisor says of {name}: {fault}.") from fault
        numbers = ("state", "pid", "start", "stop", "now")
        if not all(is_number(info.get(number)) for number in numbers):
            raise PermanentError(f"{self.name}: supervisor's answer about {name} cannot be read.")
        return {"statename": "?", "spawnerr": "", "exitstatus": "?", **info}

    def _outcome(self, words: list[str]) -> ActionOutcome:
        detail = f"{', '.join(words)}, verified" if words else "it was so already"
        return ActionOutcome(is_changed=bool(words), detail=f"{self.name}: {detail}")
