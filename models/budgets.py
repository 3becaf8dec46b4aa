"""One bundle under several budgets of false alarms, judging the same rows in one pass.

Levels, seasons and scores do not depend on the budget, boundaries and alerts do: so the former, nine tenths of the
work, are computed once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.anomalies import Anomaly
from models.bundle import Bundle, Member
from models.calibration import SUPPLIED_BUDGET
from models.detector import components
from models.errors import ConfigurationError
from models.evidence import adds_most, find_anomalies
from models.features import Array
from models.frames import MetricFrame, SeriesKey, to_datetime64
from models.online import tail
from models.online.arrays import from_arrays, to_arrays
from models.online.residuals import ResidualState
from models.online.tail import TailState
from models.residuals import ResidualModel, Residuals
from models.scoring import FLAGS, BundleScores, Scorer
from models.shaping.resolve import resolve

CHUNK_CELLS = 1_000_000
"""Rows times series that are judged at once: some 0.3 GB for a moment."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Judgement:
    """What a bundle says of rows; arrays have shape (n_rows, n_series) unless said otherwise.

    Parameters
    ----------
    bundle
        That judged.
    frame
        The judged rows: the bundle's series in its order.
    alert
        As in ``BundleScores``, in single precision; also the alerts of a component, on its series that deviates most.
    told
        Where an alert was told, by a series' own judges or, on the series that deviates most, by its component's.
    own, by_rule
        Of those, the ones by the series' own judges, and by rules of silence and data range alone.
    component_told
        Shape (n_rows, n_components).
    judged, component_judged
        Shapes (n_series,) and (n_components,): how many rows could be judged.
    anomalies
        By start; one that lasts beyond a chunk may be graded by a part of it. Empty if only alerts were asked for.
    scores
        Shape (n_rows, n_series): calibrated; with the band and what was expected, in single precision. None if only
        alerts were asked for.
    """

    bundle: Bundle
    frame: MetricFrame
    alert: NDArray[np.float32]
    told: NDArray[np.bool_]
    own: NDArray[np.bool_]
    by_rule: NDArray[np.bool_]
    component_told: NDArray[np.bool_]
    judged: NDArray[np.int64]
    component_judged: NDArray[np.int64]
    anomalies: tuple[Anomaly, ...]
    scores: BundleScores | None


@dataclass(kw_only=True, eq=False)
class SharedResiduals(ResidualModel):
    """A residual model that several scorers ask for the same rows, one after the other: it computes them once.

    Only the first of them carries its state on; the others' stays as it was and is not used.

    Parameters
    ----------
    step_s, calendars
        As in ResidualModel.
    """

    _times: NDArray[np.datetime64] | None = field(default=None, init=False, repr=False)
    _seen: Residuals | None = field(default=None, init=False, repr=False)

    def apply(
        self, keys: tuple[SeriesKey, ...], times: NDArray[np.datetime64], values: Array, state: ResidualState
    ) -> Residuals:
        """Set rows against what is known, or give again what was found for the same array of times.

        Parameters
        ----------
        keys
            The series.
        times
            UTC, shape (n_rows,); the very same object for the same rows.
        values
            Shape (n_series, n_rows).
        state
            Changed in place by the first call.

        Returns
        -------
        Residuals
            Of the rows; not to be changed.
        """
        if self._seen is None or self._times is not times:
            self._times, self._seen = times, super().apply(keys, times, values, state)
        return self._seen


