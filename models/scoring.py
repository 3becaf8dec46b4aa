"""Applying a bundle: rows in, calibrated scores and anomalies out.

One path for all: ``Scorer`` takes rows as they come and carries a small memory, so one row at a time gives the scores
of the batch to the bit. ``score_frame`` starts a fresh one behind the bundle's history.
"""

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.detectors.component_residual import ComponentResidual
from models.detectors.feature_sum import FeatureSum
from models.errors import InputError
from models.features import Array
from models.frames import MetricFrame, SeriesKey
from models.memory import Memory
from models.online import alerts, sums
from models.online.alerts import AlertRules
from models.online.residuals import DIFF, FAST, M3, M8, MID, SLOW, WILD
from models.online.tail import DAY_S
from models.residuals import Residuals
from models.shaping import silence
from models.shaping.gates import gate, out_of_range, permitted
from models.shaping.resolve import resolve
from models.shaping.windows import resolve_windows

DENSITY = np.array([SLOW, MID, FAST, DIFF, M3, M8, WILD])
"""Features whose common length says how strange a row looks as a whole."""
FORBIDDEN = 0.5
"""What the user's rules forbid to alarm scores at most this: below any ``leave``."""
MOST_REACH = 100.0
"""In logarithm: bands that are wider are none."""
OUT_OF_RANGE, MISSING, STUCK = "data_range", "missing_data", "stuck_value"
FLAGS = (OUT_OF_RANGE, MISSING, STUCK)
"""Judges that say yes or no; their score is 1 or 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BundleScores:
    """The judgement of a bundle on rows; arrays have shape (n_rows, n_series) unless said otherwise.

    Parameters
    ----------
    frame
        The judged values: the bundle's series in the bundle's order; an absent one is all NaN.
    score
        1.0 is the alarm boundary: the highest of the detectors of series, of what their rules leave. NaN = cannot tell.
    alert
        What is told: 1 or more in a row that tells something new, less in all others, where it still orders them by
        how strange they look. NaN = cannot tell.
    component_score, component_alert
        Shape (n_rows, n_components): the same for the detectors of components, in the order of their names; NaN for a
        component of a single metric.
    expected, lower, upper
        The band that a value leaves at the boundary if the rows before it were as expected; in the metric's unit.
    deviation
        (value - expected) in robust standard deviations.
    share
        What each metric adds to the score of its component, not negative; NaN where no detector of components can tell.
    by_detector
        The calibrated score of each detector, shape (n_rows, n_series) or (n_rows, n_components), before the rules;
        and of the judges of silence and data range, 1 or 0.
    unknown
        Series of the frame that the bundle was not trained on; they were not judged.
    absent
        Series of the bundle that the frame does not hold.
    """

    frame: MetricFrame
    score: Array
    alert: Array
    component_score: Array
    component_alert: Array
    expected: Array
    lower: Array
    upper: Array
    deviation: Array
    share: Array
    by_detector: Mapping[str, Array]
    unknown: tuple[SeriesKey, ...]
    absent: tuple[SeriesKey, ...]


class Scorer:
    """Judges rows in the order of time.

    Parameters
    ----------
    bundle
        Trained.
    memory
        From an earlier scorer of the same bundle, which may go on by itself; None begins behind the history.
    """

    def __init__(self, bundle: Bundle, memory: Memory | None = None) -> None:
        self.bundle = bundle
        self.memory = (bundle.memory if memory is None else memory).copy()
        self._wanted = resolve(bundle.shaping.rules, bundle.keys)
        self._windows = resolve_windows(bundle.shaping.windows, bundle.keys)
        self._limits = silence.silence_limits(bundle.silence, self._wanted, bundle.step_s)
        refractory = np.where(
            np.isnan(self._wanted.refractory_s), bundle.rules.refractory_rows, self._wanted.refractory_s / bundle.step_s
        )
        self._alert_rules = _alert_rules(bundle, bundle.strangeness, np.ceil(refractory).astype(np.int64))
        n_components = len(bundle.component_strangeness)
        usual = np.full(n_components, bundle.rules.refractory_rows)
        self._component_rules = _alert_rules(bundle, bundle.component_strangeness, usual)

    def advance(self, frame: MetricFrame) -> BundleScores:
        """Judge the rows of a frame and remember them.

        Parameters
        ----------
        frame
            Rows behind those that were judged before; the step of the bundle.

        Returns
        -------
        BundleScores
            For the bundle's series.

        Raises
        ------
        InputError
            If the frame has another step than the bundle.
        """
        bundle = self.bundle
        if abs(frame.step_s - bundle.step_s) > 1e-6:
            raise InputError(
                f"the frame has a step of {frame.step_s} s, the bundle was trained on {bundle.step_s} s",
                remedy="resample the frame or train on this step",
            )
        judged = frame if frame.keys == bundle.keys else frame.select(bundle.keys)
        trained, present = set(bundle.keys), set(frame.keys)
        return replace(
            self.judge(judged.times, judged.values),
            frame=judged,
            unknown=tuple(key for key in frame.keys if key not in trained),
            absent=tuple(key for key in bundle.keys if key not in present),
        )

    def judge(self, times: NDArray[np.datetime64], values: Array) -> BundleScores:
        """Judge rows at any times.

        Parameters
        ----------
        times
            UTC, shape (n_rows,), not decreasing.
        values
            Shape (n_rows, n_series) in the order of the bundle's series.

        Returns
        -------
        BundleScores
            One row each; the frame has the first time and the values, as if the rows lay on the bundle's grid.
        """
        bundle, memory = self.bundle, self.memory
        mask = self._excluded(times)
        learnt = values if mask is None else np.where(mask, np.nan, values)
        seen = bundle.residuals.apply(bundle.keys, times, np.ascontiguousarray(learnt.T), memory.residuals)
        by_detector: dict[str, Array] = {}
        reach = np.full(seen.values.shape, np.inf)
        share = np.full(seen.values.shape, np.nan, dtype=np.float32)
        component_raw: list[Array] = []
        for member in bundle.members:
            name = member.detector.name
            if isinstance(member.detector, ComponentResidual):
                raw, share = member.detector.judge(seen, memory.detectors[name])
            else:
                raw = member.detector.score(seen, memory.detectors[name])
            boundary = np.empty_like(raw)
            by_detector[name] = member.calibration.advance(raw, memory.tails[name], boundary).T
            if isinstance(member.detector, FeatureSum):
                reach = np.fmin(reach, boundary / member.detector.jump_weight)
            if member.detector.scope == "component":
                component_raw.append(raw)
        expected = seen.expected.T
        score = gate(
            _highest(bundle, by_detector, "series", values.shape), values, expected, self._wanted, mask, cap=FORBIDDEN
        )
        by_detector |= self._flags(values, mask)
        score = np.where(by_detector[OUT_OF_RANGE] > 0, np.fmax(score, 1.0), score)
        density = np.empty(seen.values.shape)
        sums.length(seen.features, DENSITY, density)
        alert = _alerts(memory.alerts, self._alert_rules, score, density)
        silent = (by_detector[MISSING] > 0) | (by_detector[STUCK] > 0)
        begins = silent & ~np.concatenate([memory.silent[None], silent[:-1]]) if len(silent) else silent
        memory.silent[:] = silent[-1] if len(silent) else memory.silent
        shape = (len(times), len(bundle.component_strangeness))
        component_score = _highest(bundle, by_detector, "component", shape)
        component_density = np.fmax.reduce(component_raw) if component_raw else np.full(shape[::-1], np.nan)
        lower, upper = _band(seen, reach)
        return BundleScores(
            frame=MetricFrame(
                start=times[0] if len(times) else np.datetime64(0, "us"),
                step_s=bundle.step_s,
                keys=bundle.keys,
                values=values,
            ),
            score=np.where(silent, np.fmax(score, 1.0), score),
            alert=np.where(begins, np.fmax(alert, 1.0), alert),
            component_score=component_score,
            component_alert=_alerts(memory.component_alerts, self._component_rules, component_score, component_density),
            expected=expected,
            lower=lower,
            upper=upper,
            deviation=seen.deviation.T,
            share=share.T.astype(np.float64),
            by_detector=by_detector,
            unknown=(),
            absent=(),
        )

    def _excluded(self, times: NDArray[np.datetime64]) -> NDArray[np.bool_] | None:
        """Cells in windows; None if there are none."""
        if not self._windows.windows:
            return None
        mask = self._windows.mask(times)
        return mask if mask.any() else None

    def _flags(self, values: Array, mask: NDArray[np.bool_] | None) -> dict[str, Array]:
        missing, stuck, after = silence.advance(self.memory.silence, values, self.bundle.step_s, self._limits, mask)
        for kept, new in zip(self.memory.silence, after, strict=True):
            kept[:] = new
        flags = {OUT_OF_RANGE: out_of_range(values, self._wanted, mask)}
        flags |= {MISSING: permitted(missing, self._wanted, mask), STUCK: permitted(stuck, self._wanted, mask)}
        return {name: flag.astype(np.float64) for name, flag in flags.items()}


def score_frame(bundle: Bundle, frame: MetricFrame) -> BundleScores:
    """Score every row of a frame, as the first rows behind the history of a bundle.

    Parameters
    ----------
    bundle
        Trained; not changed.
    frame
        Rows to judge, with the bundle's step.

    Returns
    -------
    BundleScores
        For the bundle's series.
    """
    return Scorer(bundle).advance(frame)


def _alert_rules(bundle: Bundle, unit: Array, refractory_rows: NDArray[np.int64]) -> AlertRules:
    escalation = np.full(len(unit), bundle.rules.escalation)
    return AlertRules(np.fmax(unit, 0.1), refractory_rows, escalation, math.exp(-bundle.step_s / DAY_S))


def _alerts(state: alerts.AlertState, rules: AlertRules, score: Array, density: Array) -> Array:
    """Alert scores, shape (n_rows, n_columns); the density has the columns first."""
    alert = np.empty(density.shape)
    alerts.advance(state, rules, np.ascontiguousarray(score.T), density, alert)
    return alert.T


def _highest(bundle: Bundle, by_detector: Mapping[str, Array], scope: str, shape: tuple[int, ...]) -> Array:
    parts = [by_detector[member.detector.name] for member in bundle.members if member.detector.scope == scope]
    return functools.reduce(np.fmax, parts) if parts else np.full(shape, np.nan)


def _band(seen: Residuals, reach: Array) -> tuple[Array, Array]:
    """The values at which the first sum of features reaches its boundary in a row that follows usual ones."""
    with np.errstate(over="ignore", invalid="ignore"):
        width = np.expm1(np.where(reach < MOST_REACH, reach, np.nan)) * seen.scale
        return (seen.expected - width).T, (seen.expected + width).T
