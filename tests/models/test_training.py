"""From history to a bundle: reproducible, honest about what it left out, within its budget of false alarms."""

import numpy as np
import pytest

from models.errors import ConfigurationError, InputError
from models.evidence import detect
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.scoring import score_frame
from models.shaping.rules import Selector, SeriesRule
from models.shaping.rules_file import ShapingRules
from models.training import SHARED_BY, TrainingSettings, fingerprint, train
from tests.models.histories import CREATED, DAY, STEP_S, changed, frame_of, shop, trained


def test_the_same_history_gives_the_same_bits() -> None:
    """Model version and every array are equal, whenever it was trained."""
    first, second = trained(shop()).bundle, trained(shop()).bundle
    assert first.model_version == second.model_version
    for name, array in first.to_arrays().items():
        assert np.array_equal(array, second.to_arrays()[name], equal_nan=True)


def test_other_history_or_settings_give_another_version() -> None:
    """One changed value, or another budget, is another model."""
    frame = shop()
    versions = {
        trained(frame).bundle.model_version,
        trained(changed(frame, ("shop", "rate"), slice(5, 6), 1.0)).bundle.model_version,
        trained(frame, false_alarms_per_day=0.2).bundle.model_version,
    }
    assert len(versions) == 3


def test_series_that_cannot_be_learnt_are_reported_with_the_reason() -> None:
    """All-missing and too short series are skipped by name; the rest is trained."""
    n = 3 * DAY
    short = np.full(n, np.nan)
    short[:50] = 1.0
    noise = np.random.default_rng(0).normal(size=n)
    frame = frame_of({("a", "good"): noise, ("a", "gone"): np.full(n, np.nan), ("b", "short"): short})
    result = train(frame, TrainingSettings(), created=CREATED)
    assert result.bundle.keys == (SeriesKey("a", "good"),)
    assert {skip.key.metric: skip.reason for skip in result.report.skipped} == {
        "gone": "all values are missing",
        "short": "50 values, 120 are needed",
    }


def test_a_history_without_a_learnable_series_is_an_error() -> None:
    """There is no empty bundle."""
    with pytest.raises(InputError, match="all values are missing"):
        train(frame_of({("a", "b"): np.full(500, np.nan)}), TrainingSettings(), created=CREATED)
    empty = MetricFrame(start=np.datetime64("2026-01-01"), step_s=60.0, keys=(), values=np.empty((10, 0)))
    with pytest.raises(InputError, match="no series"):
        train(empty, TrainingSettings(), created=CREATED)


def test_progress_rises_from_zero_to_one() -> None:
    """The bar moves forward only and ends full."""
    seen: list[tuple[str, float]] = []
    train(shop(), TrainingSettings(), created=CREATED, progress=lambda what, done: seen.append((what, done)))
    done = [fraction for _, fraction in seen]
    assert done[0] == 0
    assert done[-1] == 1
    assert done == sorted(done)
    assert all(what for what, _ in seen)


def test_an_incident_in_the_history_does_not_blind_the_bundle() -> None:
    """Trained on a week with two long incidents, the same kind of incident is still found."""
    frame = changed(shop(), ("shop", "latency"), slice(1000, 1024), 25.0)
    frame = changed(frame, ("shop", "latency"), slice(1700, 1724), 25.0)
    bundle = trained(frame).bundle
    target = changed(frame.rows(7 * DAY, 9 * DAY), ("shop", "latency"), slice(100, 124), 25.0)
    found = [a for a in detect(bundle, target) if a.key.metric == "latency"]
    assert found[0].start == to_datetime(target.times[100])


def _normal_series(days: int) -> MetricFrame:
    """120 normal series of six kinds, in twenty components."""
    rng = np.random.default_rng(21)
    n, columns = days * DAY, {}
    wave = np.sin(2 * np.pi * np.arange(n) / DAY)
    job = (np.arange(n) % DAY >= 24) & (np.arange(n) % DAY < 36)
    for place in range(20):
        noise = rng.normal(size=(4, n))
        slow = noise[1].copy()
        for row in range(1, n):
            slow[row] += 0.9 * slow[row - 1]
        columns |= {
            (f"c{place:02d}", "wave"): 10 + 5 * wave + noise[0],
            (f"c{place:02d}", "slow"): slow,
            (f"c{place:02d}", "skewed"): np.exp(0.4 * noise[2]),
            (f"c{place:02d}", "counter"): rng.poisson(0.1, size=n).astype(float),
            (f"c{place:02d}", "traffic"): rng.poisson(50 + 30 * wave).astype(float),
            (f"c{place:02d}", "nightly"): noise[3] + 12 * job,
        }
    return frame_of(columns)


