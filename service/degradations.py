"""Reduced function, as the loop keeps it: facts in, one step at most a component and look, every step recorded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Protocol

import numpy as np

from analysis.incidents import Incident
from models.errors import ConfigurationError, UnknownNameError
from models.scoring import BundleScores
from service.records import Record, RecordKind
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.recovery.degradation import Ladder, LevelChange, LevelState, change_of
from service.recovery.degradation_file import read_degradations
from service.recovery.facts import Facts
from service.recovery.health import HealthStatus

_OPEN = frozenset({CircuitState.OPEN, CircuitState.FORCED_OPEN})
_GRAVITY = (HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY)


class LevelKeeper(Protocol):
    """Where levels are kept."""

    def load(self) -> dict[str, LevelState]:
        """All that are kept, by component."""

    def save(self, component: str, state: LevelState, record: Record | None = None) -> None:
        """Keep a state, and record a step with it."""

    def forget(self, component: str) -> None:
        """Drop a component that has no ladder any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What is known of all components at one moment.

    Parameters
    ----------
    scores
        The judged window.
    health
        What is believed of each component.
    breakers
        As the board gives them.
    isolated
        Components that are cut off.
    incidents
        The open ones.
    edges
        Caller and callee.
    """

    scores: BundleScores
    health: Mapping[str, HealthStatus]
    breakers: Iterable[BreakerSnapshot]
    isolated: frozenset[str]
    incidents: tuple[Incident, ...]
    edges: tuple[tuple[str, str], ...]

    def facts(self, component: str) -> Facts:
        """Collect the facts that conditions of levels speak of.

        Parameters
        ----------
        component
            Whose.

        Returns
        -------
        Facts
            As declared in ``DEGRADATION_FACTS``; None where nothing is known.
        """
        callees = {callee for caller, callee in self.edges if caller == component}
        breakers = {snapshot.name: snapshot.state in _OPEN for snapshot in self.breakers}
        anomalies = [a for i in self.incidents for a in i.anomalies if a.key.component == component]
        gravest = max((a.severity for a in anomalies), key=lambda severity: severity.rank, default=None)
        known = [self.health[name] for name in callees if self.health.get(name) in _GRAVITY]
        return {
            "worst_score": self._worst_score(component),
            "health": _word(self.health.get(component)),
            "dependency_health": _word(max(known, key=_GRAVITY.index, default=None)),
            "unhealthy_dependencies": sum(status is HealthStatus.UNHEALTHY for status in known),
            "breaker_open": breakers.get(component),
            "open_breakers": sum(breakers.get(name, False) for name in callees),
            "is_isolated": component in self.isolated,
            "in_incident": bool(anomalies),
            "incident_severity": None if gravest is None else gravest.value,
        }

    def _worst_score(self, component: str) -> float | None:
        columns = [i for i, key in enumerate(self.scores.frame.keys) if key.component == component]
        newest = self.scores.score[-1:, columns]
        return float(np.nanmax(newest)) if newest.size and not np.isnan(newest).all() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class DegradationStatus:
    """Where one component stands.

    Parameters
    ----------
    component
        Whose.
    level
        0 is full function.
    levels
        So many there are below full function.
    name
        Of the level.
    gives_up
        Features that are not to be offered.
    since
        When it came there, UTC; None if it was always there.
    reason
        Why.
    """

    component: str
    level: int
    levels: int
    name: str
    gives_up: tuple[str, ...]
    since: datetime | None
    reason: str


class DegradationKeeper:
    """The levels of all components; the loop observes, any thread may read.

    Parameters
    ----------
    ladders
        One a component.
    store
        Where the levels are kept; what it holds is where they go on.
    """

    def __init__(self, ladders: Iterable[Ladder], store: LevelKeeper) -> None:
        self._ladders = {ladder.component: ladder for ladder in ladders}
        self._store = store
        self._lock = Lock()
        kept = store.load()
        for component in set(kept) - set(self._ladders):
            store.forget(component)
        self._states = {name: _fitting(kept.get(name, LevelState()), ladder) for name, ladder in self._ladders.items()}

    def observe(self, situation: Situation, now: datetime) -> tuple[LevelChange, ...]:
        """Look once: each component takes at most one step.

        Parameters
        ----------
        situation
            What is known.
        now
            UTC.

        Returns
        -------
        tuple of LevelChange
            The steps, each recorded together with the new level.
        """
        changes = []
        for component, ladder in self._ladders.items():
            before = self._states[component]
            after = before.after(ladder, situation.facts(component), now)
            change = change_of(ladder, before, after)
            if change is not None or _is_running(after) or _is_running(before):
                self._store.save(component, after, None if change is None else _record(change))
            with self._lock:
                self._states[component] = after
            if change is not None:
                changes.append(change)
        return tuple(changes)

    @property
    def statuses(self) -> tuple[DegradationStatus, ...]:
        """Where every component with a ladder stands, by name."""
        with self._lock:
            states = dict(self._states)
        return tuple(_status(self._ladders[name], states[name]) for name in sorted(states))

    def status(self, component: str) -> DegradationStatus:
        """Say where one component stands.

        Parameters
        ----------
        component
            Whose.

        Returns
        -------
        DegradationStatus
            As it is now.

        Raises
        ------
        UnknownNameError
            If it has no ladder.
        """
        if component not in self._ladders:
            raise UnknownNameError("component with levels of reduced function", component, sorted(self._ladders))
        with self._lock:
            return _status(self._ladders[component], self._states[component])


def load_ladders(file: Path | None, components: Iterable[str] | None = None) -> tuple[Ladder, ...]:
    """Read a file of levels.

    Parameters
    ----------
    file
        YAML; None for no levels.
    components
        Those that there are; None accepts any.

    Returns
    -------
    tuple of Ladder
        One a component.

    Raises
    ------
    ConfigurationError
        If it cannot be read, or anything in it is wrong.
    """
    if file is None:
        return ()
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file} cannot be read: {error}.", remedy="give a YAML file in UTF-8") from error
    return read_degradations(text, source=str(file), components=components)


def _fitting(state: LevelState, ladder: Ladder) -> LevelState:
    """A file that was changed may have fewer levels than the component had gone down."""
    return replace(state, level=min(state.level, len(ladder.levels)))


def _is_running(state: LevelState) -> bool:
    return state.entering_s is not None or state.leaving_s is not None


def _word(status: HealthStatus | None) -> str | None:
    return status.value if status in _GRAVITY else None


def _status(ladder: Ladder, state: LevelState) -> DegradationStatus:
    return DegradationStatus(
        component=ladder.component,
        level=state.level,
        levels=len(ladder.levels),
        name=ladder.name_of(state.level),
        gives_up=ladder.given_up(state.level),
        since=state.since,
        reason=state.reason,
    )


def _record(change: LevelChange) -> Record:
    way = "down" if change.after > change.before else "up"
    return Record(
        at=change.at,
        kind=RecordKind.DEGRADATION_CHANGED,
        subject=change.component,
        message=f"one step {way} to {change.name}: {change.reason}",
        data={
            "previous": change.before,
            "level": change.after,
            "name": change.name,
            "gives_up": list(change.gives_up),
            "reason": change.reason,
        },
    )
