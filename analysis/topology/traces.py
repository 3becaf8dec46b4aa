"""Calls read off spans: a span whose parent runs in another component is a call to it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from analysis.topology.graph import DependencyGraph, EdgeSource, from_edges
from models.errors import InputError

TRACE_COLUMNS = ("trace_id", "span_id", "parent_span_id", "component")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traced:
    """What spans tell of one component, or of the calls between two.

    Parameters
    ----------
    names
        The component; or caller and callee.
    first, last
        UTC; times of the first and the last span; None if the spans have no times.
    count
        Spans of the component, or calls.
    """

    names: tuple[str, ...]
    first: datetime | None
    last: datetime | None
    count: int


def from_traces(spans: pd.DataFrame) -> DependencyGraph:
    """Read calls off spans.

    Parameters
    ----------
    spans
        Columns trace_id, span_id, parent_span_id ("" = root) and component; further ones are ignored. InputError if
        one is absent.

    Returns
    -------
    DependencyGraph
        Over all components of the spans. A span whose parent is missing makes no edge, a component without a name no
        component.
    """
    named = _named(spans)
    pairs = _calls(named)[["caller", "component"]].drop_duplicates()
    found = [(str(caller), str(callee)) for caller, callee in pairs.itertuples(index=False)]
    return from_edges(found, source=EdgeSource.TRACES, components=(str(name) for name in named["component"].unique()))


def traced_components(spans: pd.DataFrame) -> tuple[Traced, ...]:
    """When each component showed in the spans.

    Parameters
    ----------
    spans
        As for ``from_traces``, with ts (UTC) if the times are to be known; InputError if a column is absent.

    Returns
    -------
    tuple of Traced
        Sorted by name.
    """
    return _counted(_named(spans), ["component"])


def traced_calls(spans: pd.DataFrame) -> tuple[Traced, ...]:
    """How often, and from when to when, one component called another.

    Parameters
    ----------
    spans
        As for ``from_traces``, with ts (UTC) if the times are to be known; InputError if a column is absent.

    Returns
    -------
    tuple of Traced
        Sorted by caller and callee; the times are those of the callee's spans.
    """
    return _counted(_calls(_named(spans)), ["caller", "component"])


def _named(spans: pd.DataFrame) -> pd.DataFrame:
    """The spans that tell their component, each once."""
    absent = [name for name in TRACE_COLUMNS if name not in spans.columns]
    if absent:
        raise InputError("the spans lack a column", column=absent[0], remedy=f"give {', '.join(TRACE_COLUMNS)}")
    told = spans["component"].notna() & (spans["component"] != "")
    return spans[told].drop_duplicates(["trace_id", "span_id"])


def _calls(spans: pd.DataFrame) -> pd.DataFrame:
    """Every span whose parent runs in another component, with that as ``caller``."""
    parents = spans[["trace_id", "span_id", "component"]]
    parents = parents.set_axis(pd.Index(["trace_id", "parent_span_id", "caller"]), axis=1)
    calls = spans.merge(parents, on=["trace_id", "parent_span_id"])
    return calls[calls["caller"] != calls["component"]]


def _counted(spans: pd.DataFrame, by: list[str]) -> tuple[Traced, ...]:
    """One value a group; without the column ts the times are unknown."""
    times = spans["ts"] if "ts" in spans.columns else pd.Series(pd.NaT, index=spans.index)
    groups = spans.assign(ts=times).groupby(by, sort=True)["ts"].agg(["min", "max", "size"])
    return tuple(
        Traced(
            names=tuple(map(str, names if isinstance(names, tuple) else (names,))),
            first=_moment(first),
            last=_moment(last),
            count=int(n),
        )
        for names, first, last, n in groups.itertuples(name=None)
    )


def _moment(time: Any) -> datetime | None:
    """A time in Python's own type."""
    return None if pd.isna(time) else pd.Timestamp(time).to_pydatetime()