def test_false_alarms_stay_within_a_small_factor_of_the_budget() -> None:
    """A week to learn and a week to judge: alerts for each series and day, and for each component and day."""
    frame = _normal_series(14)
    result = trained(frame)
    scores = score_frame(result.bundle, frame.rows(7 * DAY, 14 * DAY))
    budget = result.bundle.settings["false_alarms_per_day"]
    assert (scores.alert >= 1).sum() / (7 * frame.n_series) < 2 * budget
    assert (scores.component_alert >= 1).sum() / (7 * 20) < 2 * budget


def test_more_budget_is_more_alerts() -> None:
    """The same rows under a budget of a hundredth, a tenth and one a day."""
    frame = _normal_series(9)
    told = [
        (score_frame(trained(frame, false_alarms_per_day=budget).bundle, frame.rows(7 * DAY, 9 * DAY)).alert >= 1).sum()
        for budget in (0.01, 0.1, 1.0)
    ]
    assert told[0] <= told[1] < told[2]


@pytest.mark.parametrize(("scope", "total"), [("series", None), ("component", 0.4), ("fleet", 0.2)])
def test_the_budget_is_shared_among_those_it_is_for(scope: str, total: float | None) -> None:
    """Each series for itself; a component with its three series and their joint judge; the fleet of two such."""
    bundle = trained(shop(3), days=3, false_alarms_per_day=0.2, budget_per=scope).bundle
    budgets = {member.detector.name: member.calibration.budget for member in bundle.members}
    series, component = budgets["spike"], budgets["component_residual"]
    assert (series == budgets["shift"]).all()
    if total is None:
        np.testing.assert_allclose(series * SHARED_BY, 0.2)
        np.testing.assert_allclose(component, 0.2)
    else:
        assert (series * SHARED_BY).sum() + component.sum() == pytest.approx(total)


def test_a_rule_sets_the_budget_of_its_series() -> None:
    """Whatever the settings say of all."""
    shaping = ShapingRules(rules=(SeriesRule(selector=Selector(metric="cpu"), false_alarms_per_day=5.0),))
    bundle = trained(shop(3), days=3, shaping=shaping, budget_per="fleet").bundle
    spike = bundle.members[0].calibration.budget * SHARED_BY
    assert spike[[key.metric for key in bundle.keys].index("cpu")] == 5.0
    assert (np.delete(spike, 3) < 0.1).all()


def test_rules_that_match_nothing_are_reported() -> None:
    """A typing mistake in a selector does not pass in silence."""
    shaping = ShapingRules(rules=(SeriesRule(selector=Selector(metric="cqu"), direction="above"),))
    (told,) = trained(shop(3), days=3, shaping=shaping).report.unmatched
    assert "cqu" in told


def test_a_zone_of_a_rule_is_a_calendar_of_its_series() -> None:
    """Series with the same zone share a calendar; the usual one comes first."""
    rules = (SeriesRule(selector=Selector(component="store"), time_zone="Asia/Tokyo"),)
    bundle = trained(shop(3), days=3, shaping=ShapingRules(rules=rules)).bundle
    assert [calendar.time_zone for calendar in bundle.residuals.calendars] == ["UTC", "Asia/Tokyo"]
    assert bundle.residuals.units_.calendar.tolist() == [0, 0, 0, 1, 1, 1]


def test_the_report_is_flat_figures_for_tracking() -> None:
    """Every figure is a finite float under a name."""
    report = trained(shop()).report
    assert report.n_components == 2
    assert report.days == 7
    assert report.n_series == 6
    assert 2 <= report.by_day <= 3
    assert report.cannot_alarm == 0
    assert report.unmatched == ()
    assert all(np.isfinite(value) for value in report.metrics().values())


def test_the_fingerprint_sees_every_change_and_no_other() -> None:
    """Values, names, step and start change it; the bits of a NaN and the memory order do not."""
    frame = shop(2)
    other_nan = frame.values.copy()
    other_nan[0, 0] = np.nan
    again = other_nan.copy()
    again[0, 0] = -np.float64(np.nan)

    def _print(values, keys=frame.keys, step_s=STEP_S, start=frame.start) -> str:
        return fingerprint(MetricFrame(start=start, step_s=step_s, keys=keys, values=values))

    assert _print(other_nan) == _print(again) == _print(np.asfortranarray(other_nan))
    swapped = (SeriesKey("sho", "platency"), *frame.keys[1:])
    prints = {
        _print(frame.values),
        _print(other_nan),
        _print(frame.values, keys=swapped),
        _print(frame.values, step_s=60.0),
        _print(frame.values, start=frame.start + frame.step),
    }
    assert len(prints) == 5


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"detectors": ()}, "needs detectors"),
        ({"detectors": ("sudden_change", "sudden_change")}, "each once"),
        ({"false_alarms_per_day": 0.0}, "false_alarms_per_day"),
        ({"false_alarms_per_day": float("nan")}, "false_alarms_per_day"),
        ({"detectors": ("sudden_change",), "parameters": {"moving_average": {}}}, "moving_average"),
    ],
)
def test_wrong_settings_are_refused(settings: dict, named: str) -> None:
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=named):
        TrainingSettings(**settings)
