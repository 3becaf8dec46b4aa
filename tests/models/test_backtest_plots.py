"""Pictures of a back-test are written for whatever was found."""

from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure

from models.backtest import Backtest, BacktestSettings, run_backtest
from models.backtest_plots import plot_budget_curve, write_plots
from models.errors import InputError
from tests.models.histories import CREATED, DAY, changed, frame_of, shop


@pytest.fixture(scope="module")
def done():
    """Nine days of the shop with an incident at the end."""
    history = changed(shop(), ("store", "memory"), slice(8 * DAY, 8 * DAY + 20), 40.0)
    return run_backtest(history, BacktestSettings(), created=CREATED)


def test_three_pictures_are_written(done, tmp_path) -> None:
    """The most abnormal series, the noisiest, and the curve, as PNG."""
    files = write_plots(done, tmp_path)
    assert sorted(path.name for path in files) == ["budget.png", "most_abnormal.png", "noisiest.png"]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in files)


def test_a_quiet_history_has_pictures_too(tmp_path) -> None:
    """Without an anomaly there is no noisiest series; budgets without an alert can be drawn."""
    frame = frame_of({("web", "replicas"): np.full(8 * DAY, 3.0)})
    files = write_plots(run_backtest(frame, BacktestSettings(), created=CREATED), tmp_path)
    assert sorted(path.name for path in files) == ["budget.png", "most_abnormal.png"]


def test_series_without_a_judged_value_can_be_drawn(tmp_path) -> None:
    """Nothing judged is no curve, and no error."""
    values = np.random.default_rng(1).normal(size=8 * DAY)
    values[6 * DAY :] = np.nan
    backtest = run_backtest(frame_of({("web", "rate"): values}), BacktestSettings(train_days=6), created=CREATED)
    assert backtest.report.budgets[0].ratio is None
    assert "budget.png" not in {path.name for path in write_plots(backtest, tmp_path)}


def test_the_curve_has_units_and_its_budgets(done) -> None:
    """Both axes say what a day and a series are; the stated budget is marked."""
    ax = Figure().add_subplot()
    assert plot_budget_curve(ax, done.report) is ax
    assert "per series and day" in ax.get_xlabel()
    assert "per series and day" in ax.get_ylabel()
    stated = next(line for line in ax.lines if line.get_label() == "stated budget")
    np.testing.assert_allclose(np.asarray(stated.get_xdata()), [0.1])


def test_alerts_alone_cannot_be_drawn(done, tmp_path) -> None:
    """A judgement without scores is refused."""
    bare = Backtest(report=done.report, judgement=replace(done.judgement, scores=None))
    with pytest.raises(InputError, match="alerts only"):
        write_plots(bare, tmp_path)
