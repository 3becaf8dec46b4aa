"""What the tests of the collectors share."""

from datetime import timedelta

import numpy as np
import pandas as pd

from analysis.findings import SkippedMethod
from analysis.rootcause import metrics
from analysis.rootcause.fusion import Verdict
from analysis.rootcause.observation import observe
from analysis.rootcause.settings import RootCauseSettings
from tests.analysis.builders import at, quiet, situation_of, span

SETTINGS = RootCauseSettings()
NAMES = [(c, m) for c in ("web", "orders", "db", "mail") for m in ("cpu", "latency_ms", "requests")]


def weights(evidence):
    """Sum of the weights by component."""
    assert not isinstance(evidence, SkippedMethod), evidence
    total = {}
    for item in evidence:
        assert type(item.weight) is float
        assert np.isfinite(item.weight)
        assert all(np.isfinite(number) for number in item.numbers.values())
        assert item.statement.endswith(".")
        total[item.component] = total.get(item.component, 0.0) + item.weight
    return total


def metric_weights(situation, settings=SETTINGS):
    """What the metrics say."""
    return weights(metrics.collect(observe(situation), settings).evidence)


def calls(gap_s, minutes, first_trace):
    """Traces of web -> orders -> db and web -> mail, the calls to and from orders waiting longer."""
    rows = []
    for i, minute in enumerate(minutes):
        t, wait = first_trace + i, gap_s * (1 + 0.05 * (i % 3))
        rows += [
            span(t, "w", "", "web", minute, 1.0),
            span(t, "wo", "w", "web", minute, 0.3 + wait, "call orders"),
            span(t, "o", "wo", "orders", minute, 0.3),
            span(t, "od", "o", "orders", minute, 0.1 + wait, "call db"),
            span(t, "d", "od", "db", minute, 0.1),
            span(t, "wm", "w", "web", minute, 0.102, "call mail"),
            span(t, "m", "wm", "mail", minute, 0.1),
        ]
    return rows


def told(events, collect, settings=SETTINGS):
    """What a collector of events says, where the metrics are quiet."""
    return weights(collect(observe(situation_of(quiet(NAMES), events=pd.DataFrame(events))), settings))


def log_table(rows):
    """Logs from (component, minute, message)."""
    return pd.DataFrame([{"ts": pd.Timestamp(at(m)), "component": c, "message": text} for c, m, text in rows])


def evenly(component, first, last, n, message):
    """So many equal messages between two minutes."""
    minutes = np.linspace(first, last, n)
    return [(component, float(minute), message) for minute in minutes]


def second(minute, seconds):
    """A time inside a minute, as minutes."""
    return (at(minute) + timedelta(seconds=seconds) - at(0)).total_seconds() / 60


def verdict_of(**scores):
    """A verdict with nothing but scores."""
    ranking = tuple(sorted(scores, key=lambda name: (-scores[name], name)))
    return Verdict(scores=scores, ranking=ranking, metric_ranking=(), evidence={}, skipped=())
