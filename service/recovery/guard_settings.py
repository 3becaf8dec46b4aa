"""What automatic action is allowed to do: the numbers of the guards, checked once."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from models.errors import ConfigurationError

_SHARES = ("min_confidence", "max_out_share", "max_unhealthy_share")
_SECONDS = ("cooldown_s", "max_cooldown_s", "once_within_s", "once_after_s", "rate_window_s", "flap_window_s")
_COUNTS = ("max_tries", "max_component_actions", "max_fleet_actions", "max_flaps", "min_fleet")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardSettings:
    """What automatic action is allowed to do.

    Parameters
    ----------
    min_confidence
        A finding that is less sure leads to no automatic action, 0 to 1; 0 disables the gate.
    cooldown_s
        After an action a component is left alone for so long, seconds; 0 disables it.
    cooldown_factor
        For each further incident within ``flap_window_s`` in which a component was acted on the cool-down is so many
        times longer, at least 1: the back-off of a crash loop.
    max_cooldown_s
        No cool-down is longer, seconds.
    once_within_s
        The same strategy acts on the same component at most once in so many seconds; 0 disables it.
    once_after_s
        Trouble that has lasted less is not acted on yet, seconds; 0 disables it.
    rate_window_s
        Over so many seconds actions are counted; the window slides.
    max_component_actions
        So many recoveries and rules may act on one component in the window; 0 disables it.
    max_fleet_actions
        So many may act on all components together in the window; 0 disables it.
    flap_window_s
        Over so many seconds the incidents of a component are counted.
    max_flaps
        A component that was acted on in so many incidents within that time flaps and goes to an operator; 0 disables
        it.
    max_out_share
        Share of the components of the fleet, of a boundary or of a zone that may be out at one time, the planned action
        included, 0 to 1. One component is always allowed, so that small systems can be helped, but never the whole
        of a group of several. 10 % as in Envoy.
    max_unhealthy_share
        From this share of unhealthy components on nothing is done automatically, 0 to 1: it is either something big
        or the measurement that is broken. 0 disables it.
    min_fleet
        A smaller fleet is not judged by that share: of two components both are often ill.
    zones
        Zone to patterns of its components (``*`` and ``?``).
    max_tries
        So many strategies are tried on one component in one incident, then an operator is asked.
    is_reversible_only
        Only actions that can be taken back are automatic.
    act_on
        Patterns of the components that may be acted on automatically.
    leave_alone
        Patterns of those that may not, even if ``act_on`` names them.
    trip_breaker
        Whether the breaker of the component held responsible is opened.
    is_dry_run
        Decide and record, do nothing.

    Raises
    ------
    ConfigurationError
        If a number is out of range.
    """

    min_confidence: float = 0.5
    cooldown_s: float = 600.0
    cooldown_factor: float = 2.0
    max_cooldown_s: float = 21600.0
    once_within_s: float = 0.0
    once_after_s: float = 0.0
    rate_window_s: float = 3600.0
    max_component_actions: int = 4
    max_fleet_actions: int = 12
    flap_window_s: float = 21600.0
    max_flaps: int = 3
    max_out_share: float = 0.1
    max_unhealthy_share: float = 0.6
    min_fleet: int = 5
    zones: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    max_tries: int = 2
    is_reversible_only: bool = False
    act_on: tuple[str, ...] = ("*",)
    leave_alone: tuple[str, ...] = ()
    trip_breaker: bool = True
    is_dry_run: bool = False

    def __post_init__(self) -> None:
        for name in _SHARES:
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigurationError(f"The guard's {name} is {getattr(self, name)}.", remedy="give a ratio, 0 to 1")
        for name in _SECONDS:
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigurationError(
                    f"The guard's {name} is {getattr(self, name)}.", remedy="give seconds, 0 or more"
                )
        for name in _COUNTS:
            if getattr(self, name) < 0:
                raise ConfigurationError(f"The guard's {name} is {getattr(self, name)}.", remedy="give 0 or more")
        if not (math.isfinite(self.cooldown_factor) and self.cooldown_factor >= 1):
            raise ConfigurationError(
                f"The guard's cooldown_factor is {self.cooldown_factor}.", remedy="give a number, 1 or more"
            )

    def is_in_scope(self, component: str) -> bool:
        """Whether a component may be acted on automatically.

        Parameters
        ----------
        component
            Its name.

        Returns
        -------
        bool
            False for one that no pattern of ``act_on`` matches, and for one that is to be left alone.
        """
        return _matches(component, self.act_on) and not _matches(component, self.leave_alone)

    def zones_of(self, component: str) -> tuple[str, ...]:
        """Name the zones of a component.

        Parameters
        ----------
        component
            Its name.

        Returns
        -------
        tuple of str
            Sorted.
        """
        return tuple(sorted(zone for zone, patterns in self.zones.items() if _matches(component, patterns)))

    def backed_off_s(self, incidents: int) -> float:
        """Tell how long a component is left alone after an action.

        Parameters
        ----------
        incidents
            In so many it was acted on lately, at least 1.

        Returns
        -------
        float
            Seconds.
        """
        exponent = min(incidents - 1, 64)  # beyond it any factor above 1 has reached the cap
        return min(self.cooldown_s * self.cooldown_factor**exponent, max(self.max_cooldown_s, self.cooldown_s))


def _matches(component: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(component, pattern) for pattern in patterns)
