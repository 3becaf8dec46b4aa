"""Several budgets in one pass say what each of them says alone."""

import numpy as np
import pytest

from models import budgets
from models.budgets import judge, judged_days, rows_under_alarm, with_budget
from models.errors import ConfigurationError
from models.evidence import find_anomalies
from models.frames import MetricFrame, SeriesKey
from models.scoring import score_frame
from models.shaping.rules import Selector, SeriesRule
from models.shaping.rules_file import ShapingRules
from tests.models.histories import DAY, changed, frame_of, shop, trained


@pytest.fixture(scope="module")
def bundle():
    """Seven days of the shop, one series with a budget by rule."""
    rule = SeriesRule(selector=Selector(component="store", metric="cpu"), false_alarms_per_day=0.5)
    return trained(shop(), shaping=ShapingRules(rules=(rule,))).bundle


@pytest.fixture(scope="module")
def later():
    """Two days with an incident that lasts over midnight, a spike, and a gap."""
    frame = changed(shop().rows(7 * DAY, 9 * DAY), ("store", "memory"), slice(DAY - 10, DAY + 14), 30.0)
    frame = changed(frame, ("shop", "rate"), slice(100, 102), 400.0)
    return changed(frame, ("shop", "latency"), slice(40, 60), np.nan)


def test_another_budget_needs_no_training(bundle, later) -> None:
    """The scores are those of a training with that budget, to a few per cent where the tail begins lower."""
    rules = bundle.shaping
    for budget, tolerance in ((0.02, 1e-9), (0.3, 1e-9), (1.0, 0.05)):
        anew = trained(shop(), shaping=rules, false_alarms_per_day=budget).bundle
        derived = with_budget(bundle, budget)
        assert derived.settings == anew.settings
        for own, member in zip(derived.members, anew.members, strict=True):
            np.testing.assert_allclose(own.calibration.budget, member.calibration.budget)
        one, other = score_frame(derived, later), score_frame(anew, later)
        np.testing.assert_allclose(one.score, other.score, rtol=tolerance)
        np.testing.assert_allclose(one.alert, other.alert, rtol=tolerance)


def test_the_same_budget_is_the_same_bundle(bundle) -> None:
    """Nothing changes, not even the model version."""
    assert with_budget(bundle, 0.1).model_version == bundle.model_version


@pytest.mark.parametrize("budget", [0.0, -1.0, np.nan, np.inf])
def test_a_budget_is_a_positive_rate(bundle, budget) -> None:
    """Anything else is refused with its value."""
    with pytest.raises(ConfigurationError, match="budget is"):
        with_budget(bundle, budget)


def test_many_budgets_judge_as_each_alone(bundle, later) -> None:
    """Sharing the work changes no score, no alert and no anomaly, and not the bundle."""
    version = bundle.model_version
    together = judge(bundle, later, [0.05, 0.1, 2.0], detailed=[0.1, 2.0])
    for budget, found in together.items():
        alone = with_budget(bundle, budget)
        scores = score_frame(alone, later)
        np.testing.assert_array_equal(found.own, scores.alert >= 1.0)
        np.testing.assert_array_equal(found.component_told, scores.component_alert >= 1.0)
        assert found.told.sum() <= found.own.sum() + found.component_told.sum()
        assert (found.told | ~found.own).all()
        if found.scores is not None:
            np.testing.assert_array_equal(found.scores.score, scores.score.astype(np.float32))
            assert repr(found.anomalies) == repr(find_anomalies(alone, scores))  # NaN equals itself there
    assert (together[0.05].scores, together[0.05].anomalies) == (None, ())
    assert together[2.0].own.sum() >= together[0.05].own.sum()
    assert with_budget(bundle, 0.1).model_version == version


@pytest.mark.parametrize("rows", [1, 100, DAY])
def test_chunks_do_not_matter(bundle, later, rows, monkeypatch) -> None:
    """Alerts are the same, and an anomaly that is cut by the edge of a chunk stays one."""
    whole = judge(bundle, later, [0.1], detailed=[0.1])[0.1]
    monkeypatch.setattr(budgets, "CHUNK_CELLS", rows * later.n_series)
    done = []
    parts = judge(bundle, later, [0.1], detailed=[0.1], progress=lambda *each: done.append(each))[0.1]
    np.testing.assert_array_equal(parts.told, whole.told)
    np.testing.assert_array_equal(parts.judged, whole.judged)
    assert done[-1] == (later.n_rows, later.n_rows)
    if rows > 1:
        assert [(each.key, each.start) for each in parts.anomalies] == [
            (each.key, each.start) for each in whole.anomalies
        ]


def test_missing_values_are_not_judged_days(bundle, later) -> None:
    """Days count where there was something to judge, whatever the alerts of rules say there."""
    found = judge(bundle, later, [0.1])[0.1]
    days, component_days = judged_days(found)
    latency = found.frame.keys.index(SeriesKey("shop", "latency"))
    assert days[latency] == pytest.approx(2 - 20 / DAY)
    assert days.max() == pytest.approx(2)
    assert component_days.max() == pytest.approx(2)


def test_an_absent_series_is_not_judged(bundle, later) -> None:
    """It counts no day, and its silence is an alert by rule."""
    memory = SeriesKey("store", "memory")
    found = judge(bundle, later.where(lambda key: key != memory), [0.1])[0.1]
    column = bundle.keys.index(memory)
    assert judged_days(found)[0][column] == 0
    np.testing.assert_array_equal(found.by_rule[:, column], found.own[:, column])


def test_rows_under_alarm_are_those_of_the_anomalies(bundle, later) -> None:
    """From start to end, on the series of the anomaly."""
    found = judge(bundle, later, [0.1], detailed=[0.1])[0.1]
    under = rows_under_alarm(found)
    memory = found.frame.keys.index(SeriesKey("store", "memory"))
    assert under[DAY - 10 : DAY + 4, memory].all()
    total = sum(later.row_at(each.end) - later.row_at(each.start) for each in found.anomalies)
    assert under.sum() == total


def test_one_component_of_one_metric_has_no_component_judge() -> None:
    """Its component counts no judged day."""
    n = 9 * DAY
    frame = frame_of({("web", "rate"): 50 + np.random.default_rng(2).normal(size=n)})
    found = judge(trained(frame).bundle, frame.rows(7 * DAY, n), [0.1])[0.1]
    assert judged_days(found)[1].tolist() == [0.0]
    assert isinstance(found.frame, MetricFrame)
