"""MULTIVARIATE_OUTLIER: what the metrics of a component do together."""

import numpy as np
import pytest

from models.detector import components
from models.detectors.component_residual import MOST_AXES, ComponentResidual
from models.errors import NotFittedError
from models.frames import MetricFrame
from models.residuals import ResidualModel
from tests.models.detectors.scored import scored, seen_of
from tests.models.histories import DAY, frame_of, shop


def coupled(n: int = 4 * DAY, metrics: int = 6, seed: int = 6) -> MetricFrame:
    """Metrics that move together, slowly and widely, with little noise of their own."""
    rng = np.random.default_rng(seed)
    common = np.cumsum(rng.normal(size=n)) * 0.1
    common -= common.mean()
    weights = np.linspace(1, 3, metrics) * np.where(np.arange(metrics) % 2, -1, 1)
    return frame_of({("a", str(i)): 50 + w * common + 0.05 * rng.normal(size=n) for i, w in enumerate(weights)})


def with_values(frame: MetricFrame, values: np.ndarray) -> MetricFrame:
    """The same grid and series."""
    return MetricFrame(start=frame.start, step_s=frame.step_s, keys=frame.keys, values=values)


def test_a_broken_relation_is_stranger_than_a_joint_move() -> None:
    """Values of another time are each where they often are: two metrics swapped in time stand out."""
    frame = coupled()
    values = frame.values.copy()
    rows = slice(3 * DAY, 3 * DAY + 30)
    lowest = int(np.argmin(frame.values[:, 0]))
    values[rows, :2] = frame.values[lowest, :2] if frame.values[rows, 0].mean() > 50 else frame.values.max(axis=0)[:2]
    clean, broken = (
        scored(ComponentResidual(), frame, changed=each)[0] for each in (frame, with_values(frame, values))
    )
    assert np.median(broken[rows]) > 1.5 * np.quantile(clean, 0.99)


