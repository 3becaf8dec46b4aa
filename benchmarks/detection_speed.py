"""How fast detection is and what it keeps of a series, beside PyOD, river and scikit-learn on the same data in one run.

    .venv/bin/python benchmarks/detection_speed.py

CPU time of one thread, medians of the repetitions; the second table holds the ratios to ours. Training is not timed.
The rivals have no step of many series: theirs is as many single points.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.train import history  # noqa: E402
from models.features import Array  # noqa: E402
from models.frames import MetricFrame  # noqa: E402

if TYPE_CHECKING:
    from models.bundle import Bundle
    from models.training import TrainingSettings

    Judge = Callable[[Bundle], Callable[[MetricFrame], object]]

LAGS, TREES, WINDOW_ROWS, SEED = 10, 25, 250, 7
OURS = "Faultline, as shipped"
CORE = "Faultline, seasonal core"
COLUMNS = (
    "batch, points per CPU s",
    "one step of {steps:,} series, CPU s",
    "one point, p50 ms",
    "one point, p99 ms",
    "live state, bytes a series",
)


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured.

    Parameters
    ----------
    series, days
        Of the frame that is learnt and scored in batch.
    step_series
        Series of which one step is scored.
    single_points
        Points that are scored alone, for the percentiles.
    repetitions
        Of everything but the single points.
    rival_series
        So many of the series are fitted and scored in batch by the rivals, one after the other.
    """

    series: int
    days: int
    step_series: int
    single_points: int
    repetitions: int
    rival_series: int


@dataclass(frozen=True, kw_only=True)
class Speeds:
    """What was measured of one detector; NaN where it has no such thing.

    Parameters
    ----------
    batch
        Points per CPU second.
    step_s
        CPU seconds of one step of ``Sizes.step_series`` series.
    points_ms
        CPU milliseconds of each point that was scored alone.
    state_bytes
        Kept for each series between two points.
    """

    batch: float
    step_s: float
    points_ms: list[float] = field(default_factory=list)
    state_bytes: float = math.nan

    def cells(self) -> tuple[float, float, float, float, float]:
        """Figures in the order of ``COLUMNS``."""
        p50, p99 = np.quantile(self.points_ms, [0.5, 0.99]) if self.points_ms else (math.nan, math.nan)
        return self.batch, self.step_s, float(p50), float(p99), self.state_bytes


def ours(frame: MetricFrame, sizes: Sizes) -> Speeds:
    """The shipped ensemble with all that follows it: calibration, rules, silence, alerts, bands."""
    from models.scoring import Scorer
    from models.training import TrainingSettings

    return product(frame, sizes, TrainingSettings(), lambda bundle: Scorer(bundle).advance)


def core(frame: MetricFrame, sizes: Sizes) -> Speeds:
    """What is expected of each series, one detector and its boundaries that keep learning; nothing that follows."""
    from models.training import TrainingSettings

    def stages(bundle: "Bundle") -> Callable[[MetricFrame], object]:
        memory, calibration, detector = bundle.memory.copy(), bundle.members[0].calibration, bundle.members[0].detector

        def judge(rows: MetricFrame) -> object:
            values = np.ascontiguousarray(rows.values.T)
            seen = bundle.residuals.apply(bundle.keys, rows.times, values, memory.residuals)
            raw = detector.score(seen, memory.detectors[detector.name])
            return calibration.advance(raw, memory.tails[detector.name])

        return judge

    return product(frame, sizes, TrainingSettings(detectors=("seasonal_baseline",)), stages)


