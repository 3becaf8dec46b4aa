"""A back-test judges what comes later, counts it against the budget, and says what it could not do."""

import itertools
from datetime import timedelta

import numpy as np
import pytest

from models.backtest import BacktestSettings, run_backtest, split
from models.errors import ConfigurationError, InputError
from models.frames import MetricFrame, SeriesKey, to_datetime
from models.injection import FaultShape
from models.scoring import score_frame
from models.shaping.rules import Selector, SeriesRule
from models.shaping.rules_file import ShapingRules
from models.sources.labels import Label
from service.store.codec import dumps
from tests.models.histories import CREATED, DAY, changed, frame_of, shop, trained

TRAIN = 7 * DAY


@pytest.fixture(scope="module")
def history():
    """Eleven days of the shop; memory is high for two hours on the ninth."""
    return changed(shop(days=11), ("store", "memory"), slice(8 * DAY + 100, 8 * DAY + 124), 40.0)


def label(frame, component, metric, first, end):
    """A label over rows of the whole history."""
    times = frame.start + np.array([first, end]) * frame.step
    return Label(selector=Selector(component=component, metric=metric), start=times[0], end=times[1])


@pytest.fixture(scope="module")
def done(history):
    """With two budgets, a label, and faults."""
    settings = BacktestSettings(
        train_days=7,
        budgets=(0.1, 1.0),
        labels=(label(history, "store", "*", 8 * DAY + 100, 8 * DAY + 124),),
        inject=True,
    )
    told = []
    result = run_backtest(history, settings, created=CREATED, progress=lambda *each: told.append(each))
    return result, told


def test_it_is_what_training_and_scoring_say(done, history) -> None:
    """The alerts of the first budget are those of a bundle of the first rows, on the rows behind them."""
    backtest, _ = done
    scores = score_frame(trained(history).bundle, history.rows(TRAIN, history.n_rows))
    np.testing.assert_array_equal(backtest.judgement.own, scores.alert >= 1.0)
    figures, report = backtest.report.budgets[0], backtest.report
    assert figures.alerts == int((scores.alert >= 1.0).sum())
    assert figures.component_alerts == int((scores.component_alert >= 1.0).sum())
    assert (report.train_days, report.judged_days, report.series, report.components) == (7.0, 4.0, 6, 2)
    assert report.judged_start == to_datetime(history.times[TRAIN])


def test_rows_behind_do_not_matter(history) -> None:
    """Strictly causal: a shorter history has the alerts of the longer one."""
    settings = BacktestSettings(train_days=7)
    whole = run_backtest(history, settings, created=CREATED).judgement.told
    part = run_backtest(history.rows(0, 9 * DAY + 7), settings, created=CREATED).judgement.told
    np.testing.assert_array_equal(part, whole[: len(part)])


def test_figures_add_up(done) -> None:
    """Types, severities, days, ratio and what-if agree with the alerts."""
    report = done[0].report
    for figures in report.budgets:
        assert sum(figures.by_type.values()) == sum(figures.by_severity.values()) == figures.anomalies
        assert figures.alerts_a_day == pytest.approx((figures.alerts + figures.component_alerts) / 4)
        assert figures.what_if["1"] == figures.alerts_a_day
        assert figures.what_if["0.5"] <= figures.what_if["2"] + 1
        assert figures.ratio == pytest.approx(figures.per_series_day / figures.budget)
        assert figures.expected_alerts == pytest.approx(figures.budget * 4 * 6)
        assert 0 < figures.cells_under_alarm <= figures.rows_under_alarm < 1
    assert list(report.curve) == ["0.05", "0.1", "0.2", "0.5", "1", "2"]
    assert report.curve["0.1"] == report.budgets[0].per_series_day


def test_the_incident_is_found_and_its_series_is_explained(done) -> None:
    """By the label, and among the noisiest, with its strengths."""
    figures = done[0].report.budgets[0]
    assert (figures.labels.events, figures.labels.found, figures.labels.recall) == (1, 1, 1.0)
    assert figures.labels.median_delay_s <= 600
    noisy = next(each for each in figures.noisiest if each.series == "store/memory")
    assert noisy.share_under_alarm > 0
    assert noisy.why[0].startswith("strength of trend")
    assert [each.anomalies for each in figures.noisiest] == sorted(
        (e.anomalies for e in figures.noisiest), reverse=True
    )


def test_injected_faults_are_found_by_size(done) -> None:
    """Large spikes are found and small ones are not always; untouched series have about their usual alerts."""
    loose = done[0].report.budgets[1]
    by_kind = {(each.shape, each.size_sigma): each for each in loose.faults}
    assert len(by_kind) == 16
    assert by_kind[FaultShape.SPIKE, 12.0].recall == 1.0
    assert by_kind[FaultShape.VARIANCE_CHANGE, 12.0].recall == 1.0
    assert loose.untouched.series_days > 0
    assert loose.untouched.alerts_per_series_day < 3


def test_progress_rises_to_one(done) -> None:
    """Each stage is named."""
    told = done[1]
    assert [fraction for _, fraction in told] == sorted(fraction for _, fraction in told)
    assert told[-1] == ("Done", 1.0)
    assert {"Judging", "Injecting faults", "Explaining the noisiest"} <= {what for what, _ in told}


