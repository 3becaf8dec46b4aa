"""Reduced function on purpose: levels that a component enters and leaves one by one, each giving something up.

Pure but for ``Degradation``, which an application holds beside its circuit breaker and which has a lock and a clock.
The time that a condition has held is summed up from observation to observation: a clock that jumps, or an hour in which
nobody looked, counts for nothing.
"""

import math
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from models.errors import ConfigurationError, UnknownNameError
from service.recovery.conditions import Condition, Evaluation
from service.recovery.facts import Facts
from service.recovery.hysteresis import check_hysteresis

FULL = "full"
"""Name of the level at which nothing is given up."""
MAX_GAP_S = 600.0
"""Two observations further apart say nothing about the time between them, seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One step down.

    Parameters
    ----------
    name
        Unique in its ladder.
    gives_up
        Features that are not offered from here on; those of the levels before are not either.
    enter
        Over ``DEGRADATION_FACTS``; looked at while the component is one level higher.
    leave
        Over the same; looked at while the component is at this level. Never true together with ``enter``.
    enter_hold_s, leave_hold_s
        So long the condition must hold without a break, seconds.
    description
        For people.

    Raises
    ------
    ConfigurationError
        If it gives nothing up, a time is not usable, or its conditions would make it flap.
    """

    name: str
    gives_up: tuple[str, ...]
    enter: Condition
    leave: Condition
    enter_hold_s: float = 60.0
    leave_hold_s: float = 300.0
    description: str = ""

    def __post_init__(self) -> None:
        if self.name in {"", FULL}:
            raise ConfigurationError(f"A level is called {self.name!r}.", remedy=f"{FULL!r} is the level above all")
        if not self.gives_up or len(set(self.gives_up)) < len(self.gives_up):
            raise ConfigurationError(
                f"Level {self.name!r} gives up {list(self.gives_up)}.", remedy="name at least one feature, each once"
            )
        for name in ("enter_hold_s", "leave_hold_s"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise ConfigurationError(f"Level {self.name!r} has {name} {value}.", remedy="give seconds, 0 or more")
        holds = min(self.enter_hold_s, self.leave_hold_s)
        check_hysteresis(self.name, self.enter, self.leave, hold_s=holds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """The levels of one component.

    Parameters
    ----------
    component
        Whose.
    levels
        The mildest first; at least one.

    Raises
    ------
    ConfigurationError
        If there is none, or a level or a feature occurs twice.
    """

    component: str
    levels: tuple[Level, ...]

    def __post_init__(self) -> None:
        if not self.levels:
            raise ConfigurationError(f"{self.component!r} has no levels.", remedy="declare at least one")
        seen: set[str] = set()
        for level in self.levels:
            twice = seen & {level.name, *level.gives_up}
            if twice:
                raise ConfigurationError(
                    f"{self.component!r} has {min(twice)!r} twice.", remedy="each level and each feature occurs once"
                )
            seen |= {level.name, *level.gives_up}

    def name_of(self, level: int) -> str:
        """Name a level.

        Parameters
        ----------
        level
            0 is full function.

        Returns
        -------
        str
            Its name.
        """
        return self.levels[level - 1].name if level else FULL

    def given_up(self, level: int) -> tuple[str, ...]:
        """Name the features that are not offered at a level.

        Parameters
        ----------
        level
            0 is full function.

        Returns
        -------
        tuple of str
            In the order in which they are given up.
        """
        return tuple(feature for passed in self.levels[:level] for feature in passed.gives_up)

    @property
    def features(self) -> tuple[str, ...]:
        """Everything that can be given up."""
        return self.given_up(len(self.levels))


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelState:
    """Where a component stands on its ladder.

    Parameters
    ----------
    level
        0 is full function.
    since
        When it came there, UTC; None if it was always there.
    reason
        The condition and the facts that moved it; empty if it was always there.
    observed_at
        The latest observation, UTC; None before the first.
    entering_s, leaving_s
        For so long the condition of the next step down or up has held, seconds; None if it does not hold.
    """

    level: int = 0
    since: datetime | None = None
    reason: str = ""
    observed_at: datetime | None = None
    entering_s: float | None = None
    leaving_s: float | None = None

    def after(self, ladder: Ladder, facts: Facts, now: datetime, elapsed_s: float | None = None) -> "LevelState":
        """Take one observation; at most one step is taken.

        Parameters
        ----------
        ladder
            Of the component.
        facts
            As they are now; a condition whose facts are missing does not hold.
        now
            UTC.
        elapsed_s
            Since the observation before, by a clock that never runs backwards; None takes the times.

        Returns
        -------
        LevelState
            The next one.
        """
        level = min(self.level, len(ladder.levels))  # the ladder may have become shorter
        passed_s = self._passed_s(now, elapsed_s)
        down = ladder.levels[level].enter.evaluate(facts) if level < len(ladder.levels) else None
        up = ladder.levels[level - 1].leave.evaluate(facts) if level else None
        entering_s, leaving_s = _held_s(down, self.entering_s, passed_s), _held_s(up, self.leaving_s, passed_s)
        if down is not None and entering_s is not None and entering_s >= ladder.levels[level].enter_hold_s:
            return _moved(level + 1, f"{ladder.levels[level].enter} holds: {down}", now)
        if up is not None and leaving_s is not None and leaving_s >= ladder.levels[level - 1].leave_hold_s:
            return _moved(level - 1, f"{ladder.levels[level - 1].leave} holds: {up}", now)
        return replace(self, level=level, observed_at=now, entering_s=entering_s, leaving_s=leaving_s)

    def _passed_s(self, now: datetime, elapsed_s: float | None) -> float:
        if elapsed_s is None:
            elapsed_s = 0.0 if self.observed_at is None else (now - self.observed_at).total_seconds()
        return elapsed_s if 0 <= elapsed_s <= MAX_GAP_S else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelChange:
    """One step of a component.

    Parameters
    ----------
    component
        Whose.
    at
        UTC.
    before, after
        Levels; they differ by one.
    name
        Of the level that it came to.
    gives_up
        Everything that is not offered now.
    reason
        The condition and the facts.
    """

    component: str
    at: datetime
    before: int
    after: int
    name: str
    gives_up: tuple[str, ...]
    reason: str


class Time(Protocol):
    """What the object in an application needs of a clock."""

    def now(self) -> datetime:
        """Wall time, UTC."""

    def monotonic_s(self) -> float:
        """Seconds that never run backwards."""


class Degradation:
    """The level of one component inside an application; any thread may use it.

    Feed it with facts of your own (``observe``), or with the level that the service tells (``adopt``).

    Parameters
    ----------
    ladder
        The levels.
    clock
        The machine's, or one of a test.
    listeners
        Told of every step, after it is taken; one that fails is counted in ``listener_errors`` and changes nothing.

    Examples
    --------
    >>> from service.clock import SystemClock
    >>> from service.recovery.facts import DEGRADATION_FACTS
    >>> enter = Condition.of("breaker_open", DEGRADATION_FACTS)
    >>> leave = Condition.of("not breaker_open", DEGRADATION_FACTS)
    >>> plain = Level(name="plain", gives_up=("recommendations",), enter=enter, leave=leave, enter_hold_s=1)
    >>> shop = Degradation(Ladder(component="shop", levels=(plain,)), SystemClock())
    >>> shop.observe({"breaker_open": True}).level, shop.allows("recommendations")
    (0, True)
    """

    def __init__(self, ladder: Ladder, clock: Time, listeners: Iterable[Callable[[LevelChange], None]] = ()) -> None:
        self.ladder = ladder
        self.listener_errors = 0
        self._clock = clock
        self._listeners = tuple(listeners)
        self._lock = threading.Lock()
        self._state = LevelState()
        self._observed_s: float | None = None

    @property
    def level(self) -> int:
        """0 is full function."""
        return self._state.level

    @property
    def name(self) -> str:
        """Name of the level."""
        return self.ladder.name_of(self._state.level)

    @property
    def state(self) -> LevelState:
        """The whole state with its timers."""
        return self._state

    def allows(self, feature: str) -> bool:
        """Whether a feature is to be offered now.

        Parameters
        ----------
        feature
            One that a level gives up.

        Returns
        -------
        bool
            False from the level on that gives it up.

        Raises
        ------
        UnknownNameError
            If no level gives it up: it would be misspelt.
        """
        if feature not in self.ladder.features:
            raise UnknownNameError("feature", feature, self.ladder.features)
        return feature not in self.ladder.given_up(self._state.level)

    def observe(self, facts: Facts) -> LevelState:
        """Take one observation; at most one step is taken.

        Parameters
        ----------
        facts
            As they are now.

        Returns
        -------
        LevelState
            As it is after it.
        """
        with self._lock:
            moment_s = self._clock.monotonic_s()
            elapsed_s = 0.0 if self._observed_s is None else moment_s - self._observed_s
            self._observed_s = moment_s
            before, self._state = self._state, self._state.after(self.ladder, facts, self._clock.now(), elapsed_s)
            after = self._state
        self._tell(change_of(self.ladder, before, after))
        return after

    def adopt(self, level: int, reason: str = "told by the service") -> None:
        """Go to the level that the service tells; it takes the steps there, one by one.

        Parameters
        ----------
        level
            0 is full function.
        reason
            For the listeners.

        Raises
        ------
        ConfigurationError
            If the ladder has no such level.
        """
        if not 0 <= level <= len(self.ladder.levels):
            raise ConfigurationError(
                f"{self.ladder.component!r} has no level {level}.",
                remedy=f"give 0 to {len(self.ladder.levels)}; application and service may have different files",
            )
        while True:
            with self._lock:
                before = self._state
                if before.level == level:
                    return
                step = 1 if level > before.level else -1
                after = self._state = _moved(before.level + step, reason, self._clock.now())
            self._tell(change_of(self.ladder, before, after))

    def _tell(self, change: LevelChange | None) -> None:
        for listener in self._listeners if change is not None else ():
            try:
                listener(change)  # type: ignore[arg-type]  # no listener is asked without a change
            except Exception:  # noqa: BLE001  # a listener may raise anything, and must not fail the application's call
                self.listener_errors += 1


def change_of(ladder: Ladder, before: LevelState, after: LevelState) -> LevelChange | None:
    """Put two states of a component beside each other.

    Parameters
    ----------
    ladder
        Of the component.
    before
        The earlier state.
    after
        The state one observation later.

    Returns
    -------
    LevelChange or None
        None if the level is the same.
    """
    if before.level == after.level:
        return None
    return LevelChange(
        component=ladder.component,
        at=after.since or after.observed_at,  # type: ignore[arg-type]  # a state after a change has both
        before=before.level,
        after=after.level,
        name=ladder.name_of(after.level),
        gives_up=ladder.given_up(after.level),
        reason=after.reason,
    )


def _held_s(evaluation: Evaluation | None, held_s: float | None, passed_s: float) -> float | None:
    if evaluation is None or not evaluation.holds:
        return None
    return 0.0 if held_s is None else held_s + passed_s


def _moved(level: int, reason: str, now: datetime) -> LevelState:
    return LevelState(level=level, since=now, reason=reason, observed_at=now)