def product(frame: MetricFrame, sizes: Sizes, settings: "TrainingSettings", judge: "Judge") -> Speeds:
    """Part of the product; the many series of the step have three days of history, a value in five minutes."""
    from models.training import train

    created = datetime(2026, 3, 30, tzinfo=UTC)
    many, alone = history(sizes.step_series, 3, 300.0), frame.select(frame.keys[:1])
    whole, wide, one = (train(each, settings, created=created).bundle for each in (frame, many, alone))
    later = MetricFrame(start=frame.end, step_s=frame.step_s, keys=frame.keys, values=frame.values)
    batch_s = median_s(lambda: judge(whole)(later), sizes.repetitions)
    step, point = judge(wide), judge(one)
    new_rows, new_points = iter(rows_behind(many)), iter(rows_behind(alone))
    point(next(new_points))
    return Speeds(
        batch=frame.values.size / batch_s,
        step_s=median_s(lambda: step(next(new_rows)), sizes.repetitions),
        points_ms=[seconds(lambda: point(next(new_points))) * 1e3 for _ in range(sizes.single_points)],
        state_bytes=sum(part.nbytes for part in wide.memory.to_arrays().values()) / many.n_series,
    )


def rows_behind(frame: MetricFrame) -> Iterator[MetricFrame]:
    """The rows of a frame one at a time, moved behind its end."""
    for row in range(frame.n_rows):
        start = frame.end + row * frame.step
        yield MetricFrame(start=start, step_s=frame.step_s, keys=frame.keys, values=frame.values[row : row + 1])


def table_detector(
    fit: Callable[[Array], Any], score: Callable[[Any, Array], object], frame: MetricFrame, sizes: Sizes
) -> Speeds:
    """A detector of table rows, one model a series on its last values."""
    lagged = [lag_vectors(one) for one in np.nan_to_num(frame.values[:, : sizes.rival_series]).T]
    models = [fit(vectors) for vectors in lagged]
    batch_s = median_s(
        lambda: [score(model, vectors) for model, vectors in zip(models, lagged, strict=True)], sizes.repetitions
    )
    last = [vectors[-1:] for vectors in lagged]
    singles = [
        seconds(lambda: score(models[i % len(models)], last[i % len(models)])) * 1e3  # noqa: B023  # called at once
        for i in range(sizes.single_points)
    ]
    step = float(np.mean(singles)) / 1e3 * sizes.step_series
    points = sum(len(vectors) for vectors in lagged)
    return Speeds(batch=points / batch_s, step_s=step, points_ms=singles, state_bytes=held_bytes(models[0]))


def ecod(frame: MetricFrame, sizes: Sizes) -> Speeds:
    """PyOD's ECOD, as it is: it ranks the history anew at each call."""
    from pyod.models.ecod import ECOD  # type: ignore[import-untyped]  # it ships no types

    return table_detector(lambda v: ECOD().fit(v), lambda model, v: model.decision_function(v), frame, sizes)


def forest(frame: MetricFrame, sizes: Sizes) -> Speeds:
    """Scikit-learn's isolation forest with its defaults."""
    from sklearn.ensemble import IsolationForest

    return table_detector(
        lambda v: IsolationForest(random_state=SEED).fit(v), lambda model, v: model.score_samples(v), frame, sizes
    )


def half_space_trees(frame: MetricFrame, sizes: Sizes) -> Speeds:
    """River's half-space trees behind its scaler, one model a series; a point is scored, then learnt."""
    from river import anomaly, preprocessing

    def model() -> Any:
        return preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(n_trees=TREES, window_size=WINDOW_ROWS, seed=SEED)

    def follow(one: Any, points: list[dict[str, float]]) -> None:
        for point in points:
            one.score_one(point)
            one.learn_one(point)

    values = np.nan_to_num(frame.values[:, : min(sizes.rival_series, 5)]).T
    series = [[{"value": value} for value in one] for one in values.tolist()]
    models = [model() for _ in series]
    for one, points in zip(models, series, strict=True):
        follow(one, points[: 2 * WINDOW_ROWS])
    batch_s = sum(
        seconds(lambda: follow(one, points))  # noqa: B023  # called at once
        for one, points in zip(models, series, strict=True)
    )
    singles = [seconds(lambda: follow(models[0], series[0][i : i + 1])) * 1e3 for i in range(sizes.single_points)]  # noqa: B023
    step = float(np.mean(singles)) / 1e3 * sizes.step_series
    return Speeds(batch=values.size / batch_s, step_s=step, points_ms=singles, state_bytes=held_bytes(models[0]))


