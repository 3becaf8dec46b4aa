"""What a component writes: more errors, messages never seen before, messages that stopped.

Callers log the failures of their callees as well, so logs weigh less than metrics and traces.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from analysis.findings import Evidence, SkippedMethod
from analysis.rootcause.observation import Observation
from analysis.rootcause.settings import RootCauseSettings
from analysis.rootcause.templates import templates_of

NAME = "logs"
TOLERANCE = 3.0
"""Standard errors that chance is granted."""
FEWEST_MESSAGES = 3
"""Messages of a new kind before it counts."""
FEWEST_EXPECTED = 5.0
"""Messages of a known kind that the incident should hold before their absence counts."""
MOST_MESSAGES = 200_000
"""Of the latest so many messages of a component the templates are taken."""
MOST_READ, MOST_LETTERS = 1000, 120
"""Letters of a message that are searched for words of errors; letters of a kind of messages that are shown."""

ERROR_WORDS = (
    *("error", "exception", "fail", "fatal", "panic", "critical", "timeout", "time out", "timedout", "timed out"),
    *("refused", "unavailable", "traceback", "denied", "unable", "abort", "killed", "out of memory"),
)
"""Searched one by one: on long messages ten times faster than one pattern."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """Messages of one component, before or during the incident."""

    kinds: "pd.Series[int]"
    n_errors: int
    length_s: float


def collect(observation: Observation, settings: RootCauseSettings) -> tuple[Evidence, ...] | SkippedMethod:
    """Compare what every component logs before and during the incident.

    Parameters
    ----------
    observation
        Gives the logs and the onset.
    settings
        Gives the weight.

    Returns
    -------
    tuple of Evidence or SkippedMethod
        Up to three a component: error rate, new kinds, vanished kinds.
    """
    logs = observation.situation.logs
    if logs is None or not len(logs) or settings.log_weight == 0:
        return SkippedMethod(name=NAME, reason="There are no logs, or they are switched off.")
    onset = pd.Timestamp(observation.onset)
    before_s = (onset - logs["ts"].min()).total_seconds()
    now_s = (logs["ts"].max() - onset).total_seconds()
    if before_s <= 0 or now_s <= 0:
        return SkippedMethod(name=NAME, reason="The logs lie on one side of the onset.")
    found: list[Evidence] = []
    for component, mine in logs.groupby("component", sort=True):
        found += _compare(str(component), mine, onset, (before_s, now_s), settings)
    return tuple(found)


def _compare(
    component: str, logs: pd.DataFrame, onset: pd.Timestamp, lengths_s: tuple[float, float], settings: RootCauseSettings
) -> list[Evidence]:
    """Everything that the logs of one component say."""
    latest = logs[logs["ts"] >= logs["ts"].nlargest(MOST_MESSAGES).min()]
    messages = [str(message) for message in latest["message"]]
    kinds = pd.Series(templates_of(messages), dtype=object)
    speaks = {message: _is_error(message) for message in set(messages)}
    is_error = np.array([speaks[message] for message in messages])
    is_now = (latest["ts"] >= onset).to_numpy(dtype=bool)
    before, now = (
        _Side(kinds=kinds[side].value_counts(), n_errors=int(is_error[side].sum()), length_s=length)
        for side, length in zip((~is_now, is_now), lengths_s, strict=True)
    )
    made = [_errors(component, before, now), _new(component, before, now), _vanished(component, before, now)]
    return [replace(item, weight=item.weight * settings.log_weight) for item in made if item is not None]


def _errors(component: str, before: _Side, now: _Side) -> Evidence | None:
    """More messages that speak of errors."""
    rates = before.n_errors / before.length_s, now.n_errors / now.length_s
    error = np.sqrt((before.n_errors + 1) / before.length_s**2 + (now.n_errors + 1) / now.length_s**2)
    excess = (rates[1] - rates[0]) / error - TOLERANCE
    if excess <= 0:
        return None
    per_minute = [60 * rate for rate in rates]
    return Evidence(
        collector=NAME,
        component=component,
        statement=f"It logs {per_minute[1]:.3g} messages of errors a minute, {per_minute[0]:.3g} before.",
        weight=float(np.log1p(excess)),
        numbers={"errors_per_minute_before": per_minute[0], "errors_per_minute_now": per_minute[1]},
    )


def _new(component: str, before: _Side, now: _Side) -> Evidence | None:
    """Kinds of messages that were never seen before."""
    if not len(before.kinds):
        return None
    fresh = now.kinds[~now.kinds.index.isin(before.kinds.index) & (now.kinds >= FEWEST_MESSAGES)]
    if not len(fresh):
        return None
    first = min(fresh.index, key=lambda kind: (not _is_error(kind), -int(fresh[kind]), kind))
    return Evidence(
        collector=NAME,
        component=component,
        statement=f'{len(fresh)} new kinds of messages, such as "{_shown(first)}" ({fresh[first]} times).',
        weight=float(np.log1p(len(fresh))),
        numbers={"new_kinds": float(len(fresh)), "messages": float(fresh.sum())},
    )


def _vanished(component: str, before: _Side, now: _Side) -> Evidence | None:
    """Kinds of messages that stopped."""
    expected = before.kinds * (now.length_s / before.length_s)
    gone = before.kinds[~before.kinds.index.isin(now.kinds.index) & (expected >= FEWEST_EXPECTED)]
    if not len(gone):
        return None
    first = min(gone.index, key=lambda kind: (-int(gone[kind]), kind))
    return Evidence(
        collector=NAME,
        component=component,
        statement=f'{len(gone)} kinds of messages stopped, such as "{_shown(first)}".',
        weight=float(np.log1p(len(gone))),
        numbers={"vanished_kinds": float(len(gone))},
    )


def _is_error(message: str) -> bool:
    """Whether a message speaks of an error."""
    lower = message[:MOST_READ].lower()
    return any(word in lower for word in ERROR_WORDS)


def _shown(kind: str) -> str:
    """The start of a kind of messages; what would not print is a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in kind[:MOST_LETTERS])
