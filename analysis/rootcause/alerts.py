"""Alerts of other systems, where nobody hands over the metrics behind them.

An alert on a metric says in which direction it left its band, not how far, so what counts is which metrics of a
component speak together:

- resources that rise accuse their component, but less where its traffic rose as well: then it only has more to do;
- a component of which several traffic metrics fell has gone silent, and so have its callers towards it;
- calls that others complain of accuse the callee; what a component says of its own spans is echoed by everybody who
  waits, and so are its logs: their number counts little.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.alert_calls import TRACE_KIND, calls_of
from analysis.rootcause.changes import CHANGE_KIND
from analysis.rootcause.kinds import MetricKind, classify
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings

NAME = "alerts"
METRIC_KIND = "METRIC"
FALLING = frozenset({"down", "-", "low", "below", "decrease", "falling"})
MOST_NAMES = 4
LOADED_SHARE = 0.5
"""What is left of the points for resources where the traffic of the component rose too."""
ERROR_WEIGHT = 0.5
"""Errors are counted where they arrive, mostly with the caller."""
SILENCE_WEIGHT, FEWEST_SILENT = 3.0, 3
"""Points for having gone silent, and the traffic metrics that must fall for it."""
SLACK = 0.5
EXPLAINED_SHARE = 0.8
"""Largest part of its fallen traffic that a component owes to a callee that fell more."""
COMPLAINT_WEIGHT = 0.75
"""Of the logarithm of the number of alerts on calls by others."""
ECHO_WEIGHT = 0.25
"""Of the logarithm of the number of alerts of logs, and of kinds that nobody knows."""


@dataclass(slots=True, kw_only=True)
class _Told:
    """The alerts of one component; each metric and direction counts once."""

    metrics: set[tuple[str, bool]] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    complaints: int = 0

    def moved(self, kind: MetricKind, *, falling: bool) -> int:
        """Metrics of one kind that moved in one direction."""
        return sum(is_falling is falling and classify(name) is kind for name, is_falling in self.metrics)

    def moved_at_all(self, kind: MetricKind) -> int:
        """Metrics of one kind that moved."""
        return sum(classify(name) is kind for name, _ in self.metrics)


def collect(observation: Observation, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Weigh the alerts of every component.

    Parameters
    ----------
    observation
        Gives the events.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        Of each component with alerts: one for what they say, and a negative one for what its callees explain.
    """
    events = observation.situation.events
    if events is None or settings.alert_weight == 0:
        return SkippedMethod(name=NAME, reason="There are no events, or it is switched off.")
    alerts = events[events["kind"] != CHANGE_KIND]
    if not len(alerts):
        return SkippedMethod(name=NAME, reason="No event is an alert.")
    told = _read(alerts)
    fallen = {name: _silence_points(mine) for name, mine in told.items()}
    found = [
        _evidence(name, mine, settings.alert_weight * (fallen[name] + _points(mine))) for name, mine in told.items()
    ]
    found += _explained(calls_of(events), fallen, settings)
    return tuple(sorted(found, key=lambda item: (item.component, -item.weight)))


def _read(alerts: pd.DataFrame) -> dict[str, _Told]:
    """Sort the alerts by component."""
    told: defaultdict[str, _Told] = defaultdict(_Told)
    columns = (alerts[name] for name in ("component", "caller", "kind", "name", "sign"))
    for component, caller, kind, name, sign in zip(*columns, strict=True):
        mine = told[str(component)]
        mine.counts[str(kind)] += 1
        if kind == METRIC_KIND:
            mine.metrics.add((str(name), str(sign).lower() in FALLING))
        elif kind == TRACE_KIND and caller and caller != component:
            mine.complaints += 1
    return {name: told[name] for name in sorted(told)}


def _points(told: _Told) -> float:
    """Points for everything but fallen traffic."""
    loaded = LOADED_SHARE if told.moved(MetricKind.TRAFFIC, falling=False) else 1.0
    echoes = sum(float(np.log1p(n)) for kind, n in told.counts.items() if kind not in {METRIC_KIND, TRACE_KIND})
    return (
        2.0 * loaded * _doublings(told.moved(MetricKind.SATURATION, falling=False))
        + _doublings(told.moved(MetricKind.LATENCY, falling=False))
        + ERROR_WEIGHT * _doublings(told.moved_at_all(MetricKind.ERRORS))
        + ERROR_WEIGHT * _doublings(told.moved_at_all(MetricKind.OTHER))
        + COMPLAINT_WEIGHT * float(np.log1p(told.complaints))
        + ECHO_WEIGHT * echoes
    )


def _doublings(n: int) -> float:
    """1 for one metric, 2 for three: several are often the same quantity again."""
    return float(np.log2(1 + n))


def _silence_points(told: _Told) -> float:
    """Points for traffic that fell."""
    n = told.moved(MetricKind.TRAFFIC, falling=True)
    return float(np.log1p(n)) + (SILENCE_WEIGHT if n >= FEWEST_SILENT else 0.0)


def _explained(
    calls: Iterable[tuple[str, str]], fallen: Mapping[str, float], settings: RootCauseSettings
) -> list[Evidence]:
    """Traffic that fell because a callee answers no more."""
    best: dict[str, tuple[float, str]] = {}
    for caller, callee in calls:
        if fallen.get(caller, 0.0) > 0:
            best[caller] = max(best.get(caller, (0.0, "")), (fallen.get(callee, 0.0), callee))
    found = []
    for caller, (below, callee) in sorted(best.items()):
        share = EXPLAINED_SHARE * min(1.0, below / (fallen[caller] + SLACK)) ** 2
        if share * fallen[caller] > 0.01:
            found.append(_taken(caller, callee, share, settings.alert_weight * share * fallen[caller]))
    return found


def _taken(component: str, callee: str, share: float, weight: float) -> Evidence:
    """What a callee's silence explains."""
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"{share:.0%} of its fallen traffic is explained by that of {callee}, which it calls.",
        weight=-weight,
        numbers={"explained_share": share},
    )


def _evidence(component: str, told: _Told, weight: float) -> Evidence:
    """Say which alerts there are."""
    names = sorted(f"{name} {'down' if falling else 'up'}" for name, falling in told.metrics)
    listed = ", ".join(f"{n} {kind}" for kind, n in sorted(told.counts.items()))
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    on = f" (on {', '.join(names[:MOST_NAMES])}{more})" if names else ""
    silent = " Several of its traffic metrics fell: it has gone silent." if _is_silent(told) else ""
    return Evidence(
        collector=NAME,
        component=component,
        metric=_most_telling(told),
        statement=f"Its alerts: {listed}{on}.{silent}",
        weight=weight,
        numbers={f"{kind.lower()}_alerts": float(n) for kind, n in sorted(told.counts.items())},
    )


def _most_telling(told: _Told) -> str:
    """The metric that names the category: resources before symptoms, these before traffic; ties go to the name."""
    order = (MetricKind.SATURATION, MetricKind.LATENCY, MetricKind.ERRORS, MetricKind.TRAFFIC, MetricKind.OTHER)
    return min(
        (name for name, falling in told.metrics if not (falling and classify(name) is MetricKind.SATURATION)),
        key=lambda name: (order.index(classify(name)), name),
        default="",
    )


def _is_silent(told: _Told) -> bool:
    return told.moved(MetricKind.TRAFFIC, falling=True) >= FEWEST_SILENT