def test_the_report_is_json(done) -> None:
    """Without NaN, and the same for the same history."""
    assert "NaN" not in dumps(done[0].report)


def test_a_quiet_history_has_figures_too() -> None:
    """No anomaly, no alert, no noisiest series."""
    frame = frame_of({("web", "replicas"): np.full(8 * DAY, 3.0)})
    backtest = run_backtest(frame, BacktestSettings(), created=CREATED)
    figures = backtest.report.budgets[0]
    assert (figures.anomalies, figures.alerts, figures.ratio, figures.noisiest) == (0, 0, 0.0, ())
    assert (figures.per_component_day, figures.labels, figures.faults) == (None, None, None)


def test_rules_count(history) -> None:
    """An excluded series alerts no more, an own budget is asked for, a rule that matches nothing is noted."""
    rules = (
        SeriesRule(selector=Selector(component="store", metric="memory"), excluded=True),
        SeriesRule(selector=Selector(component="shop"), false_alarms_per_day=1.0),
        SeriesRule(selector=Selector(component="nobody"), excluded=True),
    )
    backtest = run_backtest(history, BacktestSettings(shaping=ShapingRules(rules=rules)), created=CREATED)
    memory = backtest.judgement.frame.keys.index(SeriesKey("store", "memory"))
    assert not backtest.judgement.own[:, memory].any()
    assert 0.1 < backtest.report.budgets[0].asked < 1.0
    assert any("nobody" in note for note in backtest.report.notes)


def test_columns_without_values_are_told(history) -> None:
    """One without history is skipped with its reason, one that falls silent is noted; both leave the rest alone."""
    frame = changed(history, ("shop", "rate"), slice(0, TRAIN), np.nan)
    frame = changed(frame, ("shop", "errors"), slice(TRAIN, None), np.nan)
    report = run_backtest(frame, BacktestSettings(train_days=7, inject=True), created=CREATED).report
    assert report.skipped == {"shop/rate": "all values are missing"}
    assert "no value in the judged part: shop/errors" in report.notes
    assert report.series == 5


def test_the_split_is_by_share_or_days(history) -> None:
    """Days win; the rest is judged."""
    assert split(history, BacktestSettings()) == int(0.6 * history.n_rows)
    assert split(history, BacktestSettings(train_days=2.5)) == 2.5 * DAY
    later = run_backtest(history, BacktestSettings(train_share=0.9), created=CREATED).report
    assert later.judged_end - later.judged_start == timedelta(
        seconds=(history.n_rows - int(0.9 * history.n_rows)) * 300
    )


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"train_share": 0.0}, "train_share is 0.0"),
        ({"train_share": 1.0}, "train_share is 1.0"),
        ({"train_share": np.nan}, "train_share is nan"),
        ({"train_days": -1.0}, "train_days is -1.0"),
        ({"train_days": np.inf}, "train_days is inf"),
        ({"budgets": ()}, "budgets are"),
        ({"budgets": (0.1, 0.1)}, "budgets are"),
        ({"budgets": tuple(range(1, 10))}, "budgets are"),
        ({"budgets": (0.1, 0.0)}, "budget is 0.0"),
        ({"budgets": (np.nan,)}, "budget is nan"),
    ],
)
def test_wrong_settings_are_named(settings, says) -> None:
    """Before any work."""
    with pytest.raises(ConfigurationError, match=says):
        BacktestSettings(**settings)


def test_histories_that_cannot_be_split_or_learnt_are_named(history) -> None:
    """Empty, too short, all missing: one sentence each."""
    missing = MetricFrame(
        start=history.start, step_s=300.0, keys=history.keys, values=np.full_like(history.values, np.nan)
    )
    cases = [
        (history.rows(0, 0), {}, "leaves 0 to judge"),
        (history.rows(0, 1), {}, "learning 0 of 1 rows"),
        (history.rows(0, 100), {}, "60 values, 120 are needed"),
        (history, {"train_days": 11}, "leaves 0 to judge"),
        (history, {"train_days": 1e-9}, "learning 0 of"),
        (missing, {}, "all values are missing"),
        (history.where(lambda _: False), {}, "no series"),
        (history.rows(0, 8 * DAY), {"train_share": 0.99, "inject": True}, "judged rows are too few"),
    ]
    for frame, settings in ((frame, settings) for frame, settings, _ in cases):
        with pytest.raises(InputError, match="Remedy") as error:
            run_backtest(frame, BacktestSettings(**settings), created=CREATED)
        says = next(text for other, given, text in cases if other is frame and given is settings)
        assert says in str(error.value)


def test_labels_that_match_nothing_stop_it_before_the_work(history) -> None:
    """Nothing is trained for them."""
    told = itertools.count()
    settings = BacktestSettings(train_days=7, labels=(label(history, "nobody", "*", 0, 5),))
    with pytest.raises(InputError, match="of 1 labels 1 name no judged series"):
        run_backtest(history, settings, created=CREATED, progress=lambda *_: next(told) and None)
    assert next(told) == 0
