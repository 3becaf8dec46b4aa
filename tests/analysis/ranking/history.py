"""Resolved incidents whose lesson is known: two loud components alarm always, the cause alarms rarely."""

from dataclasses import replace

import numpy as np
import pandas as pd

from analysis.ranking.sight import resolved
from analysis.situation import Situation
from tests.analysis.builders import at, event

SERVICES = ("auth-0", "auth-1", "cart-0", "cart-1", "loud-0", "loud-1", "mail-0", "mail-1")
EDGES = tuple((f"web-{i}", name) for i in (0, 1) for name in SERVICES)
NOISE = ("cpu_usage", "memory_usage", "request_latency", "error_rate")
QUIET = tuple(name for name in SERVICES if not name.startswith("loud"))


def incident(number, *, prefix="", cause=None):
    """One situation and its cause: all of them alert-only."""
    generator = np.random.default_rng(number)
    root = cause or QUIET[number % len(QUIET)]
    rows = [event(f"loud-{i}", 60, "METRIC", metric, "up") for i in (0, 1) for metric in NOISE]
    rows += [event(root, 60, "METRIC", "cpu_usage", "up"), event(root, 60, "TRACE", "get", "500", caller="web-0")]
    rows += [event(str(name), 60, "LOG", "line", "") for name in generator.choice(SERVICES, 3)]
    rows += [event("web-0", 60, "METRIC", "request_latency", "up")]
    table = pd.DataFrame(rows)
    for column in ("component", "caller"):
        table[column] = [prefix + name if name else "" for name in table[column]]
    edges = tuple((prefix + a, prefix + b) for a, b in EDGES)
    return Situation(detected_at=at(60), edges=edges, events=table), prefix + root


def past(n, *, prefix="", system="shop"):
    """Resolved incidents of one system."""
    made = [incident(number, prefix=prefix) for number in range(n)]
    return [resolved(s, f"i{k:03d}", [cause], system=system) for k, (s, cause) in enumerate(made)]


def mixed_up(incidents):
    """The same incidents with causes that follow from nothing."""
    generator = np.random.default_rng(3)
    return [replace(each, causes=(str(generator.choice(each.sight.candidates)),)) for each in incidents]
