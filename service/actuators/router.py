"""Many actuators as one: each pair of an action and a component has at most one that does it."""

from collections.abc import Mapping
from dataclasses import replace

from models.errors import ConfigurationError
from service.ports import Action, ActionKind, ActionOutcome, Actuator, PermanentError


class ActuatorRouter:
    """Hands each action to the actuator that is responsible for it.

    Parameters
    ----------
    actuators
        Name to actuator.
    otherwise
        Takes what none of them takes; None: that is refused.
    is_real_time
        False where actions are asked for in simulated time: a real peer cannot compare that with its own.

    Raises
    ------
    ConfigurationError
        If two actuators would do the same to the same component.
    """

    def __init__(
        self, actuators: Mapping[str, Actuator], *, otherwise: Actuator | None = None, is_real_time: bool = True
    ) -> None:
        self._otherwise = otherwise
        self._is_real_time = is_real_time
        self._all = dict(actuators)
        self._of: dict[tuple[ActionKind, str], str] = {}
        for name, actuator in actuators.items():
            for kind, component in _pairs(actuator):
                other = self._of.setdefault((kind, component), name)
                if other != name:
                    raise ConfigurationError(
                        f"The actuators {other} and {name} would both do {kind} on {component}.",
                        remedy="allow it to one of them only.",
                    )

    @property
    def kinds(self) -> frozenset[ActionKind]:
        """What any of them can do."""
        rest = frozenset() if self._otherwise is None else self._otherwise.kinds
        return frozenset(kind for kind, _ in self._of) | rest

    @property
    def components(self) -> frozenset[str]:
        """On what any of them can act."""
        rest = frozenset() if self._otherwise is None else self._otherwise.components
        return frozenset(component for _, component in self._of) | rest

    @property
    def assignments(self) -> tuple[tuple[str, ActionKind, str], ...]:
        """Component, kind and the name of the actuator that does it, sorted; without what falls to ``otherwise``."""
        return tuple(sorted((component, kind, name) for (kind, component), name in self._of.items()))

    def refusal(self, kind: ActionKind, component: str) -> str:
        """Why nobody will ever do this.

        Parameters
        ----------
        kind
            What.
        component
            To whom.

        Returns
        -------
        str
            The reasons of all actuators that know the component; empty if somebody may.
        """
        if (kind, component) in self._of:
            return ""
        if self._otherwise is not None:
            return self._otherwise.refusal(kind, component)
        reasons = [a.refusal(kind, component) for a in self._all.values() if component in a.components]
        return "; ".join(reasons) or f"no actuator knows the component {component!r}"

    def rehearse(self, action: Action) -> str:
        """Let the responsible one say what it would do.

        Parameters
        ----------
        action
            Any.

        Returns
        -------
        str
            One sentence.
        """
        return self._responsible(action).rehearse(self._timed(action))

    def perform(self, action: Action) -> ActionOutcome:
        """Let the responsible one do it.

        Parameters
        ----------
        action
            Any.

        Returns
        -------
        ActionOutcome
            Its own.
        """
        return self._responsible(action).perform(self._timed(action))

    def probe(self, action: Action) -> bool | None:
        """Let the responsible one tell whether it is in place.

        Parameters
        ----------
        action
            Any.

        Returns
        -------
        bool or None
            Its own.
        """
        return self._responsible(action).probe(self._timed(action))

    def _responsible(self, action: Action) -> Actuator:
        refusal = self.refusal(action.kind, action.component)
        if refusal:
            raise PermanentError(f"{refusal}.")
        name = self._of.get((action.kind, action.component))
        if name is not None:
            return self._all[name]
        if self._otherwise is None:  # pragma: no cover  # then the refusal was not empty
            raise PermanentError(f"Nobody does {action.kind} on {action.component}.")
        return self._otherwise

    def _timed(self, action: Action) -> Action:
        return action if self._is_real_time else replace(action, asked_at=None)


def _pairs(actuator: Actuator) -> list[tuple[ActionKind, str]]:
    pairs = [(kind, component) for kind in sorted(actuator.kinds) for component in sorted(actuator.components)]
    return [(kind, component) for kind, component in pairs if not actuator.refusal(kind, component)]
