"""What a situation shows of each component, as signs that can be counted and compared between incidents.

A sign is an alert, or a metric that left its own history. Its family is general (what kind of metric, which role in a
call); its name belongs to the system.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.rootcause.kinds import MetricKind, classify
from analysis.rootcause.observation import Observation, SeriesView

UP, DOWN = "up", "down"
FAILED, SLOW = "failed", "slow"
FALLING = frozenset({"down", "-", "low", "below", "decrease", "falling"})
FAILING = frozenset({"error", "errors", "fail", "failed", "failure", "exception", "timeout"})
CALLED, CALLS, OPERATION = "CALLED", "CALLS", "OPERATION"
FIRST_SPAN, INNER_SPAN = "FIRST_SPAN", "INNER_SPAN"
KINDS = tuple(str(kind) for kind in MetricKind)
MOVED_DEVIATIONS = 5.0
"""Robust deviations of its own history from which a series counts as moved."""


class Sign(NamedTuple):
    """One thing that was seen.

    Parameters
    ----------
    component
        Where.
    family
        A kind of metric, a role in a call, or the kind of the event.
    name
        Of the metric, the operation or the other side of the call; "" if that does not matter.
    direction
        Up or down, failed or slow, or "".
    """

    component: str
    family: str
    name: str
    direction: str

    @property
    def group(self) -> str:
        """What it is without any name."""
        return f"{self.family} {self.direction}".strip()


def read_signs(observation: Observation) -> Counter[Sign]:
    """Count the signs of a situation.

    Parameters
    ----------
    observation
        The situation, prepared.

    Returns
    -------
    Counter of Sign
        In no particular order.
    """
    signs: Counter[Sign] = Counter()
    if observation.series is not None:
        signs.update(_moved(observation.series))
    if observation.situation.events is not None:
        for sign in _alerts(observation.situation.events):
            signs[sign] += 1
    return signs


def _moved(view: SeriesView) -> dict[Sign, int]:
    """Series that left their history; a missing shift is no sign."""
    shifts = np.nan_to_num(view.shift)
    return {
        Sign(key.component, str(kind), key.metric, UP if shift > 0 else DOWN): 1
        for key, kind, shift in zip(view.keys, view.kinds, shifts, strict=True)
        if abs(shift) >= MOVED_DEVIATIONS
    }


def _alerts(events: pd.DataFrame) -> Iterator[Sign]:
    """Signs of a table of events; a call is a sign of both of its sides."""
    columns = (events[name].astype(str) for name in ("component", "caller", "kind", "name", "sign"))
    for component, caller, kind, name, sign in zip(*columns, strict=True):
        if kind == "METRIC":
            yield Sign(component, str(classify(name)), name, DOWN if sign.lower() in FALLING else UP)
        elif kind == "TRACE":
            yield from _span_signs(component, caller, name, _outcome(sign))
        else:
            yield Sign(component, kind, name, "")


def _span_signs(component: str, caller: str, operation: str, outcome: str) -> Iterator[Sign]:
    yield Sign(component, OPERATION, operation, outcome)
    if not caller or caller == component:
        yield Sign(component, INNER_SPAN if caller else FIRST_SPAN, "", outcome)
        return
    yield Sign(component, CALLED, caller, outcome)
    yield Sign(caller, CALLS, component, outcome)


def _outcome(sign: str) -> str:
    """Status codes and words for failure are failures; everything else that is said of a span is about its time."""
    return FAILED if sign.lower() in FAILING or (sign.isdigit() and int(sign) >= 400) else SLOW