def test_metrics_that_leave_their_seasons_together_add_up() -> None:
    """Eight independent metrics at 2.5 deviations: together the strangest rows by far, each alone is not."""
    noise = np.random.default_rng(5).normal(size=(6 * DAY, 8))
    noise[5 * DAY : 5 * DAY + 20] += [2.5, -2.5] * 4
    frame = frame_of({("shop", f"metric {i}"): noise[:, i] for i in range(8)})
    score = scored(ComponentResidual(), frame)[0]
    outside = np.ones(len(score), dtype=bool)
    outside[: DAY // 2] = outside[5 * DAY : 5 * DAY + 40] = False
    assert score[5 * DAY + 5 : 5 * DAY + 20].min() > score[outside].max()


def test_further_is_stranger() -> None:
    """Beyond the range of the history the score keeps growing."""
    frame = coupled()
    scores = []
    for by in (0.0, 3.0, 30.0, 300.0):
        values = frame.values.copy()
        values[900:910, 2] += by
        scores.append(scored(ComponentResidual(), frame, changed=with_values(frame, values))[0, 905])
    assert scores == sorted(scores)
    assert scores[-1] > 2 * scores[0]


def test_a_strange_metric_is_not_buried_by_quiet_ones() -> None:
    """Forty metrics of noise beside one that jumps: the score of the jump is hardly less than beside four."""
    noise = np.random.default_rng(4).normal(size=(4 * DAY, 41))
    scores = []
    for metrics in (5, 41):
        values = noise[:, :metrics].copy()
        values[3 * DAY : 3 * DAY + 20, 0] += 25.0
        frame = frame_of({("a", f"{i:02}"): values[:, i] for i in range(metrics)})
        score = scored(ComponentResidual(), frame)[0]
        scores.append(score[3 * DAY + 10] / np.quantile(score, 0.98))
    assert scores[1] > 1.5
    assert scores[1] > 0.2 * scores[0]


def test_shares_name_the_metric_that_carries_the_score() -> None:
    """The metric that jumps has the largest share of its component, and the shares add up to the score."""
    frame = shop()
    values = frame.values.copy()
    values[8 * DAY + 10 : 8 * DAY + 30, 1] += 400.0
    detector = ComponentResidual().fit(seen_of(frame))
    score, shares = detector.judge(seen_of(with_values(frame, values)), detector.start(frame.keys))
    row = 8 * DAY + 20
    order = [place for columns in components(frame.keys).values() for place in columns]
    ours = [place for place in order if frame.keys[place].component == frame.keys[1].component]
    assert ours[int(np.argmax(shares[ours, row]))] == 1
    assert score[0, row] == pytest.approx(shares[ours, row].sum(), rel=0.05)
    assert shares.min() >= 0


def test_metrics_that_never_move_do_not_alarm_at_a_breath() -> None:
    """A constant history has no quantile to divide by: noise in the sixth digit is nothing, a step is strange."""
    frame = frame_of({("a", str(i)): np.full(3 * DAY, 100.0) for i in range(3)})
    values = np.ascontiguousarray(frame.values.T)
    values[0, 2 * DAY :] += 1e-4 * np.random.default_rng(1).normal(size=DAY)
    values[1, -20:] = 150.0
    model = ResidualModel(step_s=frame.step_s)
    first, rest = np.split(values, [2 * DAY], axis=1)
    history, state = model.fit_apply(frame.keys, frame.times[: 2 * DAY], first, np.zeros(3, dtype=np.int64))
    detector = ComponentResidual().fit(history)
    seen = model.apply(frame.keys, frame.times[2 * DAY :], rest, state)
    score = detector.score(seen, detector.start(frame.keys))[0]
    assert score[:-20].max() < 1
    assert score[-5:].min() > 10


def test_a_component_of_one_metric_has_no_pattern() -> None:
    """NaN; its neighbours are judged, in the order of their names."""
    frame = frame_of({("z", "only"): np.ones(DAY), **{("a", str(i)): np.sin(np.arange(DAY) + i) for i in range(3)}})
    score = scored(ComponentResidual(), frame)
    assert np.isfinite(score[0]).all()
    assert np.isnan(score[1]).all()


def test_a_missing_metric_counts_as_last_seen() -> None:
    """The others are judged on; a row without any metric cannot tell."""
    frame = shop()
    values = frame.values.copy()
    values[600:, 0] = np.nan
    values[900:905, :3] = np.nan
    score = scored(ComponentResidual(), frame, changed=with_values(frame, values))
    assert np.isnan(score[0, 900:905]).all()
    assert np.isfinite(np.delete(score[0], np.arange(900, 905))).all()
    assert np.isfinite(score[1]).all()


@pytest.mark.parametrize("metrics", [2, 3, 40])
def test_any_number_of_metrics_has_a_pattern(metrics: int) -> None:
    """At least one direction is left over, at most twelve axes are kept; constants among them do no harm."""
    frame = coupled(2 * DAY, metrics)
    values = frame.values.copy()
    values[:, 0] = 4.0
    detector = ComponentResidual(explained=0.999)
    score = scored(detector, with_values(frame, values))
    axes = detector.to_arrays()["axes"]
    kept = (np.abs(axes).sum(axis=0) > 0).sum()
    assert axes.shape == (metrics, MOST_AXES)
    assert 1 <= kept <= min(MOST_AXES, metrics - 1)
    np.testing.assert_allclose(axes.T @ axes, np.diag(np.arange(MOST_AXES) < kept), atol=1e-9)
    assert np.isfinite(score).all()


def test_components_do_not_touch_each_other() -> None:
    """The score of a component is the same without its neighbours."""
    frame = shop(5)
    both = scored(ComponentResidual(), frame)
    alone = scored(ComponentResidual(), frame.where(lambda key: key.component == "store"))
    np.testing.assert_array_equal(both[1], alone[0])


def test_unfitted_says_so() -> None:
    """score() before fit() names the remedy."""
    seen = seen_of(shop(1))
    detector = ComponentResidual()
    with pytest.raises(NotFittedError, match="component_residual"):
        detector.score(seen, detector.start(seen.keys))
