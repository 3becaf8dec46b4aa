"""One breaker a component of a boundary, found by the component's name."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

from models.errors import UnknownNameError
from service.recovery.breakers.breaker import CircuitBreaker
from service.recovery.breakers.bulletin import Listener
from service.recovery.breakers.events import BreakerSnapshot
from service.recovery.breakers.settings import BreakerSettings
from service.recovery.breakers.states import CircuitState, Verdict

if TYPE_CHECKING:
    from service.ports import Clock


class BreakerBoard:
    """All breakers of the service; their open times vary by component, the same way in every replay.

    Parameters
    ----------
    settings
        Component to the settings of its breaker.
    clock
        For all of them; the machine's clocks if not given.
    listeners
        Told of every change of every breaker.
    """

    def __init__(
        self,
        settings: Mapping[str, BreakerSettings],
        *,
        clock: "Clock | None" = None,
        listeners: Sequence[Listener] = (),
    ) -> None:
        self._breakers = {
            component: CircuitBreaker(component, chosen, clock=clock, listeners=listeners, rng=Random(component))
            for component, chosen in settings.items()
        }

    @property
    def components(self) -> tuple[str, ...]:
        """Components that have a breaker, in the order of declaration."""
        return tuple(self._breakers)

    def of(self, component: str) -> CircuitBreaker:
        """Find a breaker.

        Parameters
        ----------
        component
            Its name.

        Returns
        -------
        CircuitBreaker
            The one that all callers of the component share.

        Raises
        ------
        UnknownNameError
            If the component has none.
        """
        try:
            return self._breakers[component]
        except KeyError:
            raise UnknownNameError("component", component, self._breakers) from None

    def trip(self, component: str, reason: str) -> None:
        """Open a breaker; UnknownNameError if the component has none.

        Parameters
        ----------
        component
            Its name.
        reason
            For people.
        """
        self.of(component).trip(reason)

    def reset(self, component: str, reason: str = "reset by hand") -> None:
        """Close a breaker; UnknownNameError if the component has none.

        Parameters
        ----------
        component
            Its name.
        reason
            For people.
        """
        self.of(component).reset(reason)

    def force(self, component: str, state: CircuitState, reason: str) -> None:
        """Put a breaker into a state that only a person ends; UnknownNameError if the component has none.

        Parameters
        ----------
        component
            Its name.
        state
            FORCED_OPEN, DISABLED or METRICS_ONLY.
        reason
            For people.
        """
        self.of(component).force(state, reason)

    def report(self, component: str, verdict: Verdict, failure: str = "") -> None:
        """Hand a breaker what a health check found; UnknownNameError if the component has none.

        Parameters
        ----------
        component
            Its name.
        verdict
            What was observed.
        failure
            What the failure said.
        """
        self.of(component).report(verdict, failure)

    def refresh(self) -> None:
        """Let time pass for all: those that have been open long enough become half open."""
        for breaker in self._breakers.values():
            breaker.refresh()

    def snapshots(self) -> tuple[BreakerSnapshot, ...]:
        """All figures.

        Returns
        -------
        tuple of BreakerSnapshot
            One a component, in the order of declaration.
        """
        return tuple(breaker.snapshot() for breaker in self._breakers.values())
