"""What is in force because we put it there: isolations and other reversible actions, until they are released."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from models.errors import ConfigurationError
from service.ports import ActionKind

REVERSALS = MappingProxyType(
    {
        ActionKind.ISOLATE_COMPONENT: ActionKind.RELEASE_COMPONENT,
        ActionKind.REDIRECT_TRAFFIC: ActionKind.RESTORE_TRAFFIC,
        ActionKind.ENABLE_BACKUP: ActionKind.DISABLE_BACKUP,
        ActionKind.SCALE_UP: ActionKind.SCALE_DOWN,
        ActionKind.SCALE_DOWN: ActionKind.SCALE_UP,
    }
)
"""Action to the one that takes it back; an action that is not here cannot be taken back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolation:
    """One reversible action that is in force on a component.

    Parameters
    ----------
    component
        On whom.
    kind
        What was done; ISOLATE_COMPONENT cuts every route to the component.
    since
        UTC.
    release_at
        When it ends by itself, UTC; None: only by hand or by a recovery run.
    reason
        The rule or run that asked for it.
    incident_id
        The incident it belongs to; empty if none.
    parameters
        Pairs of what the action was given; its reversal is given the same.
    """

    component: str
    kind: ActionKind
    since: datetime
    release_at: datetime | None
    reason: str
    incident_id: str = ""
    parameters: tuple[tuple[str, float | str], ...] = ()

    @property
    def reversal(self) -> ActionKind:
        """The action that takes it back."""
        return REVERSALS[self.kind]


@dataclass(frozen=True, slots=True)
class Isolations:
    """All that is in force, as one value.

    Parameters
    ----------
    active
        At most one a component and kind.
    """

    active: tuple[Isolation, ...] = ()

    def added(self, isolation: Isolation) -> "Isolations":
        """Put one in force; if the same is in force already, nothing changes.

        Parameters
        ----------
        isolation
            Of a kind that can be taken back.

        Returns
        -------
        Isolations
            A new value, or this one.

        Raises
        ------
        ConfigurationError
            If the action cannot be taken back.
        """
        if isolation.kind not in REVERSALS:
            raise ConfigurationError(f"{isolation.kind} cannot be taken back.", remedy="give its rule no timeout")
        is_known = any((i.component, i.kind) == (isolation.component, isolation.kind) for i in self.active)
        return self if is_known else Isolations((*self.active, isolation))

    def without(self, component: str, kind: ActionKind) -> "Isolations":
        """Take one out of force; if it is not in force, nothing changes.

        Parameters
        ----------
        component
            On whom.
        kind
            What was done.

        Returns
        -------
        Isolations
            A new value.
        """
        return Isolations(tuple(i for i in self.active if (i.component, i.kind) != (component, kind)))

    def due(self, now: datetime) -> tuple[Isolation, ...]:
        """Those whose time is over.

        Parameters
        ----------
        now
            UTC.

        Returns
        -------
        tuple of Isolation
            Earliest first.
        """
        timed = ((i.release_at, i) for i in self.active if i.release_at is not None and i.release_at <= now)
        return tuple(isolation for _, isolation in sorted(timed, key=lambda pair: pair[0]))

    @property
    def isolated(self) -> frozenset[str]:
        """Components that are cut off."""
        return frozenset(i.component for i in self.active if i.kind is ActionKind.ISOLATE_COMPONENT)


def isolations_of(active: Iterable[Isolation]) -> Isolations:
    """Collect what a store kept.

    Parameters
    ----------
    active
        In any order; of two for the same component and kind the first stays.

    Returns
    -------
    Isolations
        As one value.
    """
    collected = Isolations()
    for isolation in active:
        collected = collected.added(isolation)
    return collected