def with_budget(bundle: Bundle, false_alarms_per_day: float) -> Bundle:
    """The bundle that the same training with another budget would have given, without training.

    Exact where the tail of both budgets begins at the same level (``models.online.tail.tail_level``), as it does up to
    a few alarms a day; beyond that to a few per cent, for events below the old threshold were not counted.

    Parameters
    ----------
    bundle
        Trained.
    false_alarms_per_day
        The other budget; it is for whom that of the training was. Series whose budget a rule sets keep theirs.

    Returns
    -------
    Bundle
        Sharing what does not depend on the budget.

    Raises
    ------
    ConfigurationError
        If the budget is not a positive rate.
    """
    if not 0 < false_alarms_per_day < np.inf:
        raise ConfigurationError(f"The budget is {false_alarms_per_day}.", remedy="give a positive rate a day")
    ratio = false_alarms_per_day / float(bundle.settings["false_alarms_per_day"])
    set_by_rule = ~np.isnan(resolve(bundle.shaping.rules, bundle.keys).false_alarms_per_day)
    members, tails = [], {}
    for member in bundle.members:
        name, old = member.detector.name, member.calibration
        fixed = set_by_rule if member.detector.scope == "series" else np.zeros(len(old.budget), dtype=bool)
        budget = np.where(fixed, old.budget, old.budget * ratio)
        common = member.detector.common_boundary + old.sigma * np.log(SUPPLIED_BUDGET / budget)
        new = replace(old, budget=budget, common=common)
        tails[name] = from_arrays(TailState, to_arrays(bundle.memory.tails[name]))
        tail.refit_all(tails[name], new.rules)
        members.append(Member(detector=member.detector, calibration=new))
    return replace(
        bundle,
        members=tuple(members),
        memory=replace(bundle.memory, tails=tails),
        settings={**bundle.settings, "false_alarms_per_day": false_alarms_per_day},
    )


