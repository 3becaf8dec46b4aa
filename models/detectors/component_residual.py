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
from models.online.component import N_FIGURES, N_PARTS, Carried, Pattern
from models.residuals import Residuals

MOST_AXES = 12
TRIMMED = 0.99
LARGEST = float(np.finfo(np.float64).max) / 4
LEAST_UNIT = 1.0
"""No length is taken in a smaller unit, one metric at 6.4 spreads: the nightly job of a quiet component is no alarm."""
LEAST_USUAL = 0.01
"""Of what is left of a metric, in its robust unit."""
PER_METRIC = ("centre", "unit", "middle", "axes", "usual")


@dataclass(kw_only=True, eq=False)
class ComponentResidual(FittedArrays):
    """Metrics beside their seasons, metrics that move within the hour, and what principal components leave of values.

    The first two see metrics that leave what is usual for each; the last sees a broken relation among metrics that are
    each where they often are. On recordings of servers any one alone fails where another does well.

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
    common_boundary: ClassVar[float] = 3.7
    sigma: ClassVar[float] = 0.6
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
            **{name: np.zeros(n_series) for name in PER_METRIC},
            "axes": np.zeros((n_series, MOST_AXES)),
            "units": np.full((len(members), N_PARTS), np.nan),
            "levels": np.full((len(members), N_PARTS), np.nan),
        }
        for place, columns in enumerate(members.values()):
            if len(columns) < 2:
                continue
            pattern = _measured(_learn(_filled(history.values[columns]), self.explained), history, columns)
            for name in PER_METRIC:
                self.state_[name][columns] = getattr(pattern, name)
            self.state_["units"][place], self.state_["levels"][place] = pattern.units, pattern.levels
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
            Last value and share of each series; smoothed score and levels of each component.
        """
        return {
            "last": np.full(len(keys), np.nan),
            "share": np.full(len(keys), np.nan),
            "figures": np.full((len(components(keys)), N_FIGURES), np.nan),
        }

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
        return self.judge(seen, memory)[0]

    def judge(self, seen: Residuals, memory: Arrays) -> tuple[Array, NDArray[np.float32]]:
        """Judge rows, and tell what each metric adds: the evidence for the score.

        Parameters
        ----------
        seen
            Rows beside what was expected of them.
        memory
            From ``start``; changed.

        Returns
        -------
        tuple of ndarray of float64 and ndarray of float32
            The score, as from ``score``; the shares, shape (n_series, n_rows), not negative, smoothed like the score.
            Those of a component add up to its score while its noise is as usual, to more where it has risen. NaN where
            the score is.
        """
        state, members = self.to_arrays(), components(seen.keys)
        raw = np.full((len(members), seen.values.shape[1]), np.nan)
        shares = np.full(seen.values.shape, np.nan, dtype=np.float32)
        for place, columns in enumerate(members.values()):
            if np.isnan(state["units"][place, 0]):
                continue
            own = {name: state[name][columns] for name in PER_METRIC}
            pattern = Pattern(**own, units=state["units"][place], levels=state["levels"][place])
            values, features = np.ascontiguousarray(seen.values[columns]), np.ascontiguousarray(seen.features[columns])
            carried = Carried(memory["last"][columns], memory["share"][columns], memory["figures"][place])
            written, room = np.empty(values.shape, dtype=np.float32), kernel.room(len(columns))
            kernel.advance(pattern, carried, values, features, raw[place], written, room)
            memory["last"][columns], memory["share"][columns], shares[columns] = carried.last, carried.share, written
        return raw, shares


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


def _learn(values: Array, explained: float) -> Pattern:
    """The pattern, without units of the lengths."""
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
    usual = MAD_TO_SD * np.median(np.abs(rest - np.median(rest, axis=0)), axis=0) + 0.1 * rest.std(axis=0) + LEAST_USUAL
    return Pattern(centre, unit, middle, padded, usual, np.ones(N_PARTS), np.zeros(N_PARTS))


def _measured(pattern: Pattern, history: Residuals, columns: list[int]) -> Pattern:
    """The pattern with the units of the lengths, and with their usual levels in these."""
    values, features = np.ascontiguousarray(history.values[columns]), np.ascontiguousarray(history.features[columns])
    lengths = np.empty((N_PARTS, values.shape[1]))
    kernel.measure(pattern, np.full(len(columns), np.nan), values, features, lengths, kernel.room(len(columns)))
    known = lengths[:, ~np.isnan(lengths[0])]
    if not known.size:
        return pattern
    units = np.maximum(np.quantile(known, 0.98, axis=1), LEAST_UNIT)
    return pattern._replace(units=units, levels=np.minimum(known / units[:, None], 1.0).mean(axis=1))
