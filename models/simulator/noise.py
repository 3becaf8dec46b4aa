"""The random part, drawn ahead in blocks of absolute time.

A row's noise depends on the seed and on the row's place in time, never on how far the system was stepped in one call,
on a fault or on an action: runs with and without a fault are bit-identical until the fault begins.
"""

from dataclasses import dataclass, field

import numpy as np

from models.simulator.plant import Floats

METRICS = (
    "request_rate",
    "error_rate",
    "latency_p50_s",
    "latency_p95_s",
    "latency_p99_s",
    "cpu",
    "memory",
    "connections",
)
RATE, ERRORS, P50, P95, P99, CPU, MEMORY, CONNECTIONS = range(len(METRICS))
RATIOS = [ERRORS, CPU, MEMORY]
_LATENCIES = slice(P50, P99 + 1)

_BLOCK_ROWS = 256
_GAP_ROWS = 10
_DYNAMIC_STREAM, _MEASURE_STREAM, _MISSING_STREAM = 21, 22, 23
_FACTOR_SD = np.array([0.008, 0.0, 0.015, 0.03, 0.06, 0.02, 0.003, 0.02])
_SPIKE_RATIO, _SPIKE_SD = 0.002, 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """The noise of 256 rows.

    Parameters
    ----------
    shocks
        Standard normal increments of the autocorrelated part, shape (256, shocks).
    factors
        Measurement noise as a factor, shape (256, metrics, n).
    errors
        Standard normal, for the counting noise of the error ratio, shape (256, n).
    is_missing
        Whether a value is absent, shape (256, n, metrics); None if nothing ever is.
    """

    shocks: Floats
    factors: Floats
    errors: Floats
    is_missing: np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None


@dataclass(slots=True, kw_only=True)
class Noise:
    """The noise of a system; only the last blocks are kept.

    Parameters
    ----------
    seed
        That of the settings.
    n_components
        Components.
    n_shocks
        Autocorrelated quantities.
    missing_ratio, gap_ratio
        Those of the settings.
    """

    seed: int
    n_components: int
    n_shocks: int
    missing_ratio: float
    gap_ratio: float
    _blocks: dict[int, Block] = field(default_factory=dict)

    def shocks(self, row: int) -> Floats:
        """Increments of one row.

        Parameters
        ----------
        row
            Absolute row: whole steps since 1970.

        Returns
        -------
        ndarray of float64, shape (n_shocks,)
            Standard normal.
        """
        shocks: Floats = self._block(row // _BLOCK_ROWS).shocks[row % _BLOCK_ROWS]
        return shocks

    def measure(self, truth: Floats, first_row: int, step_s: float) -> Floats:
        """Make measurements of true values.

        Parameters
        ----------
        truth
            Shape (rows, metrics, n), in the order of ``METRICS``.
        first_row
            Absolute row of the first.
        step_s
            Seconds a row, over which requests are counted.

        Returns
        -------
        ndarray of float64, shape (rows, n, metrics)
            Ratios in [0, 1], latency percentiles in order, connections whole; NaN where the value is missing.
        """
        measured = np.empty((len(truth), self.n_components, len(METRICS)))
        done = 0
        while done < len(truth):
            row = first_row + done
            inside = row % _BLOCK_ROWS
            take = min(_BLOCK_ROWS - inside, len(truth) - done)
            block, rows = self._block(row // _BLOCK_ROWS), slice(inside, inside + take)
            values = _measure(truth[done : done + take], block.factors[rows], block.errors[rows], step_s)
            if block.is_missing is not None:
                values[block.is_missing[rows]] = np.nan
            measured[done : done + take] = values
            done += take
        return measured

    def _block(self, index: int) -> Block:
        """Draw a block, or find it; the block before the newest is kept because a step may measure in it."""
        if index not in self._blocks:
            self._blocks = {index: self._draw(index)} | {i: b for i, b in self._blocks.items() if i == index - 1}
        return self._blocks[index]

    def _draw(self, index: int) -> Block:
        n = self.n_components
        dynamic, measure = (
            np.random.default_rng([self.seed, stream, index]) for stream in (_DYNAMIC_STREAM, _MEASURE_STREAM)
        )
        logs = measure.standard_normal((_BLOCK_ROWS, len(METRICS), n)) * _FACTOR_SD[:, np.newaxis]
        spikes = np.abs(measure.standard_normal((_BLOCK_ROWS, n))) * _SPIKE_SD
        logs[:, P99] += np.where(measure.random((_BLOCK_ROWS, n)) < _SPIKE_RATIO, spikes, 0.0)
        return Block(
            shocks=dynamic.standard_normal((_BLOCK_ROWS, self.n_shocks)),
            factors=np.exp(logs),
            errors=measure.standard_normal((_BLOCK_ROWS, n)),
            is_missing=self._missing(index),
        )

    def _missing(self, index: int) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]] | None:
        if not (self.missing_ratio or self.gap_ratio):
            return None
        rng = np.random.default_rng([self.seed, _MISSING_STREAM, index])
        points = rng.random((_BLOCK_ROWS, self.n_components, len(METRICS))) < self.missing_ratio
        begins = rng.random((_BLOCK_ROWS, self.n_components)) < self.gap_ratio / _GAP_ROWS
        begun = np.cumsum(begins, axis=0, dtype=np.int64)
        is_silent = begun.copy()
        is_silent[_GAP_ROWS:] -= begun[:-_GAP_ROWS]
        return points | (is_silent > 0)[:, :, np.newaxis]


def _measure(truth: Floats, factors: Floats, errors: Floats, step_s: float) -> Floats:
    """Shape (rows, metrics, n) in, (rows, n, metrics) out; only exactly rounded operations, so chunks do not matter."""
    values = truth * factors
    count = np.maximum(truth[:, RATE] * step_s, 1.0)
    ratio = truth[:, ERRORS]
    values[:, ERRORS] = ratio + errors * np.sqrt(ratio * (1 - ratio) / count)
    values[:, RATIOS] = np.clip(values[:, RATIOS], 0.0, 1.0)
    values[:, _LATENCIES] = np.maximum.accumulate(values[:, _LATENCIES], axis=1)
    values[:, CONNECTIONS] = np.rint(values[:, CONNECTIONS])
    measured: Floats = np.swapaxes(values, 1, 2)
    return measured
