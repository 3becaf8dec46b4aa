"""Acts through programs of this machine: argv templates from the settings, and nothing else."""

import re

from service.actuators.base import PeerActuator, check_parameters
from service.actuators.command_process import Finished, run_bounded
from service.actuators.settings import CommandSettings
from service.actuators.waiting import Deadline
from service.ports import Action, ActionOutcome, InDoubtError, PermanentError, TransientError

_TEMPORARY_FAILURE = 75
"""EX_TEMPFAIL of sysexits.h: it may work later."""
_SHOWN = 300
_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\U0010ffff]+")
_KEY = re.compile(r"[\w.:@%+/=,][\w.:@%+/=, -]*")


class CommandActuator(PeerActuator):
    """Calls the program that the settings name for an action.

    Exit code 0 is success, verified by the template's ``probe`` if it has one; 75 is an error that may pass; anything
    else is an error. A program whose time is over is ended with its whole process group; whether it did its work is
    then asked of the probe.

    Parameters
    ----------
    name
        As in the settings.
    settings
        Of this actuator.
    """

    def __init__(self, name: str, settings: CommandSettings) -> None:
        super().__init__(name, settings.allow, settings.components)
        self._settings = settings
        self._secrets = sorted(
            {value.get_secret_value() for value in settings.environment.values()} - {""}, key=len, reverse=True
        )

    def _rehearse(self, action: Action) -> str:
        template = self._settings.commands[action.kind]
        argv = self._filled(template.run, action)
        if not template.dry_run:
            return f"call {self._hidden(' '.join(argv))}"
        finished = self._run(self._filled(template.dry_run, action), self._settings.timeout_s)
        if finished.code != 0:
            raise PermanentError(f"{self.name}: the dry run of {action.kind} {self._words(finished)}.")
        return f"call {self._hidden(' '.join(argv))}; its dry run {self._words(finished)}"

    def _perform(self, action: Action) -> ActionOutcome:
        deadline = Deadline(self._settings.timeout_s)
        argv = self._filled(self._settings.commands[action.kind].run, action)
        finished = self._run(argv, deadline.left_s)
        what = f"{self.name}: {action.kind} on {action.component}"
        if finished.code is None:
            return self._after_time(action, f"{what} {self._words(finished)}")
        if finished.code == _TEMPORARY_FAILURE:
            raise TransientError(f"{what} {self._words(finished)}.")
        if finished.code != 0:
            raise PermanentError(f"{what} {self._words(finished)}.")
        is_done = self._probe(action)
        if is_done is False:
            raise PermanentError(f"{what} ended well, and its probe says that it is not in place.")
        seen = "verified" if is_done else "not verified, as no probe could tell"
        return ActionOutcome(is_changed=True, detail=f"{what} {self._words(finished)}, {seen}")

    def _after_time(self, action: Action, what: str) -> ActionOutcome:
        is_done = self._probe(action)
        if is_done:
            return ActionOutcome(is_changed=True, detail=f"{what}; its probe says that it is in place")
        if is_done is None:
            raise InDoubtError(f"{what}; whether it is in place cannot be told.")
        raise TransientError(f"{what}; its probe says that it is not in place.")

    def _probe(self, action: Action) -> bool | None:
        template = self._settings.commands[action.kind]
        if not template.probe:
            return None
        finished = self._run(self._filled(template.probe, action), self._settings.timeout_s)
        return {0: True, 1: False}.get(-1 if finished.code is None else finished.code)

    def _filled(self, argv: tuple[str, ...], action: Action) -> list[str]:
        check_parameters(action)
        if not _KEY.fullmatch(action.key):
            raise PermanentError(f"{self.name}: the key {action.key!r} cannot stand in a command.")
        values = self._settings.components[action.component] | {"component": action.component, "key": action.key}
        return [argument.format_map(values) for argument in argv]

    def _run(self, argv: list[str], timeout_s: float) -> Finished:
        environment = {name: value.get_secret_value() for name, value in self._settings.environment.items()}
        try:
            return run_bounded(
                argv,
                environment={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **environment},
                timeout_s=timeout_s,
                max_output_bytes=self._settings.max_output_bytes,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "the settings hold a null byte"
            raise PermanentError(f"{self.name}: {argv[0]} cannot be called: {why}.") from error

    def _words(self, finished: Finished) -> str:
        said = _UNPRINTABLE.sub(" ", self._hidden(finished.output)).strip()
        shown = said if len(said) <= _SHOWN else f"... {said[-_SHOWN:]}"
        how = "took too long and was ended" if finished.code is None else f"ended with {finished.code}"
        return f"{how} and said {shown!r}" if shown else how

    def _hidden(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text
