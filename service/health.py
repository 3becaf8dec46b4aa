"""Watching the health of every component: fresh scores in, changes of status recorded."""

from collections.abc import Callable
from datetime import datetime

import numpy as np

from models.frames import to_datetime
from models.scoring import BundleScores
from service.records import Record, RecordKind
from service.recovery.health import Health, HealthPolicy, HealthStatus, Measurement

Publish = Callable[[Record], None]
SCORE = "score"


class HealthMonitor:
    """The health of all components; owned by the loop.

    Parameters
    ----------
    policy
        What counts as healthy.
    publish
        Told of every change of status, but for the first that is known.
    """

    def __init__(self, policy: HealthPolicy, publish: Publish) -> None:
        self._policy = policy
        self._publish = publish
        self._health: dict[str, Health] = {}

    @property
    def statuses(self) -> dict[str, HealthStatus]:
        """What is believed of each component."""
        return {name: health.status for name, health in self._health.items()}

    @property
    def unhealthy(self) -> frozenset[str]:
        """Components that are believed to be UNHEALTHY."""
        return frozenset(name for name, health in self._health.items() if health.status is HealthStatus.UNHEALTHY)

    def observe(self, scores: BundleScores, now: datetime) -> None:
        """Judge every component by its newest row.

        Parameters
        ----------
        scores
            The judged window.
        now
            UTC.
        """
        for name in scores.frame.components:
            before = self._health.get(name, Health())
            after = before.after(measure(scores, name, now), self._policy)
            self._health[name] = after
            if after.status is not before.status and before.streak:
                self._publish(_changed(name, before, after, now))


def measure(scores: BundleScores, component: str, now: datetime) -> Measurement:
    """Take the newest values of a component.

    Parameters
    ----------
    scores
        The judged window.
    component
        Its name.
    now
        UTC.

    Returns
    -------
    Measurement
        Its metrics, and ``score``: the worst of the newest row with a value.
    """
    columns = [i for i, key in enumerate(scores.frame.keys) if key.component == component]
    values = scores.frame.values[:, columns]
    seen = np.flatnonzero(~np.isnan(values).all(axis=1))
    if not len(seen):
        return Measurement()
    row = int(seen[-1])
    age = now - to_datetime(scores.frame.times[row] + scores.frame.step)
    newest = {scores.frame.keys[column].metric: float(scores.frame.values[row, column]) for column in columns}
    judged = scores.score[row, columns]
    worst = float(np.nanmax(judged)) if np.isfinite(judged).any() else float("nan")
    return Measurement(values={**newest, SCORE: worst}, age_s=max(age.total_seconds(), 0.0))


def _changed(component: str, before: Health, after: Health, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.HEALTH_CHANGED,
        subject=component,
        message=f"{before.status} to {after.status}: {after.reason}",
        data={"previous": before.status, "status": after.status, "reason": after.reason},
    )
