"""Whether a budget of false alarms is kept: alerts on rows where nothing is labelled, and where nothing happens.

    .venv/bin/python benchmarks/false_alarms.py SUITES

SUITES holds directories in the labelled series format; names of some of them may follow. A run over everything writes
docs/false-alarms.md; a run over a part of it writes where --page says.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.false_alarms_data import DAYS, KINDS, N_SERIES, quiet_frame  # noqa: E402
from benchmarks.false_alarms_page import page, table  # noqa: E402
from models.budgets import SharedResiduals, judge, judged_days, with_budget  # noqa: E402
from models.bundle import Bundle, Member  # noqa: E402
from models.detection_benchmark import SeriesInput, read_series  # noqa: E402
from models.evaluation import SeriesTruth, read_series_truth  # noqa: E402
from models.frames import frame_from_series, to_datetime  # noqa: E402
from models.online import tail  # noqa: E402
from models.online.arrays import from_arrays, to_arrays  # noqa: E402
from models.online.tail import TailState  # noqa: E402
from models.scoring import Scorer  # noqa: E402
from models.sources.steps import infer_step  # noqa: E402
from models.training import TrainingSettings, train  # noqa: E402

PAGE = ROOT / "docs" / "false-alarms.md"
SUITE_BUDGETS = (0.1, 1.0)
MADE_BUDGETS = (0.05, 0.1, 0.3, 1.0)
TRAIN_DAYS = 10
NEAR_ROWS = 40
DAY_S = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Quiet:
    """Alerts on rows where there should be none.

    Parameters
    ----------
    what
        Which metrics.
    judges
        What is counted: series, or components.
    budget
        Alerts allowed a day.
    alerts, again, near
        Shape (n,): alerts of each series or component; those of them at most ``NEAR_ROWS`` behind another alert; those
        at most so far from an event.
    alone
        Shape (n,): alerts if only the boundary of the series' own history held.
    days
        Shape (n,).
    """

    what: str
    judges: str
    budget: float
    alerts: NDArray[np.int64]
    again: NDArray[np.int64]
    near: NDArray[np.int64]
    alone: NDArray[np.int64]
    days: NDArray[np.float64]


def main(arguments: list[str] | None = None) -> None:
    """Measure, print and write."""
    given = _options().parse_args(arguments)
    known = {path.parent.name: path.parent for path in sorted(given.suites.glob("*/protocol.json"))}
    unknown = sorted(set(given.name) - known.keys())
    if unknown or not known:
        raise SystemExit(f"no such suite: {', '.join(unknown) or given.suites}; there are {', '.join(known)}")
    chosen = [suite for name, suite in known.items() if not given.name or name in given.name]
    place = given.page or (PAGE if not given.name else None)
    recorded = list(_told(chosen))
    made = [] if given.name else [each for kind in KINDS for each in measure_made(kind, MADE_BUDGETS)]
    print(table(recorded + made))
    if place is not None:
        command = " ".join([".venv/bin/python benchmarks/false_alarms.py SUITES", *given.name])
        text = page(
            recorded,
            made,
            command=command,
            escalation=TrainingSettings().rules.escalation,
            days=DAYS,
            train_days=TRAIN_DAYS,
        )
        place.write_text(text, encoding="utf-8")


def measure_suite(suite: Path, budgets: Sequence[float]) -> list[Quiet]:
    """Alerts on the rows behind the history that no event covers.

    Parameters
    ----------
    suite
        Directory in the labelled series format.
    budgets
        Alerts a day.

    Returns
    -------
    list of Quiet
        Of the files, as the product tells of them (a file of several metrics is a component), and where there are such
        files of their series.
    """
    truths = read_series_truth(suite)
    files = [_of_file(read_series(suite, name), truth, budgets) for name, truth in truths.items()]
    wide = [file for file in files if file.series is not None]
    judges = "components" if len(wide) == len(files) else "series"
    result = [_joined(suite.name, judges, budget, [file.whole[budget] for file in files]) for budget in budgets]
    if wide:
        parts = {budget: [file.series[budget] for file in wide if file.series is not None] for budget in budgets}
        result += [_joined(suite.name, "series of them", budget, parts[budget]) for budget in budgets]
    return result


def measure_made(
    kind: str, budgets: Sequence[float], *, n_series: int = N_SERIES, days: int = DAYS, train_days: int = TRAIN_DAYS
) -> list[Quiet]:
    """Alerts on metrics in which nothing happens.

    Parameters
    ----------
    kind
        See ``false_alarms_data``.
    budgets
        Alerts a day.
    n_series
        How many.
    days
        Of each.
    train_days
        What of it is learnt.

    Returns
    -------
    list of Quiet
        Of the series; and of the components where they have several metrics.
    """
    frame = quiet_frame(kind, n_series=n_series, days=days)
    rows = train_days * frame.n_rows // days
    history, later = frame.rows(0, rows), frame.rows(rows, frame.n_rows)
    bundle = train(history, TrainingSettings(), created=to_datetime(history.end)).bundle
    result: list[Quiet] = []
    nothing = np.zeros(later.n_rows, dtype=bool)
    alone = judge(own_boundaries(bundle), later, budgets)
    for budget, judgement in judge(bundle, later, budgets).items():
        of_series, of_components = judged_days(judgement)
        result.append(_joined(kind, "series", budget, [_count(judgement.own, alone[budget].own, nothing, of_series)]))
        if judgement.component_judged.any():
            counted = _count(judgement.component_told, alone[budget].component_told, nothing, of_components)
            result.append(_joined(kind, "components", budget, [counted]))
    return sorted(result, key=lambda each: each.judges)


def own_boundaries(bundle: Bundle) -> Bundle:
    """A bundle whose boundaries are those of each series' own history alone.

    Parameters
    ----------
    bundle
        Trained; not changed.

    Returns
    -------
    Bundle
        Without the boundary that is common to all series.
    """
    members, tails = [], {}
    for member in bundle.members:
        name, old = member.detector.name, member.calibration
        calibration = replace(old, own=np.ones_like(old.own))
        tails[name] = from_arrays(TailState, to_arrays(bundle.memory.tails[name]))
        tail.refit_all(tails[name], calibration.rules)
        members.append(Member(detector=member.detector, calibration=calibration))
    return replace(bundle, members=tuple(members), memory=replace(bundle.memory, tails=tails))


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """As in Quiet."""

    alerts: NDArray[np.int64]
    again: NDArray[np.int64]
    near: NDArray[np.int64]
    alone: NDArray[np.int64]
    days: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class _File:
    """By budget."""

    whole: dict[float, _Counted]
    series: dict[float, _Counted] | None


def _of_file(series: SeriesInput, truth: SeriesTruth, budgets: Sequence[float]) -> _File:
    """As ``detect_series``, under several budgets."""
    n = truth.train_rows
    times = np.maximum.accumulate(series.times)
    step_s = infer_step(series.times[:n].astype(np.int64), source=series.name)
    items = ((key, times[:n], series.values[:n, column]) for column, key in enumerate(series.keys))
    frame = frame_from_series(items, step_s=step_s)
    bundle = train(frame, TrainingSettings(), created=to_datetime(times[:n][-1])).bundle
    shared = SharedResiduals(step_s=bundle.residuals.step_s, calendars=bundle.residuals.calendars)
    shared.units_ = bundle.residuals.units_
    heard = replace(bundle, residuals=shared)
    columns = [series.keys.index(key) for key in bundle.keys]
    later, values = times[n:], series.values[n:, columns]
    event = np.zeros(len(later), dtype=bool)
    for first, end in truth.events:
        event[max(first - n, 0) : max(end - n, 0)] = True
    days = np.array([np.sum(~event) * float(np.median(np.diff(series.times).astype(np.int64))) / 1e6 / DAY_S])
    whole: dict[float, _Counted] = {}
    own: dict[float, _Counted] = {}
    for budget in budgets:
        told, alone = (_told_by(with_budget(each, budget), later, values) for each in (heard, own_boundaries(heard)))
        whole[budget] = _count(told.whole, alone.whole, event, days)
        if told.is_component:
            own[budget] = _count(told.series, alone.series, event, np.repeat(days, len(columns)))
    return _File(whole, own or None)


@dataclass(frozen=True, slots=True, eq=False)
class _Alerts:
    """Shapes (n_rows, 1) and (n_rows, n_series)."""

    whole: NDArray[np.bool_]
    series: NDArray[np.bool_]
    is_component: bool


def _told_by(bundle: Bundle, times: NDArray[np.datetime64], values: NDArray[np.float64]) -> _Alerts:
    scores = Scorer(bundle).judge(times, values)
    is_component = not np.isnan(scores.component_alert).all()
    highest = np.fmax.reduce(scores.component_alert if is_component else scores.alert, axis=1)
    return _Alerts(highest[:, None] >= 1.0, scores.alert >= 1.0, is_component)


def _count(
    told: NDArray[np.bool_], alone: NDArray[np.bool_], event: NDArray[np.bool_], days: NDArray[np.float64]
) -> _Counted:
    """``told`` and ``alone`` have shape (n_rows, n), ``event`` (n_rows,)."""
    near = np.convolve(event, np.ones(2 * NEAR_ROWS + 1), mode="full")[NEAR_ROWS : NEAR_ROWS + len(event)] > 0.5
    quiet = told & ~event[:, None]
    again = np.zeros(told.shape[1], dtype=np.int64)
    for column in range(told.shape[1]):
        rows = np.flatnonzero(told[:, column])
        repeats = rows[1:][np.diff(rows) <= NEAR_ROWS]
        again[column] = np.sum(quiet[repeats, column])
    return _Counted(
        quiet.sum(axis=0), again, (quiet & near[:, None]).sum(axis=0), (alone & ~event[:, None]).sum(axis=0), days
    )


def _joined(what: str, judges: str, budget: float, parts: Sequence[_Counted]) -> Quiet:
    return Quiet(
        what=what,
        judges=judges,
        budget=budget,
        alerts=np.concatenate([part.alerts for part in parts]),
        again=np.concatenate([part.again for part in parts]),
        near=np.concatenate([part.near for part in parts]),
        alone=np.concatenate([part.alone for part in parts]),
        days=np.concatenate([part.days for part in parts]),
    )


def _told(suites: Sequence[Path]) -> Iterator[Quiet]:
    began = perf_counter()
    for suite in suites:
        yield from measure_suite(suite, SUITE_BUDGETS)
        print(f"{suite.name}: {perf_counter() - began:.0f} s", file=sys.stderr, flush=True)


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("suites", type=Path, help="directory of the suites")
    parser.add_argument("name", nargs="*", help="suites to run, without made data; everything if none is named")
    parser.add_argument("--page", type=Path, help="where to write; docs/false-alarms.md for a run over everything")
    return parser


if __name__ == "__main__":
    main()
