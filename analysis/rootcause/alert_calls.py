"""Calls that alerts on traces name."""

import pandas as pd

TRACE_KIND = "TRACE"


def calls_of(events: pd.DataFrame) -> tuple[tuple[str, str], ...]:
    """Calls between components that alerts on traces name.

    Parameters
    ----------
    events
        In the columns of the incident case format.

    Returns
    -------
    tuple of (str, str)
        Caller and callee, sorted, each once.
    """
    traces = events[events["kind"] == TRACE_KIND]
    pairs = {(str(a), str(b)) for a, b in zip(traces["caller"], traces["component"], strict=True)}
    return tuple(sorted((a, b) for a, b in pairs if a and a != b))
