"""Spans joined with their parents and split at the detection, as arrays; shared by the collectors of traces."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from analysis.rootcause.robust import Values

FEWEST_SPANS = 3
"""Spans on each side of the onset before a group is compared."""
RELATIVE_FLOOR = 0.05
"""A spread of durations is never below this part of their median."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SpanView:
    """All spans of a situation.

    Parameters
    ----------
    spans
        Columns component, operation, duration_s, is_incident, parent_component and parent_operation ("" = no parent),
        gap_s (duration of the parent minus its own; NaN = no parent in another component), self_s (duration minus that
        of its children, not negative) and is_waiting (it has a child in another component).
    """

    spans: pd.DataFrame


@dataclass(frozen=True, slots=True, kw_only=True)
class Slowdown:
    """How the durations of one group of spans changed.

    Parameters
    ----------
    before_s, now_s
        Medians, seconds.
    deviations
        Difference in robust deviations of a single span, shrunk where spans are few; negative means faster.
    """

    before_s: float
    now_s: float
    deviations: float


def view_spans(traces: pd.DataFrame, onset: datetime, detected_at: datetime) -> SpanView:
    """Join every span with its parent.

    Parameters
    ----------
    traces
        In the columns of the incident case format.
    onset
        UTC; spans before it and before the detection are history.
    detected_at
        UTC; spans from it and from the onset on belong to the incident. Those between the two are left out, unless
        nothing else is left of the incident.

    Returns
    -------
    SpanView
        One row a span; a span id that occurs twice in a trace is taken once as a parent.
    """
    parents = traces[["trace_id", "span_id", "component", "operation", "duration_s"]]
    parents = parents.drop_duplicates(["trace_id", "span_id"])
    parents.columns = pd.Index(["trace_id", "parent_span_id", "parent_component", "parent_operation", "parent_s"])
    spans = traces.merge(parents, on=["trace_id", "parent_span_id"], how="left")
    is_remote = spans["parent_component"].notna() & (spans["parent_component"] != spans["component"])
    gap = (spans["parent_s"] - spans["duration_s"]).where(is_remote)
    of_parent = [spans["trace_id"], spans["parent_span_id"]]
    mine = pd.MultiIndex.from_frame(spans[["trace_id", "span_id"]])
    ordered = spans.sort_values("duration_s")  # So that rounding does not depend on the order of rows.
    below = ordered.groupby(["trace_id", "parent_span_id"])["duration_s"].sum().reindex(mine, fill_value=0.0).to_numpy()
    waits = is_remote.groupby(of_parent).any().reindex(mine, fill_value=False).to_numpy()
    first, last = pd.Timestamp(min(onset, detected_at)), pd.Timestamp(max(onset, detected_at))
    if (spans["ts"] >= last).sum() < FEWEST_SPANS:
        last = first
    is_clear = (spans["ts"] < first) | (spans["ts"] >= last)
    return SpanView(
        spans=pd.DataFrame(
            {
                "component": spans["component"],
                "operation": spans["operation"],
                "duration_s": spans["duration_s"],
                "is_incident": spans["ts"] >= last,
                "parent_component": spans["parent_component"].fillna(""),
                "parent_operation": spans["parent_operation"].fillna(""),
                "gap_s": gap,
                "self_s": (spans["duration_s"] - below).clip(lower=0.0),
                "is_waiting": waits,
            }
        )[is_clear]
    )


def compare(before: Values, now: Values, floor: float = RELATIVE_FLOOR) -> Slowdown | None:
    """Compare durations before and during the incident.

    Parameters
    ----------
    before
        Seconds; not NaN.
    now
        Seconds; not NaN.
    floor
        The spread is never below this part of the median before.

    Returns
    -------
    Slowdown or None
        None if a side has fewer than three spans.
    """
    if min(len(before), len(now)) < FEWEST_SPANS:
        return None
    low, centre, high = np.percentile(before, [25, 50, 75])
    mad = 1.4826 * float(np.median(np.abs(before - centre)))
    scale = max(mad, (high - low) / 1.349, floor * abs(centre), 1e-6)
    level = float(np.median(now))
    fewest = min(len(before), len(now))
    shrink = float(np.sqrt(fewest / (fewest + 5)))
    return Slowdown(before_s=float(centre), now_s=level, deviations=float((level - centre) / scale) * shrink)


def groups(spans: pd.DataFrame, by: list[str], value: str) -> dict[tuple[str, ...], tuple[Values, Values]]:
    """Durations before and during the incident by group.

    Parameters
    ----------
    spans
        Of a SpanView.
    by
        Grouping columns.
    value
        Column with seconds; NaN rows are left out.

    Returns
    -------
    dict of tuple of str to (ndarray, ndarray)
        Sorted by key.
    """
    result: dict[tuple[str, ...], tuple[Values, Values]] = {}
    used = spans[spans[value].notna()]
    for key, group in used.groupby(by, sort=True):
        is_incident = group["is_incident"].to_numpy(dtype=bool)
        values = group[value].to_numpy(dtype=np.float64)
        result[tuple(str(part) for part in key)] = (values[~is_incident], values[is_incident])
    return result
