"""Isolation forests: our walk through the trees equals scikit-learn's, and rare combinations stand out."""

import subprocess
import sys

import numpy as np
import pytest

from models.detectors.isolation_forest import OF_SERIES, ComponentForest, IsolationForest, flatten_forest
from models.frames import MetricFrame, SeriesKey
from models.online import trees as kernel
from models.residuals import ResidualModel, Residuals
from tests.models.histories import DAY, START, STEP_S, frame_of, shop, trained


def _beside(frame: MetricFrame, days: int) -> tuple[Residuals, Residuals]:
    """The first days as history, and the rows behind it."""
    model, rows = ResidualModel(step_s=frame.step_s), days * DAY
    values = np.ascontiguousarray(frame.values.T)
    calendar = np.zeros(len(values), dtype=np.int64)
    history, state = model.fit_apply(frame.keys, frame.times[:rows], np.ascontiguousarray(values[:, :rows]), calendar)
    return history, model.apply(frame.keys, frame.times[rows:], np.ascontiguousarray(values[:, rows:]), state)


def _scores(detector, frame: MetricFrame, days: int = 7) -> np.ndarray:
    """Raw scores of the rows behind the history."""
    history, seen = _beside(frame, days)
    fitted = detector.fit(history)
    memory = fitted.start(frame.keys)
    fitted.score(history, memory)
    return fitted.score(seen, memory)


def _with(frame: MetricFrame, rows: slice | int, changes: dict[int, object]) -> MetricFrame:
    """The frame with some columns set in some rows."""
    values = frame.values.copy()
    for column, value in changes.items():
        values[rows, column] = value
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


@pytest.mark.parametrize(("rows", "features", "samples"), [(300, 4, 256), (40, 1, 16), (20, 3, 2), (500, 12, 64)])
def test_the_walk_equals_scikit_learn(rows: int, features: int, samples: int) -> None:
    """Same forest, same rows: same score to the rounding of float32, ties and repeated values included."""
    from sklearn.ensemble import IsolationForest as Oracle

    rng = np.random.default_rng(rows)
    x = np.round(rng.normal(size=(rows, features)), 1).astype(np.float32)
    oracle = Oracle(n_estimators=25, max_samples=samples, random_state=3).fit(x)
    asked = np.concatenate([x, (rng.normal(size=(1000, features)) * 3).astype(np.float32)])
    forest = flatten_forest(oracle)
    ours = [kernel.rarity(forest, row) for row in asked]
    assert np.allclose(ours, -oracle.score_samples(asked), atol=1e-6)


def test_a_rare_direction_is_rarer_than_a_usual_one_of_the_same_size() -> None:
    """A series that often leaps up: leaps downwards are found earlier, where a sum of sizes sees no difference."""
    rng = np.random.default_rng(4)
    n = 9 * DAY
    value = rng.normal(size=n) + 6.0 * (rng.random(n) < 0.15)
    up, down = np.arange(50, 450, 40), np.arange(70, 470, 40)
    value[7 * DAY + up], value[7 * DAY + down] = 6.0, -6.0
    history, seen = _beside(frame_of({("a", "leaping"): value}), 7)
    length = np.linalg.norm(seen.features[0][:, OF_SERIES], axis=1)
    rarity = IsolationForest(n_trees=50).fit(history).score(seen, {})[0] / length
    assert np.median(rarity[down]) > 1.05 * np.median(rarity[up])


def test_further_is_stranger_beyond_the_range_of_the_history() -> None:
    """The length keeps growing where the trees cannot tell any more, for a series and for a component."""
    for detector, column in ((IsolationForest(), 5), (ComponentForest(), 1)):
        scores = []
        for to in (50.0, 70.0, 250.0, 2050.0):
            changed = _with(shop(), slice(7 * DAY + 100, 7 * DAY + 110), {5: to})
            scores.append(float(_scores(detector, changed)[column, 105]))
        assert scores == sorted(scores)
        assert scores[-1] > 1.5 * scores[1]


def test_a_broken_combination_stands_out_where_each_metric_alone_does_not() -> None:
    """Metrics that move together: opposite signs are rarer than the same size with equal signs."""
    rng = np.random.default_rng(6)
    common = rng.normal(size=8 * DAY)
    frame = frame_of({("a", str(i)): common + 0.05 * rng.normal(size=8 * DAY) for i in range(4)})
    at = 7 * DAY + 100
    together = _with(frame, at, {0: 2.0, 1: 2.0, 2: 2.0, 3: 2.0})
    apart = _with(frame, at, {0: 2.0, 1: -2.0, 2: 2.0, 3: -2.0})
    detector = ComponentForest(n_trees=100)
    assert _scores(detector, apart)[0, 100] > _scores(detector, together)[0, 100]


def test_a_component_with_half_of_its_metrics_missing_is_unknown() -> None:
    """One of three missing counts as at its expectation; two of three missing cannot be judged."""
    first, second = 7 * DAY + 100, 7 * DAY + 200
    gap = _with(_with(shop(), slice(first, None), {0: np.nan}), slice(second, None), {1: np.nan})
    score = _scores(ComponentForest(), gap)
    assert np.isfinite(score[0, :200]).all()
    assert np.isnan(score[0, 200:]).all()
    assert np.isfinite(score[1]).all()


def test_a_component_of_one_metric_and_a_short_history_have_no_forest() -> None:
    """NaN says that it cannot tell; nothing is invented from fifteen rows."""
    rng = np.random.default_rng(1)
    single = frame_of({("a", "x"): rng.normal(size=8 * DAY), ("b", "x"): rng.normal(size=8 * DAY)})
    assert np.isnan(_scores(ComponentForest(), single)).all()
    values = np.full((8 * DAY, 1), np.nan)
    values[7 * DAY - 15 :] = rng.normal(size=(DAY + 15, 1))
    short = MetricFrame(start=START, step_s=STEP_S, keys=(SeriesKey("a", "x"),), values=values)
    assert np.isnan(_scores(IsolationForest(), short)).all()


def test_the_forest_of_a_series_does_not_depend_on_its_neighbours() -> None:
    """The random numbers come from the name: alone it grows the same trees as among others."""
    frame = shop()
    alone = MetricFrame(start=frame.start, step_s=STEP_S, keys=frame.keys[3:4], values=frame.values[:, 3:4])
    assert np.array_equal(_scores(IsolationForest(), frame)[3], _scores(IsolationForest(), alone)[0])


def test_scoring_needs_no_scikit_learn(tmp_path) -> None:
    """A process that loads a bundle and scores does not import it."""
    result = trained(shop(), detectors=("spike", "isolation_forest", "component_forest"))
    result.bundle.save(tmp_path / "bundle")
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from models.bundle import Bundle; from models.evidence import detect; from models.frames import MetricFrame\n"
        f"b = Bundle.load(Path({str(tmp_path / 'bundle')!r}))\n"
        "detect(b, MetricFrame(start=np.datetime64('2026-04-01'), step_s=b.step_s, keys=b.keys,"
        " values=np.ones((40, len(b.keys)))))\n"
        "print([m for m in ('sklearn', 'mlflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
