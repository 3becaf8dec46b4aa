"""PATTERN_ANOMALY: the last rows have a shape that the series does not usually show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.detector import Arrays, FittedArrays, Scope
from models.features import Array
from models.frames import SeriesKey
from models.online import shapes as kernel
from models.online.arrays import to_arrays
from models.online.residuals import SLOW
from models.online.shapes import AXES, CAP, LEAST_ENERGY, PROTOTYPES, SCRATCH, WIDTH, Shapes, WindowState
from models.residuals import Residuals

ROUNDS = 8
LEAST_MEMBERS = 0.01
"""A prototype with a smaller share of the windows is dropped: what was that rare is not usual."""
EDGE, BEYOND_EDGE = 0.05, 1.25
"""Misfits count from the median to this quantile, and a quarter more: where 2 % of Gaussian ones lie, without the
incidents of the history."""
TRIMMED = 0.95
"""Axes are ranked by their energy in all but the windows where they have most: an incident is no usual shape."""
LEAST_DISTANCE = 0.25
"""In logarithm, from the median of an energy to the edge of what is usual: a window of pure noise has as much."""


@dataclass(kw_only=True, eq=False)
class Pattern(FittedArrays):
    """Distance of the last 32 rows to the subspace of the usual shapes, and within it to the nearest prototype.

    It notices what no single row shows: a noisy series that lies flat, a period that changes, a sawtooth in place of a
    sine, a shape that stands on its head. Levels and single wild values are left to other detectors.

    Assumptions: shapes of up to 32 rows with few degrees of freedom, learnt from windows at random places of the
    history; what the day or the week repeats has been taken away before. An incident stays in the window for 32 rows.
    Cost: about 400 multiplications a row, 15 ms a series to fit; state of a series 1.6 KB, memory 136 B. A series with
    fewer than 63 values in the history scores NaN.

    Parameters
    ----------
    most_windows
        Of the history, from which the shapes are learnt.
    seed
        Of the places of these windows.

    References
    ----------
    Moskvina, Zhigljavsky: An algorithm based on singular spectrum analysis for change-point detection, Communications
    in Statistics 32, 2003: distance of windows to the subspace of earlier ones. Boniol, Linardi, Roncallo, Palpanas,
    Meftah, Remy: Unsupervised and scalable subsequence anomaly detection in large data series, VLDB Journal 30, 2021:
    distance to a set of usual shapes without the rare ones.
    """

    name: ClassVar[str] = "pattern"
    type: ClassVar[AnomalyType] = AnomalyType.PATTERN_ANOMALY
    scope: ClassVar[Scope] = "series"
    common_boundary: ClassVar[float] = 1.9
    sigma: ClassVar[float] = 0.3
    most_windows: int = 2000
    seed: int = 7

    def fit(self, history: Residuals) -> Self:
        """Learn the usual shapes of each series.

        Parameters
        ----------
        history
            Rows beside what was expected of them.

        Returns
        -------
        Pattern
            Itself, fitted.
        """
        self.state_ = to_arrays(
            Shapes(*(np.stack(part) for part in zip(*map(self._learn, history.features), strict=True)))
        )
        return self

    def start(self, keys: Sequence[SeriesKey]) -> dict[str, NDArray[Any]]:
        """The memory before the first row.

        Parameters
        ----------
        keys
            Of the series.

        Returns
        -------
        dict of str to ndarray
            The last rows of each series: none.
        """
        n = len(keys)
        return to_arrays(WindowState(np.zeros((n, WIDTH), dtype=np.float32), np.zeros((n, 1), dtype=np.int64)))

    def score(self, seen: Residuals, memory: Arrays) -> Array:
        """Judge rows.

        Parameters
        ----------
        seen
            Rows beside what was expected of them.
        memory
            From ``start``; changed.

        Returns
        -------
        ndarray of float64, shape (n_series, n_rows)
            NaN where a value is missing, in the first 31 rows, and for a series that could not be learnt.
        """
        raw = np.empty(seen.values.shape)
        slow = np.ascontiguousarray(seen.features[:, :, SLOW])
        kernel.advance(Shapes(**self.to_arrays()), WindowState(**memory), slow, np.empty(SCRATCH), raw)
        return raw

    def _learn(self, features: NDArray[np.float32]) -> tuple[NDArray[Any], ...]:
        slow = features[:, SLOW].astype(np.float64)
        windows = self._windows(np.clip(slow[~np.isnan(slow)], -CAP, CAP))
        if len(windows) < WIDTH:
            blank = np.zeros((AXES, WIDTH), np.float32), np.zeros((PROTOTYPES, AXES), np.float32)
            return *blank, np.ones((2, 3)), np.array(np.nan)
        axes = _axes(windows)
        floor = np.array(LEAST_ENERGY * np.median((windows**2).sum(axis=1)) + 1e-6)
        prototypes = _prototypes(_along(windows, axes.T))
        shapes = Shapes(axes.astype(np.float32), prototypes, np.ones((2, 3)), floor[None])
        energies = np.empty((len(windows), 2))
        kernel.measure_all(shapes, windows, np.empty(AXES), energies)
        return shapes.axes, prototypes, _usual(energies), floor

    def _windows(self, slow: Array) -> Array:
        """Windows at random places, less their means: shape (n, WIDTH), in the order of time."""
        n = max(len(slow) - WIDTH + 1, 0)
        if n < WIDTH:
            return np.empty((0, WIDTH))
        places = np.sort(np.random.default_rng(self.seed).permutation(n)[: self.most_windows])
        windows = sliding_window_view(slow, WIDTH)[places]
        centred: Array = windows - windows.mean(axis=1, keepdims=True)
        return centred


def _axes(windows: Array) -> Array:
    """Principal axes of most windows: shape (AXES, WIDTH). Threads of BLAS would cost more than they save here."""
    axes = np.linalg.eigh(np.einsum("ni,nj->ij", windows, windows))[1]
    energies = np.sort(_along(windows, axes) ** 2, axis=0)[: int(TRIMMED * len(windows))].sum(axis=0)
    first = np.argsort(-energies, kind="stable")[:AXES]
    return np.ascontiguousarray(axes.T[first])


def _along(windows: Array, axes: Array) -> Array:
    along: Array = np.einsum("ni,ij->nj", windows, axes)
    return along


def _prototypes(along: Array) -> NDArray[np.float32]:
    """Means of the windows that are near each other; the places start at windows spread over the history."""
    prototypes = along[np.linspace(0, len(along) - 1, PROTOTYPES).astype(np.int64)]
    members = np.empty(PROTOTYPES, dtype=np.int64)
    for _ in range(ROUNDS):
        kernel.settle(along, prototypes, np.empty_like(prototypes), members)
    prototypes[members < max(LEAST_MEMBERS * len(along), 1.0)] = np.inf
    return prototypes.astype(np.float32)


def _usual(energies: Array) -> Array:
    """Shape (2, 3), see ``Shapes``."""
    low, middle, high = np.quantile(energies, (EDGE, 0.5, 1 - EDGE), axis=0)
    away = BEYOND_EDGE * np.maximum([middle - low, high - middle], LEAST_DISTANCE)
    return np.stack([away[0], middle, away[1]], axis=1)
