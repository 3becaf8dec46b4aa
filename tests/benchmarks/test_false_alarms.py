"""The measurement of false alarms: what counts as one, on labelled and made metrics, and what the page says of it."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import false_alarms
from benchmarks.false_alarms import Quiet, main, measure_made, measure_suite, own_boundaries
from benchmarks.false_alarms_data import DAY_ROWS, KINDS, quiet_frame
from benchmarks.false_alarms_page import found, ratio, table
from models.calibration import boundaries
from models.frames import to_datetime
from models.training import TrainingSettings, train

TRAIN_ROWS, N_ROWS = 1_200, 2_000
EVENT, STRAY = 1_500, 1_800


@pytest.fixture(scope="module")
def suites(tmp_path_factory):
    """Two suites with a labelled incident and an unlabelled one: a series of one metric, and a component of two."""
    place = tmp_path_factory.mktemp("suites")
    times = np.datetime64("2026-03-02T00:00:00", "us") + np.arange(N_ROWS) * np.timedelta64(300, "s")
    for name, n_metrics in (("narrow", 1), ("wide", 2)):
        suite = place / name
        suite.mkdir()
        values = 50.0 + np.random.default_rng(8).normal(size=(N_ROWS, n_metrics))
        values[EVENT : EVENT + 5] += 60.0
        values[STRAY] += 60.0
        columns = {f"m{i}": values[:, i] for i in range(n_metrics)}
        pq.write_table(pa.table({"ts": pa.array(times, pa.timestamp("us", "UTC")), **columns}), suite / "made.parquet")
        truth = {"made": {"train_rows": TRAIN_ROWS, "events": [[EVENT, EVENT + 6]]}}
        (suite / "truth.json").write_text(json.dumps(truth))
        (suite / "protocol.json").write_text(json.dumps({"made": TRAIN_ROWS}))
    return place


def quiet(alerts, *, budget=0.1, days=10.0, alone=None, again=0, near=0, what="x"):
    """A count by series."""
    counted = np.asarray(alerts)
    return Quiet(
        what=what,
        judges="series",
        budget=budget,
        alerts=counted,
        again=np.full(len(counted), again),
        near=np.full(len(counted), near),
        alone=counted if alone is None else np.asarray(alone),
        days=np.full(len(counted), days),
    )


def test_only_rows_without_a_label_count(suites):
    """The stray peak is the only false alarm, the labelled one is none; the days are those without a label."""
    (one,) = measure_suite(suites / "narrow", [0.1])
    assert (one.what, one.judges, one.alerts.tolist(), one.near.tolist()) == ("narrow", "series", [1], [0])
    assert one.days[0] == pytest.approx((N_ROWS - TRAIN_ROWS - 6) / DAY_ROWS)


def test_a_file_of_several_metrics_is_a_component_and_its_series(suites):
    """The component as a whole first, then each of its series by its own detectors."""
    whole, own = measure_suite(suites / "wide", [0.1])
    assert (whole.judges, len(whole.days)) == ("components", 1)
    assert (own.judges, own.alerts.tolist()) == ("series of them", [1, 1])


def test_repeats_and_neighbours_of_events_are_counted():
    """An alert soon after another is a repeat even if that one was labelled; near means some rows, not many."""
    told = np.zeros((400, 1), dtype=bool)
    told[[50, 60, 200, 300]] = True
    event = np.zeros(400, dtype=bool)
    event[45:55] = True
    counted = false_alarms._count(told, told, event, np.ones(1))
    assert [counted.alerts[0], counted.again[0], counted.near[0], counted.alone[0]] == [3, 1, 1, 3]


@pytest.mark.parametrize("kind", list(KINDS))
def test_made_metrics_are_the_same_every_time(kind):
    """Finite, of the asked shape, from fixed seeds, with the metrics of a component side by side."""
    frame = quiet_frame(kind, n_series=10, days=2)
    assert frame.values.shape == (2 * DAY_ROWS, 10)
    assert np.isfinite(frame.values).all()
    np.testing.assert_array_equal(frame.values, quiet_frame(kind, n_series=10, days=2).values)
    assert len(frame.components) == 10 // KINDS[kind][1]


def test_made_metrics_are_judged_behind_the_learnt_days():
    """A higher budget gives at least as many alerts; days and series are those that were judged."""
    low, high = measure_made("heavy-tailed (t3)", [0.05, 3.0], n_series=4, days=8, train_days=5)
    assert low.days.tolist() == [3.0] * 4
    assert low.alerts.sum() < high.alerts.sum()


def test_components_of_made_metrics_are_counted_as_such():
    """Two components of five, beside their ten series."""
    of_components, of_series = measure_made("components of five", [1.0], n_series=10, days=6, train_days=4)
    assert (of_components.judges, len(of_components.days)) == ("components", 2)
    assert (of_series.judges, len(of_series.days)) == ("series", 10)


def test_own_boundaries_hold_without_the_common_one():
    """On quiet noise they are lower; the bundle itself stays as it was."""
    frame = quiet_frame("Gaussian", n_series=3, days=10)
    bundle = train(frame, TrainingSettings(), created=to_datetime(frame.end)).bundle
    own = own_boundaries(bundle)
    name = bundle.members[0].detector.name
    common, alone = (boundaries(each.members[0].calibration, each.memory.tails[name]) for each in (bundle, own))
    assert (alone < common).all()
    assert (bundle.members[0].calibration.own < 1).all()


def test_the_rate_is_all_alerts_over_all_days():
    """Long series count for more than in the mean; both and the median are told."""
    one = quiet([4, 0], days=10.0)
    assert ratio(one) == pytest.approx(2.0)
    cells = table([one]).splitlines()[-1].split(" | ")
    assert cells[5:10] == ["4", "0.200", "0.200", "0.200", "2.00"]
    assert cells[11] == "yes"
    assert cells[-1] == "1 |"


def test_no_alert_at_all_is_told_without_dividing_by_it():
    """The ratio is 0, which is not within a factor of two, and the interval begins there."""
    line = table([quiet([0, 0])]).splitlines()[-1]
    assert "| 0.00 | 0.00 to 1.84 | no |" in line


def test_reasons_follow_from_the_counts():
    """Too many: who has them and what they are. Too few: whether the common boundary keeps them away."""
    much = found([quiet([40] + [1] * 19, again=1, near=1, alone=[1] * 20)], [])
    assert "0 of 1 rows of recorded metrics" in much
    assert "2.95 times the budget at 0.1" in much
    assert "the common boundary lies too low" in much
    assert "34% of the alerts lie near an event; 1.95 without them." in much
    assert "Half come from 1 of 20." in much
    few = found([], [quiet([0] * 50, alone=[1] * 50, what="y"), quiet([10] * 50, budget=1.0)])
    assert "1 of 2 rows of made metrics" in few
    assert (
        "**y**, series: 0.00 times the budget at 0.1. The boundary of the history alone gives 1.00: the common" in few
    )
    assert "too high" in few


def test_a_part_leaves_the_page_alone(suites, tmp_path, monkeypatch, capsys):
    """A run over some suites prints, and writes only where it is told to; an unknown suite is named."""
    monkeypatch.setattr(false_alarms, "PAGE", tmp_path / "whole.md")
    main([str(suites), "narrow"])
    assert "| narrow | series |" in capsys.readouterr().out
    assert not (tmp_path / "whole.md").exists()
    main([str(suites), "narrow", "--page", str(tmp_path / "part.md")])
    assert "SUITES narrow" in (tmp_path / "part.md").read_text()
    with pytest.raises(SystemExit, match="no such suite: narow; there are narrow, wide"):
        main([str(suites), "narow"])
