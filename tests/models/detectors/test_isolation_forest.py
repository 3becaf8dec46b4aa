"""MULTIVARIATE_OUTLIER: our walk through the trees equals scikit-learn's, and rare combinations stand out."""

import subprocess
import sys

import numpy as np
import pytest

from models.baseline import Baseline
from models.detectors.isolation_forest import IsolationForest, flatten_forest, forest_scores
from models.frames import MetricFrame
from tests.models.histories import DAY, changed, frame_of, shop, trained


@pytest.mark.parametrize(("rows", "features", "samples"), [(300, 4, 256), (40, 1, 16), (2, 3, 2), (500, 12, 64)])
def test_the_walk_equals_scikit_learn(rows: int, features: int, samples: int) -> None:
    """Same forest, same rows: same score to rounding, ties and repeated values included."""
    from sklearn.ensemble import IsolationForest as Oracle

    rng = np.random.default_rng(rows)
    x = np.round(rng.normal(size=(rows, features)), 1).astype(np.float32)
    oracle = Oracle(n_estimators=25, max_samples=samples, random_state=3).fit(x)
    asked = np.concatenate([x, (rng.normal(size=(5000, features)) * 3).astype(np.float32)])
    assert np.allclose(forest_scores(flatten_forest(oracle), asked), -oracle.score_samples(asked), atol=1e-12)


def test_a_broken_combination_stands_out_where_each_metric_alone_does_not() -> None:
    """Two metrics that move together: opposite signs are rarer than the same size with equal signs."""
    rng = np.random.default_rng(6)
    common = rng.normal(size=8 * DAY)
    frame = frame_of({("a", str(i)): common + 0.05 * rng.normal(size=8 * DAY) for i in range(4)})
    values = frame.values.copy()
    values[2000], values[2001] = [2.0, 2.0, 2.0, 2.0], [2.0, -2.0, 2.0, -2.0]
    odd = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    baseline = Baseline()
    detector = IsolationForest(n_trees=100).fit(baseline.fit_apply(frame))
    score = detector.score(baseline.apply(odd)).score[:, 0]
    assert score[2001] > score[2000]


def test_further_is_stranger_beyond_the_range_of_the_history() -> None:
    """The factor of distance keeps growing where the trees cannot tell any more."""
    history = shop()
    baseline = Baseline()
    detector = IsolationForest().fit(baseline.fit_apply(history))
    scores = [
        detector.score(baseline.apply(changed(history, ("store", "memory"), slice(900, 910), by))).score[905, 5]
        for by in (0.0, 20.0, 200.0, 2000.0)
    ]
    assert scores == sorted(scores)
    assert scores[-1] > 1.5 * scores[1]


def test_a_component_with_half_of_its_metrics_missing_is_unknown() -> None:
    """One of three missing counts as normal; two of three missing cannot be judged."""
    frame = shop()
    values = frame.values.copy()
    values[600:, 0] = np.nan
    values[900:, 1] = np.nan
    gap = MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)
    baseline = Baseline()
    score = IsolationForest().fit(baseline.fit_apply(frame)).score(baseline.apply(gap)).score
    assert np.isfinite(score[10:900, :3]).all()
    assert np.isnan(score[900:, :3]).all()
    assert np.isfinite(score[10:, 3:]).all()


def test_scoring_needs_no_scikit_learn(tmp_path) -> None:
    """A process that loads a bundle and scores does not import it."""
    trained(shop()).bundle.save(tmp_path / "bundle")
    program = (
        "import sys, numpy as np; from pathlib import Path\n"
        "from models.bundle import Bundle; from models.scoring import detect; from models.frames import MetricFrame\n"
        f"b = Bundle.load(Path({str(tmp_path / 'bundle')!r}))\n"
        "detect(b, MetricFrame(start=np.datetime64('2026-04-01'), step_s=b.step_s, keys=b.keys,"
        " values=np.ones((40, len(b.keys)))))\n"
        "print([m for m in ('sklearn', 'mlflow', 'matplotlib') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
