"""MULTIVARIATE_OUTLIER: the metrics of a component depart together, or from their usual pattern among each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.detector import Arrays, FittedArrays, Scope, components
from models.features import MAD_TO_SD, Array
from models.frames import SeriesKey
from models.online import component as kernel
from models.online.component import Pattern
from models.online.residuals import MID, SIZE, SLOW
from models.residuals import Residuals

MOST_AXES = 12
TRIMMED = 0.99
LARGEST = float(np.finfo(np.float64).max) / 4


@dataclass(kw_only=True, eq=False)
class ComponentResidual(FittedArrays):
    """Length of the metrics' own residuals plus length of what principal components leave of their values.

    The first half sees metrics that leave their seasons at once; the second sees a broken relation among metrics that
    are each where they often are. On recordings of servers either alone fails where the other does well.

    Assumptions: the usual pattern is linear and the rarest hundredth of the history, which is left out, is enough to
    keep incidents out of it. A component of a single metric has no pattern: NaN, its own detectors judge it.

    Parameters
    ----------
    explained
        The axes kept explain this fraction of the variance.

    References
    ----------
    Jolliffe: Principal component analysis, 2002, 10.1. Jackson, Mudholkar: Control procedures for residuals associated
    with principal component analysis, Technometrics 21, 1979.
    """

    name: ClassVar[str] = "component_residual"
    type: ClassVar[AnomalyType] = AnomalyType.MULTIVARIATE_OUTLIER
    scope: ClassVar[Scope] = "component"
    common_boundary: ClassVar[float] = 2.4
    sigma: ClassVar[float] = 1.2
    explained: float = 0.6

    def fit(self, history: Residuals) -> Self:
        """Learn the pattern of each component.

        Parameters
        ----------
        history
            Rows beside what was expected of them.

        Returns
        -------
        ComponentResidual
            Itself, fitted.
        """
        n_series, members = len(history.keys), components(history.keys)
        self.state_ = {
            **{name: np.zeros(n_series) for name in ("centre", "unit", "middle", "usual")},
            "axes": np.zeros((n_series, MOST_AXES)),
            "halves": np.full((len(members), 2), np.nan),
        }
        for place, columns in enumerate(members.values()):
            if len(columns) < 2:
                continue
            pattern = _learn(_filled(history.values[columns]), history.features[columns], self.explained)
            for name in ("centre", "unit", "middle", "usual", "axes"):
                self.state_[name][columns] = getattr(pattern, name)
            self.state_["halves"][place] = pattern.halves
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
            Last value of each series, smoothed score of each component.
        """
        return {"last": np.full(len(keys), np.nan), "smooth": np.full((len(components(keys)), 1), np.nan)}

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
        ndarray of float64, shape (n_components, n_rows)
            NaN for a component of one metric, and for a row without any value.
        """
        state, members = self.to_arrays(), components(seen.keys)
        raw = np.full((len(members), seen.values.shape[1]), np.nan)
        for place, columns in enumerate(members.values()):
            if np.isnan(state["halves"][place, 0]):
                continue
            own = {name: state[name][columns] for name in Pattern._fields if name != "halves"}
            pattern = Pattern(**own, halves=np.ascontiguousarray(state["halves"][place]))
            values, features = np.ascontiguousarray(seen.values[columns]), np.ascontiguousarray(seen.features[columns])
            last = memory["last"][columns]
            kernel.advance(pattern, last, memory["smooth"][place], values, features, raw[place], np.empty_like(values))
            memory["last"][columns] = last
        return raw


def _filled(values: Array) -> Array:
    """The last value seen, as the kernel does it; the median before there was one."""
    filled = values.copy()
    for series in filled:
        known = ~np.isnan(series)
        if known.all():
            continue
        if not known.any():
            series[:] = 0.0
            continue
        place = np.maximum.accumulate(np.where(known, np.arange(len(series)), -1))
        series[:] = np.where(place >= 0, series[place], 2 * np.median(series[known] / 2))
    return filled


def _learn(values: Array, features: NDArray[np.float32], explained: float) -> Pattern:
    centre = 2 * np.median(values / 2, axis=1)  # the sum of two large values overflows
    with np.errstate(over="ignore"):
        away = np.clip(values - centre[:, None], -LARGEST, LARGEST)
        largest = np.maximum(np.abs(away).max(axis=1), 1e-300)
        sd = largest * (away / largest[:, None]).std(axis=1)
        robust = MAD_TO_SD * np.median(np.abs(away), axis=1)
        unit = np.sqrt(0.5) * np.hypot(robust, sd) + 1e-3 * np.abs(centre)
        unit = np.where(unit > 0, unit, np.maximum(largest, 1e-9))
        scaled = np.clip(away / unit[:, None], -kernel.MOST, kernel.MOST).T
    lengths = np.linalg.norm(scaled, axis=1)
    usual_rows = scaled[lengths <= np.quantile(lengths, TRIMMED)]
    middle = np.median(usual_rows, axis=0)
    variance, axes = np.linalg.eigh(np.cov((usual_rows - middle).T) + 1e-12 * np.eye(len(values)))
    order = np.argsort(-variance, kind="stable")
    share = np.cumsum(variance[order]) / max(variance.sum(), 1e-300)
    kept = axes[:, order[: min(int(np.searchsorted(share, explained)) + 1, MOST_AXES, len(values) - 1)]]
    padded = np.zeros((len(values), MOST_AXES))
    padded[:, : kept.shape[1]] = kept
    rest = (scaled - middle) - ((scaled - middle) @ kept) @ kept.T
    usual = MAD_TO_SD * np.median(np.abs(rest - np.median(rest, axis=0)), axis=0) + 0.1 * rest.std(axis=0) + 1e-3
    unexplained = np.sqrt((np.log1p(np.abs(rest / usual)) ** 2).sum(axis=1))
    own = np.sqrt((np.nan_to_num(features[:, :, [SLOW, SIZE, MID]]).astype(np.float64) ** 2).sum(axis=(0, 2)))
    halves = np.array([max(np.quantile(half, 0.98), 1e-9) for half in (own, unexplained)])
    return Pattern(centre, unit, middle, padded, usual, halves)