def judge(
    bundle: Bundle,
    frame: MetricFrame,
    budgets: Sequence[float],
    *,
    detailed: Sequence[float] = (),
    progress: Progress | None = None,
) -> dict[float, Judgement]:
    """Judge rows under several budgets, causally, in chunks.

    Parameters
    ----------
    bundle
        Trained; not changed.
    frame
        The first rows behind its history; the bundle's step.
    budgets
        False alarms a day.
    detailed
        Those of the budgets for which anomalies and scores are wanted too.
    progress
        Called with the rows done and the rows in all.

    Returns
    -------
    dict of float to Judgement
        By budget. Takes about 30 bytes a cell and budget, 80 for a detailed one.
    """
    shared = SharedResiduals(step_s=bundle.residuals.step_s, calendars=bundle.residuals.calendars)
    shared.units_ = bundle.residuals.units_
    heard = replace(bundle, residuals=shared)
    judges = {budget: _Judge(with_budget(heard, budget), is_detailed=budget in detailed) for budget in budgets}
    rows = frame if frame.keys == bundle.keys else frame.select(bundle.keys)
    size = max(1, CHUNK_CELLS // max(rows.n_series, 1))
    for first in range(0, rows.n_rows, size):
        chunk = rows.rows(first, first + size)
        times = chunk.times
        for each in judges.values():
            each.advance(times, chunk)
        if progress is not None:
            progress(min(first + size, rows.n_rows), rows.n_rows)
    return {budget: each.judgement(rows) for budget, each in judges.items()}


class _Judge:
    """Keeps what is wanted of the scores of one budget."""

    def __init__(self, bundle: Bundle, *, is_detailed: bool) -> None:
        self._scorer, self._is_detailed = Scorer(bundle), is_detailed
        self._members = tuple(np.asarray(columns) for columns in components(bundle.keys).values())
        self._parts: list[dict[str, NDArray[Any]]] = []
        self._anomalies: list[Anomaly] = []

    def advance(self, times: NDArray[np.datetime64], chunk: MetricFrame) -> None:
        """Judge the rows behind those before."""
        bundle = self._scorer.bundle
        scores = replace(self._scorer.judge(times, chunk.values), frame=chunk)
        own = scores.alert >= 1.0
        flags = np.logical_or.reduce([scores.by_detector[name] > 0 for name in FLAGS])
        series = [
            scores.by_detector[member.detector.name] for member in bundle.members if member.detector.scope == "series"
        ]
        highest = np.fmax.reduce([np.full(own.shape, np.nan), *series])
        by_rule = own & flags & ~(highest >= 1.0)
        component_told = scores.component_alert >= 1.0
        alert, told = scores.alert.copy(), own.copy()
        for row, place in np.argwhere(component_told).tolist():
            column = adds_most(scores, row, self._members[place])
            told[row, column] = True
            alert[row, column] = np.fmax(alert[row, column], scores.component_alert[row, place])
        part = {
            "alert": alert.astype(np.float32),
            "told": told,
            "own": own,
            "by_rule": by_rule,
            "component_told": component_told,
            "judged": np.sum(~np.isnan(highest), axis=0)[None],
            "component_judged": np.sum(~np.isnan(scores.component_score), axis=0)[None],
        }
        if self._is_detailed:
            self._anomalies = join_anomalies(self._anomalies, find_anomalies(bundle, scores), chunk, bundle)
            kept = (scores.score, scores.expected, scores.lower, scores.upper)
            part |= {f"band{place}": each.astype(np.float32) for place, each in enumerate(kept)}
        self._parts.append(part)

    def judgement(self, frame: MetricFrame) -> Judgement:
        """All rows together."""
        whole = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        return Judgement(
            bundle=self._scorer.bundle,
            frame=frame,
            alert=whole["alert"],
            told=whole["told"],
            own=whole["own"],
            by_rule=whole["by_rule"],
            component_told=whole["component_told"],
            judged=whole["judged"].sum(axis=0),
            component_judged=whole["component_judged"].sum(axis=0),
            anomalies=tuple(sorted(self._anomalies, key=lambda each: (each.start, each.key))),
            scores=_scores(frame, whole) if self._is_detailed else None,
        )


def join_anomalies(
    before: Sequence[Anomaly], found: Sequence[Anomaly], chunk: MetricFrame, bundle: Bundle
) -> list[Anomaly]:
    """Put the anomalies of a chunk behind those of earlier chunks; one that was cut by its edge becomes one again.

    Parameters
    ----------
    before
        Of earlier rows, at most one at a time for a series.
    found
        Of the chunk.
    chunk
        Its rows.
    bundle
        That judged; says how far apart rows of one anomaly may be.

    Returns
    -------
    list of Anomaly
        The joined ones carry the evidence of the part with the higher score.
    """
    gap = bundle.rules.merge_rows * chunk.step
    last = {each.key: place for place, each in enumerate(before)}
    joined = list(before)
    for each in found:
        place = last.get(each.key)
        is_cut = (
            place is not None
            and to_datetime64(each.start) <= chunk.start + gap
            and to_datetime64(each.start) - to_datetime64(joined[place].end) <= gap
        )
        if place is None or not is_cut:
            joined.append(each)
            continue
        stronger = max(joined[place], each, key=lambda one: one.score)
        start, end = joined[place].start, max(joined[place].end, each.end)
        joined[place] = replace(stronger, start=start, end=end)
    return joined


def _scores(frame: MetricFrame, whole: dict[str, NDArray[Any]]) -> BundleScores:
    """What plots read; the rest is empty."""
    score, expected, lower, upper = (whole[f"band{place}"] for place in range(4))
    empty = np.empty((frame.n_rows, 0))
    return BundleScores(
        frame=frame,
        score=score,
        alert=whole["alert"],
        component_score=empty,
        component_alert=empty,
        expected=expected,
        lower=lower,
        upper=upper,
        deviation=empty,
        share=empty,
        by_detector={},
        unknown=(),
        absent=(),
    )


def rows_under_alarm(judgement: Judgement) -> NDArray[np.bool_]:
    """Where an anomaly lasts.

    Parameters
    ----------
    judgement
        Detailed.

    Returns
    -------
    ndarray of bool, shape (n_rows, n_series)
        Over the whole length of each anomaly.
    """
    frame = judgement.frame
    column = {key: place for place, key in enumerate(frame.keys)}
    under = np.zeros(frame.values.shape, dtype=bool)
    for each in judgement.anomalies:
        under[frame.row_at(each.start) : frame.row_at(each.end), column[each.key]] = True
    return under


def judged_days(judgement: Judgement) -> tuple[Array, Array]:
    """Days of rows that could be judged.

    Parameters
    ----------
    judgement
        Of any rows.

    Returns
    -------
    series : ndarray of float64, shape (n_series,)
        Of each series.
    components : ndarray of float64, shape (n_components,)
        Of each component as a whole.
    """
    row_days = np.float64(judgement.bundle.step_s / tail.DAY_S)
    return judgement.judged * row_days, judgement.component_judged * row_days
