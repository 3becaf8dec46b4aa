"""Sampled traces that agree with the latencies of their row."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from models.simulator.plant import Plant
from models.simulator.state import State

_TRACE_STREAM = 31
_Z99 = 2.326
_SPREAD_S = 30.0
_COLUMNS = ("ts", "trace_id", "span_id", "parent_span_id", "component", "operation", "duration_s")


class Tracer:
    """Collects sampled traces while the system is stepped.

    Parameters
    ----------
    plant
        The system's parameters.
    seed
        That of the settings; each row has its own random numbers.
    traces_per_step
        0 disables.
    """

    def __init__(self, plant: Plant, *, seed: int, traces_per_step: int) -> None:
        self._plant = plant
        self._seed = seed
        self._traces_per_step = traces_per_step
        self._links = [[int(i) for i in np.flatnonzero(plant.caller == at)] for at in range(plant.n)]
        self._spans: list[tuple[datetime, str, str, str, str, str, float]] = []

    @property
    def spans(self) -> pd.DataFrame:
        """All spans so far in the columns of the case format, ordered by time."""
        table = pd.DataFrame(self._spans, columns=list(_COLUMNS))
        table["ts"] = pd.to_datetime(table["ts"], utc=True).dt.as_unit("us")
        return table.sort_values("ts", kind="stable", ignore_index=True)

    def record(self, row: int, moment: datetime, state: State) -> None:
        """Sample the traces of a row.

        Parameters
        ----------
        row
            Absolute row.
        moment
            Its time, UTC.
        state
            After its step.
        """
        if not self._traces_per_step:
            return
        rng = np.random.default_rng([self._seed, _TRACE_STREAM, row])
        for number, offset_s in enumerate(rng.uniform(0, _SPREAD_S, self._traces_per_step)):
            walk = _Walk(plant=self._plant, links=self._links, state=state, rng=rng, trace_id=f"{row:x}-{number:x}")
            walk.call(0, "", moment + timedelta(seconds=float(offset_s)))
            self._spans += walk.spans


@dataclass(slots=True, kw_only=True)
class _Walk:
    """One request on its way down the graph; a caller makes its calls one after the other."""

    plant: Plant
    links: list[list[int]]
    state: State
    rng: np.random.Generator
    trace_id: str
    spans: list[tuple[datetime, str, str, str, str, str, float]] = field(default_factory=list)

    def call(self, at: int, parent: str, begin: datetime) -> float:
        """Add the span of a call and those below it; returns its duration in seconds."""
        span_id = f"{self.trace_id}-{len(self.spans):x}"
        place = len(self.spans)
        name = self.plant.topology.names[at]
        self.spans.append((begin, self.trace_id, span_id, parent, name, "", 0.0))
        median, tail = self.state.own[:, at]
        duration_s = float(median * np.exp(np.log(max(tail / median, 1.0)) / _Z99 * self.rng.standard_normal()))
        if self.rng.random() < self.state.passed[at]:
            duration_s += self._call_on(at, span_id, begin + timedelta(seconds=duration_s / 2))
        operation = f"{self.plant.topology.roles[at].lower()}.{name}"
        self.spans[place] = (begin, self.trace_id, span_id, parent, name, operation, duration_s)
        return duration_s

    def _call_on(self, at: int, span_id: str, begin: datetime) -> float:
        """Call the callees; returns how long the caller waits for them in all, bounded by its patience."""
        waited_s = 0.0
        for link in self.links[at]:
            is_handover = self.plant.calls[link] == 0.0
            callee = int(self.plant.callee[link])
            n_calls = int((1.0 if is_handover else self.plant.calls[link]) + self.rng.random())
            for _ in range(n_calls if self.state.felt[0, link] > 0 else 0):
                took_s = self.call(callee, span_id, begin + timedelta(seconds=waited_s))
                waited_s += 0.0 if is_handover else min(took_s, float(self.plant.timeout_s[callee]))
        return waited_s
