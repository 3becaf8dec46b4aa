"""Acts on the simulated system, as an operator would on a real one."""

import math
from types import MappingProxyType

from models.errors import FaultlineError
from models.simulator.controls import Controls
from service.ports import Action, ActionKind, ActionOutcome, PermanentError

_STATES = MappingProxyType(
    {
        ActionKind.ISOLATE_COMPONENT: ("is_isolated", True),
        ActionKind.RELEASE_COMPONENT: ("is_isolated", False),
        ActionKind.REDIRECT_TRAFFIC: ("is_redirected", True),
        ActionKind.RESTORE_TRAFFIC: ("is_redirected", False),
        ActionKind.ENABLE_BACKUP: ("is_on_backup", True),
        ActionKind.DISABLE_BACKUP: ("is_on_backup", False),
    }
)
"""Action to the part of a component's state that shows it."""
_FACTOR = 2.0


class SimulatorActuator:
    """The one hand on a simulated system: every action on it goes through here, so the keys tell what was done.

    Scaling takes the parameter ``factor`` (default 2): SCALE_UP multiplies the replicas by it, SCALE_DOWN divides.

    Parameters
    ----------
    system
        To act on.
    """

    def __init__(self, system: Controls) -> None:
        self._system = system
        self._done: dict[str, ActionOutcome] = {}
        self._hands = {
            ActionKind.ISOLATE_COMPONENT: system.isolate,
            ActionKind.RELEASE_COMPONENT: system.release,
            ActionKind.REDIRECT_TRAFFIC: system.redirect,
            ActionKind.RESTORE_TRAFFIC: system.restore,
            ActionKind.ENABLE_BACKUP: system.enable_backup,
            ActionKind.DISABLE_BACKUP: system.disable_backup,
            ActionKind.RESTART_COMPONENT: system.restart,
            ActionKind.ROLLBACK_DEPLOY: self._roll_back,
        }

    @property
    def kinds(self) -> frozenset[ActionKind]:
        """Everything."""
        return frozenset(ActionKind)

    @property
    def components(self) -> frozenset[str]:
        """All of the system."""
        return frozenset(self._system.topology.names)

    def refusal(self, kind: ActionKind, component: str) -> str:
        """Why it will never do this; empty if it may.

        Parameters
        ----------
        kind
            Any: it can do everything.
        component
            To whom.

        Returns
        -------
        str
            Names an unknown component.
        """
        del kind
        return "" if component in self.components else f"the simulated system has no component {component!r}"

    def rehearse(self, action: Action) -> str:
        """Say what would be done; nothing is.

        Parameters
        ----------
        action
            Of any kind.

        Returns
        -------
        str
            One sentence.

        Raises
        ------
        PermanentError
            If the component is unknown, or a parameter makes no sense.
        """
        refusal = self.refusal(action.kind, action.component)
        if refusal:
            raise PermanentError(refusal)
        if not _is_scaling(action.kind):
            _check_bare(action)
            return f"would do {action.kind} on {action.component}"
        replicas = self._system.state_of(action.component).replicas
        return f"would scale {action.component} from {replicas} to {self._wanted(action)} replicas"

    def perform(self, action: Action) -> ActionOutcome:
        """Do it; an action whose key was done before is not done again.

        Parameters
        ----------
        action
            Of any kind.

        Returns
        -------
        ActionOutcome
            That of the first time, if the key was done before.

        Raises
        ------
        PermanentError
            If the system refuses, or a parameter makes no sense.
        """
        if action.key in self._done:
            return self._done[action.key]
        try:
            is_changed = self._scale(action) if _is_scaling(action.kind) else self._switch(action)
        except PermanentError:
            raise
        except FaultlineError as error:
            raise PermanentError(str(error)) from error
        words = "done" if is_changed else "was so already"
        outcome = ActionOutcome(is_changed=is_changed, detail=f"{action.kind} on {action.component}: {words}")
        self._done[action.key] = outcome
        return outcome

    def probe(self, action: Action) -> bool | None:
        """Whether the action's effect is in place.

        Parameters
        ----------
        action
            Of any kind.

        Returns
        -------
        bool or None
            By its key, or by the state of the component where that shows it.
        """
        if action.key in self._done:
            return True
        shown = _STATES.get(action.kind)
        if shown is None:
            return False
        name, wanted = shown
        return getattr(self._system.state_of(action.component), name) is wanted

    def _switch(self, action: Action) -> bool:
        _check_bare(action)
        return self._hands[action.kind](action.component)

    def _roll_back(self, component: str) -> bool:
        if not self._system.rollback_deploy(component):
            raise PermanentError(f"{component} has no deploy that could be rolled back.")
        return True

    def _scale(self, action: Action) -> bool:
        return self._system.scale(action.component, self._wanted(action))

    def _wanted(self, action: Action) -> int:
        unknown = set(action.parameters) - {"factor"}
        factor = action.parameters.get("factor", _FACTOR)
        if unknown or not isinstance(factor, int | float) or not (math.isfinite(factor) and factor >= 1):
            raise PermanentError(f"{action.kind} takes a factor of 1 or more, got {action.parameters}.")
        replicas = self._system.state_of(action.component).replicas
        is_up = action.kind is ActionKind.SCALE_UP
        return math.ceil(replicas * factor) if is_up else max(math.floor(replicas / factor), 1)


def _check_bare(action: Action) -> None:
    if action.parameters:
        raise PermanentError(f"{action.kind} takes no parameters, got {', '.join(sorted(action.parameters))}.")


def _is_scaling(kind: ActionKind) -> bool:
    return kind in {ActionKind.SCALE_UP, ActionKind.SCALE_DOWN}
