"""PATTERN_ANOMALY: a window of another shape stands out, whatever its level; noise stays quiet."""

from collections.abc import Callable

import numpy as np
import pytest

from models.detectors.pattern import Pattern
from models.frames import SeriesKey
from models.online.residuals import SLOW
from models.online.shapes import CAP, HIGH, LEFT, LOW, MIDDLE, WIDTH, WindowState
from models.residuals import ResidualModel
from models.scoring import Scorer
from tests.models.histories import DAY, START, frame_of, trained

STEP_S = 60.0
HISTORY, BEHIND = 2 * 1440, 400
ODD = slice(HISTORY + 200, HISTORY + 280)
T = np.arange(HISTORY + BEHIND)


def _sine(period: int, noise: float = 0.15, seed: int = 1) -> np.ndarray:
    return np.sin(2 * np.pi * T / period) + noise * np.random.default_rng(seed).normal(size=len(T))


def _saw(period: int) -> np.ndarray:
    return 2 * ((T / period) % 1) - 1 + 0.15 * np.random.default_rng(2).normal(size=len(T))


def _noise(seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=len(T))


def _bursts() -> np.ndarray:
    return (T % 20 < 4) + 0.15 * _noise()


def _scores(value: np.ndarray, detector: Pattern | None = None) -> np.ndarray:
    """Raw scores of the rows behind the history."""
    keys, times = (SeriesKey("a", "x"),), START + T[: len(value)] * np.timedelta64(int(STEP_S), "s")
    model, values = ResidualModel(step_s=STEP_S), value[None].astype(float)
    past = np.ascontiguousarray(values[:, :HISTORY])
    history, state = model.fit_apply(keys, times[:HISTORY], past, np.zeros(1, dtype=np.int64))
    seen = model.apply(keys, times[HISTORY:], np.ascontiguousarray(values[:, HISTORY:]), state)
    fitted = (detector or Pattern()).fit(history)
    memory = fitted.start(keys)
    fitted.score(history, memory)
    return fitted.score(seen, memory)[0]


@pytest.mark.parametrize(
    ("usual", "odd"),
    [
        pytest.param(lambda: 10 + _noise(), lambda: np.full(len(T), 10.0), id="a flat line in a noisy series"),
        pytest.param(lambda: _sine(16), lambda: 0.15 * _noise(), id="a wave that stops"),
        pytest.param(lambda: _sine(16), lambda: _sine(22, seed=5), id="a longer period"),
        pytest.param(lambda: _sine(16), lambda: _sine(11, seed=5), id="a shorter period"),
        pytest.param(lambda: _sine(16), lambda: _saw(16), id="a sawtooth where a sine was"),
        pytest.param(lambda: _saw(16), lambda: -_saw(16), id="a sawtooth that falls instead of rising"),
        pytest.param(_bursts, lambda: 0.4 - _bursts(), id="bursts upside down"),
    ],
)
def test_another_shape_crosses_the_common_boundary(
    usual: Callable[[], np.ndarray], odd: Callable[[], np.ndarray]
) -> None:
    """Within a window of its start it is stranger than any row before, and than what holds for any series."""
    value = usual()
    value[ODD] = odd()[ODD]
    score = _scores(value)
    assert score[200 : 200 + WIDTH].max() > 1.2 * score[:200].max()
    assert score[200:280].max() > Pattern.common_boundary


@pytest.mark.parametrize(
    "usual",
    [
        _noise,
        lambda: _sine(17),  # 16 minutes divide the day: that wave is learnt as its profile
        _bursts,
        lambda: np.random.default_rng(4).standard_t(2.2, size=len(T)),
        lambda: np.convolve(_noise(), 0.9 ** np.arange(60))[: len(T)],
        lambda: np.random.default_rng(5).poisson(0.3, size=len(T)),
    ],
    ids=["noise", "wave", "bursts", "heavy tails", "wandering", "counts"],
)
def test_it_is_quiet_where_nothing_changes(usual: Callable[[], np.ndarray]) -> None:
    """400 rows of the usual shape stay below the boundary."""
    assert _scores(usual()).max() < Pattern.common_boundary


def test_one_wild_value_is_no_shape() -> None:
    """A spike of any height counts as a few spreads: other detectors judge it."""
    value = _noise()
    near, far = value.copy(), value.copy()
    near[ODD.start], far[ODD.start] = 30.0, 3e5
    assert _scores(near)[200] == _scores(far)[200]
    assert _scores(far)[200] < 1.3 * Pattern.common_boundary


