"""The tables of a situation without what tells nothing: rows without a time or a component, impossible durations.

The live window and other readers may hand over what the reader of cases never lets through.
"""

from dataclasses import replace

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype

from analysis.situation import Situation

LONGEST_S = 1e9
"""A span that seems to take longer, 32 years, was never closed."""


def tidied(situation: Situation) -> Situation:
    """Drop what tells nothing.

    Parameters
    ----------
    situation
        Any.

    Returns
    -------
    Situation
        Tables whose rows all have a time and a component; missing strings are "", durations that are negative or not
        finite are NaN. Nothing is copied where nothing is wrong.
    """
    traces, logs, events = situation.traces, situation.logs, situation.events
    return replace(
        situation,
        traces=None if traces is None else _with_order(_with_durations(_with_strings(_named(traces)))),
        logs=None if logs is None else _with_strings(_named(logs)),
        events=None if events is None else _with_strings(_named(events)),
    )


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that say when and where."""
    is_told = table["ts"].notna() & table["component"].notna() & (table["component"] != "")
    return table if is_told.all() else table[is_told]


def _with_strings(table: pd.DataFrame) -> pd.DataFrame:
    """Strings wherever there should be one; empty where it is missing."""
    columns = [str(name) for name in table.columns if name not in {"ts", "duration_s"}]
    odd = [name for name in columns if table[name].isna().any() or infer_dtype(table[name]) not in {"string", "empty"}]
    if not odd:
        return table
    return table.assign(
        **{name: table[name].map(lambda value: "" if _is_missing(value) else str(value)) for name in odd}
    )


def _is_missing(value: object) -> bool:
    """Whether nothing was written; a list is something."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value))


def _with_durations(spans: pd.DataFrame) -> pd.DataFrame:
    """NaN for durations that cannot be."""
    durations = spans["duration_s"].to_numpy(dtype=np.float64)
    is_possible = (durations >= 0) & (durations <= LONGEST_S)
    return spans if is_possible.all() else spans.assign(duration_s=np.where(is_possible, durations, np.nan))


def _with_order(spans: pd.DataFrame) -> pd.DataFrame:
    """Of the spans that share an id the earliest one first, so that the order of rows decides nothing."""
    is_shared = spans.duplicated(["trace_id", "span_id"], keep=False)
    if not is_shared.any():
        return spans
    shared = spans[is_shared].sort_values(["ts", "component", "operation", "parent_span_id", "duration_s"])
    return pd.concat([spans[~is_shared], shared], ignore_index=True)
