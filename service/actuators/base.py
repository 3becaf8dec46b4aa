"""What every actuator of a real peer does alike: it refuses what is not allowed, and does the same key once."""

import math
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterable
from typing import TypeGuard

from service.ports import Action, ActionKind, ActionOutcome, InDoubtError, PermanentError, TransientError

_REMEMBERED = 10_000
_SHOWN = 8
_FACTOR = 2.0


class PeerActuator(ABC):
    """A hand on one peer, with a list of what it may do and to whom.

    Parameters
    ----------
    name
        As in the settings; begins every message.
    allow
        What it may do.
    components
        To whom.
    """

    def __init__(self, name: str, allow: Iterable[ActionKind], components: Iterable[str]) -> None:
        self.name = name
        self._allow = frozenset(allow)
        self._names = frozenset(components)
        self._done: OrderedDict[str, ActionOutcome] = OrderedDict()

    @property
    def kinds(self) -> frozenset[ActionKind]:
        """What it may do."""
        return self._allow

    @property
    def components(self) -> frozenset[str]:
        """On what it may act."""
        return self._names

    def refusal(self, kind: ActionKind, component: str) -> str:
        """Why it will never do this, by its settings alone.

        Parameters
        ----------
        kind
            What.
        component
            To whom.

        Returns
        -------
        str
            Names the offender and what there is instead; empty if it may.
        """
        if component not in self._names:
            return f"{self.name} does not know the component {component!r}; it knows {_listed(self._names)}"
        if kind not in self._allow:
            return f"{self.name} may not do {kind}; its setting allow has {_listed(self._allow)}"
        return self._gap(kind, component)

    def rehearse(self, action: Action) -> str:
        """Say what would be done, after asking the peer; changes nothing.

        Parameters
        ----------
        action
            Any.

        Returns
        -------
        str
            One sentence; PermanentError or TransientError if it would fail.
        """
        self._check(action)
        return f"{self.name} would {self._rehearse(action)}"

    def perform(self, action: Action) -> ActionOutcome:
        """Do it and verify it; an action whose key was done before is not done again.

        Parameters
        ----------
        action
            Any.

        Returns
        -------
        ActionOutcome
            That of the first time if the key was done before; PermanentError, TransientError or InDoubtError if it
            failed.
        """
        if action.key in self._done:
            return self._done[action.key]
        self._check(action)
        outcome = self._perform(action)
        self._done[action.key] = outcome
        if len(self._done) > _REMEMBERED:
            self._done.popitem(last=False)
        return outcome

    def probe(self, action: Action) -> bool | None:
        """Tell whether the action's effect is in place.

        Parameters
        ----------
        action
            Any.

        Returns
        -------
        bool or None
            None if that cannot be told, also where the peer does not answer; PermanentError for an action that is
            refused.
        """
        if action.key in self._done:
            return True
        self._check(action)
        try:
            return self._probe(action)
        except (TransientError, InDoubtError):
            return None

    def _check(self, action: Action) -> None:
        refusal = self.refusal(action.kind, action.component)
        if refusal:
            raise PermanentError(f"{refusal}.")

    def _gap(self, kind: ActionKind, component: str) -> str:
        """Say what the settings of a component lack for a kind that is allowed."""
        del kind, component
        return ""

    @abstractmethod
    def _rehearse(self, action: Action) -> str:
        """Say what would be done, as the rest of a sentence."""

    @abstractmethod
    def _perform(self, action: Action) -> ActionOutcome:
        """Do it and verify it."""

    @abstractmethod
    def _probe(self, action: Action) -> bool | None:
        """Tell whether it is in place."""


def check_parameters(action: Action, known: Iterable[str] = ()) -> None:
    """Refuse parameters that an actuator does not read.

    Parameters
    ----------
    action
        Any.
    known
        Names that it reads.

    Raises
    ------
    PermanentError
        If there is another.
    """
    unknown = sorted(set(action.parameters) - set(known))
    if unknown:
        raise PermanentError(f"{action.kind} on {action.component} takes no {', '.join(unknown)}.")


def is_number(value: object) -> TypeGuard[float]:
    """Tell a finite number from everything else that may stand in its place.

    Parameters
    ----------
    value
        Anything.

    Returns
    -------
    bool
        False for flags, NaN and infinities as well.
    """
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def wanted_replicas(action: Action, present: int) -> int:
    """Compute how many replicas an action asks for: ``replicas`` or ``factor`` (2 if neither is given).

    Parameters
    ----------
    action
        SCALE_UP or SCALE_DOWN.
    present
        Replicas now.

    Returns
    -------
    int
        Not below 1, unless ``replicas`` says so.

    Raises
    ------
    PermanentError
        If the parameters make no sense.
    """
    check_parameters(action, {"replicas", "factor"})
    if "replicas" in action.parameters:
        return _whole(action)
    factor: object = action.parameters.get("factor", _FACTOR)
    if not is_number(factor) or not 1 <= factor <= 100:
        raise PermanentError(f"{action.kind} on {action.component}: the factor must be a number from 1 to 100.")
    if action.kind is ActionKind.SCALE_UP:
        return math.ceil(present * factor)
    return max(math.floor(present / factor), min(present, 1))


def _whole(action: Action) -> int:
    replicas: object = action.parameters["replicas"]
    if "factor" in action.parameters or not is_number(replicas) or replicas < 0 or replicas != int(replicas):
        raise PermanentError(f"{action.kind} on {action.component}: give replicas as a whole number, and no factor.")
    return int(replicas)


def _listed(names: Iterable[str]) -> str:
    known = sorted(names)
    more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
    return ", ".join(known[:_SHOWN]) + more