def test_a_shape_that_was_rare_in_the_history_is_not_usual() -> None:
    """One incident in the history does not become a prototype: the same again is still strange."""
    value = _sine(16)
    value[1000:1080] = value[ODD] = _sine(22, seed=5)[1000:1080]
    assert _scores(value)[200:280].max() > Pattern.common_boundary


def test_the_kernel_equals_a_plain_computation() -> None:
    """Projection, rest, nearest prototype and both misfits, written out with whole arrays."""
    keys, n = (SeriesKey("a", "x"),), 700
    times = START + T[:n] * np.timedelta64(60, "s")
    history, _ = ResidualModel(step_s=STEP_S).fit_apply(keys, times, _sine(16)[None, :n], np.zeros(1, dtype=np.int64))
    fitted = Pattern().fit(history)
    state = {name: array[0] for name, array in fitted.to_arrays().items()}
    score = fitted.score(history, fitted.start(keys))[0]
    for row in range(WIDTH - 1, n, 37):
        window = np.clip(history.features[0, row - WIDTH + 1 : row + 1, SLOW].astype(float), -CAP, CAP)
        window -= window.mean()
        along = state["axes"] @ window
        left, nearest = window @ window - along @ along, np.min(((state["prototypes"] - along) ** 2).sum(axis=1))
        away = np.log(np.array([max(left, 0.0), nearest]) + state["floor"]) - state["usual"][:, MIDDLE]
        edge = np.where(away > 0, state["usual"][:, HIGH], [state["usual"][LEFT, LOW], np.inf])
        assert score[row] == pytest.approx(np.log1p(np.sum((away / edge) ** 2)), rel=1e-9)


def test_a_gap_is_skipped() -> None:
    """Missing rows score NaN, and the window goes on with the rows that are there."""
    value = _noise()
    value[HISTORY + 50 : HISTORY + 60] = np.nan
    score = _scores(value)
    assert np.isnan(score[50:60]).all()
    assert np.isfinite(np.delete(score, np.arange(50, 60))).all()


def test_the_first_rows_and_a_short_history_cannot_be_judged() -> None:
    """Until a window is full, and with fewer than 63 values in the history, the answer is NaN."""
    keys = (SeriesKey("a", "x"), SeriesKey("a", "y"))
    times = START + np.arange(200) * np.timedelta64(60, "s")
    values = np.random.default_rng(8).normal(size=(2, 200))
    values[1, :138] = np.nan
    history, _ = ResidualModel(step_s=STEP_S).fit_apply(keys, times, values, np.zeros(2, dtype=np.int64))
    fitted = Pattern().fit(history)
    score = fitted.score(history, fitted.start(keys))
    assert np.isnan(score[0, : WIDTH - 1]).all()
    assert np.isfinite(score[0, WIDTH - 1 :]).all()
    assert np.isnan(score[1]).all()


def test_a_series_costs_less_than_two_kilobytes() -> None:
    """Fitted state and memory together."""
    keys = (SeriesKey("a", "x"),)
    values = _noise()[None, :500].astype(float)
    times = START + T[:500] * np.timedelta64(60, "s")
    history, _ = ResidualModel(step_s=STEP_S).fit_apply(keys, times, values, np.zeros(1, dtype=np.int64))
    fitted = Pattern().fit(history)
    memory = fitted.start(keys)
    assert set(memory) == set(WindowState._fields)
    assert sum(array.nbytes for array in (*fitted.to_arrays().values(), *memory.values())) < 2048


def test_it_can_be_trained_beside_the_others_and_alarms() -> None:
    """In a bundle a noisy metric that lies flat alarms by its pattern, row by row as in the batch."""
    rng = np.random.default_rng(9)
    value = 50 + rng.normal(size=9 * DAY)
    value[7 * DAY + 300 : 7 * DAY + 380] = 50.0 + 0.01 * rng.normal(size=80)
    frame = frame_of({("shop", "latency"): value})
    bundle = trained(frame, detectors=("spike", "pattern")).bundle
    rows = frame.rows(7 * DAY, 9 * DAY)
    judged = Scorer(bundle).advance(rows).by_detector
    assert judged["pattern"][300:380].max() >= 1.0
    assert judged["spike"][300:380].max() < 1.0
    live = Scorer(bundle)
    alone = [live.judge(rows.times[i : i + 1], rows.values[i : i + 1]).by_detector["pattern"][0, 0] for i in range(60)]
    assert np.array_equal(alone, judged["pattern"][:60, 0], equal_nan=True)