DETECTORS: dict[str, Callable[[MetricFrame, Sizes], Speeds]] = {
    OURS: ours,
    CORE: core,
    "PyOD ECOD": ecod,
    "river half-space trees": half_space_trees,
    "scikit-learn isolation forest": forest,
}


def lag_vectors(values: Array) -> Array:
    """The last ``LAGS`` values of each row that has as many before it, shape (n_rows - LAGS + 1, LAGS)."""
    return np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(values, LAGS)[:, ::-1])


def seconds(work: Callable[[], object]) -> float:
    """CPU seconds of one call."""
    began = process_time()
    work()
    return process_time() - began


def median_s(work: Callable[[], object], repetitions: int) -> float:
    """Median CPU seconds of several calls after a first one that is not counted."""
    work()
    return float(np.median([seconds(work) for _ in range(repetitions)]))


def held_bytes(model: Any) -> float:
    """Memory that goes with a model: all that it refers to, each once; classes, modules and functions do not count."""
    import gc
    import types

    shared = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    seen, total = {id(model)}, 0
    waiting: list[Any] = [model]
    while waiting:
        thing = waiting.pop()
        owns = not isinstance(thing, np.ndarray) or thing.base is None
        total += sys.getsizeof(thing) if owns else 0
        if type(thing).__name__ == "Tree":  # scikit-learn's keeps its nodes where Python does not see them
            total += sum(part.nbytes for part in thing.__getstate__().values() if isinstance(part, np.ndarray))
        for other in gc.get_referents(thing):
            if id(other) not in seen and not isinstance(other, shared):
                seen.add(id(other))
                waiting.append(other)
    return float(total)


def markdown(measured: dict[str, Speeds], steps: int) -> str:
    """Two tables: the figures, and each detector's figure over ours."""
    titles = [title.format(steps=steps) for title in COLUMNS]
    base = measured[OURS].cells() if OURS in measured else (math.nan,) * len(COLUMNS)
    ratios = {who: [a / b for a, b in zip(speeds.cells(), base, strict=True)] for who, speeds in measured.items()}
    parts = []
    for title, rows in (("figure", {who: s.cells() for who, s in measured.items()}), ("times Faultline", ratios)):
        parts += ["| " + " | ".join([title, *titles]) + " |", "| --- " * (len(titles) + 1) + "|"]
        parts += ["| " + " | ".join([who, *(f"{cell:,.3g}" for cell in row)]) + " |" for who, row in rows.items()]
        parts.append("")
    return "\n".join(parts)


def main(arguments: list[str] | None = None) -> None:
    """Measure and print."""
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # it ships no types

    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--series", type=int, default=500)
    options.add_argument("--days", type=int, default=7)
    options.add_argument("--step-series", type=int, default=10_000)
    options.add_argument("--single-points", type=int, default=300)
    options.add_argument("--repetitions", type=int, default=3)
    options.add_argument("--rival-series", type=int, default=20, help="series that each rival fits")
    options.add_argument("--detector", action="append", choices=[*DETECTORS], help="this one only; may be repeated")
    given = vars(options.parse_args(arguments))
    chosen = given.pop("detector") or [*DETECTORS]
    sizes = Sizes(**given)
    frame = history(sizes.series, sizes.days, 60.0)
    measured: dict[str, Speeds] = {}
    with threadpool_limits(1):
        for who in chosen:
            measured[who] = DETECTORS[who](frame, sizes)
            print(f"{who}: done", file=sys.stderr, flush=True)
    print(f"{sizes.series} series of {sizes.days} days, a value a minute; {LAGS} lags for detectors of table rows.\n")
    print(markdown(measured, sizes.step_series))


if __name__ == "__main__":
    main()
