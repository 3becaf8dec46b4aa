"""Missing and stuck series: batch is stream, equal to a loop; limits come from history, and rest is no alarm."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.errors import InputError
from models.shaping import silence
from models.shaping.silence import SilenceLimits, advance, fresh_state, learn_silence, silence_limits
from tests.models.shaping.builders import column, resolved

NAN = float("nan")
STEP = 60.0
DAY = 1440


def _limits(missing_after_s: float = np.inf, stuck_after_s: float = np.inf, n_series: int = 1) -> SilenceLimits:
    return SilenceLimits(np.full(n_series, missing_after_s), np.full(n_series, stuck_after_s))


def _auto(values: np.ndarray, mask: np.ndarray | None = None, **options: Any) -> tuple[float, float]:
    limits = silence_limits(learn_silence(values, STEP, mask), resolved(**options), STEP)
    return float(limits.missing_after_s[0]), float(limits.stuck_after_s[0])


def _lively(n_rows: int = DAY) -> np.ndarray:
    return np.random.default_rng(7).normal(size=(n_rows, 1))


def test_missing_data_alarms_after_the_limit_and_until_data_come() -> None:
    """A series never seen counts as well; the state says for how long."""
    alarm, _, after = advance(fresh_state(1), column(NAN, NAN, NAN, 1, NAN), STEP, _limits(missing_after_s=120))
    assert alarm[:, 0].tolist() == [False, True, True, False, False]
    assert after.missing_rows.tolist() == [1]


def test_a_stuck_value_alarms_where_it_is_repeated() -> None:
    """The first row of a value is no rest; a change ends it; zero and minus zero are one value."""
    _, alarm, after = advance(fresh_state(1), column(5, 5, 5, 6, 0.0, -0.0, 0.0), STEP, _limits(stuck_after_s=120))
    assert alarm[:, 0].tolist() == [False, False, True, False, False, False, True]
    assert after.unchanged_rows.tolist() == [2]
    assert after.last_value.tolist() == [0.0]


def test_missing_rows_neither_count_as_rest_nor_end_it() -> None:
    """A hole of hours between two equal values is no stuck value; nothing is said while data are missing."""
    _, alarm, _ = advance(fresh_state(1), column(5, NAN, NAN, NAN, 5, NAN, 5), STEP, _limits(stuck_after_s=120))
    assert alarm[:, 0].tolist() == [False] * 6 + [True]


def test_both_counts_start_again_behind_a_window() -> None:
    """Maintenance neither alarms nor leaves an alarm behind for its first row after."""
    mask = np.array([[False], [True], [False], [False]])
    missing, _, _ = advance(fresh_state(1), column(NAN, NAN, NAN, NAN), STEP, _limits(missing_after_s=120), mask)
    assert missing[:, 0].tolist() == [False, False, False, True]
    _, stuck, _ = advance(fresh_state(1), column(5, 5, 5, 5), STEP, _limits(stuck_after_s=120), mask)
    assert stuck[:, 0].tolist() == [False, False, False, True]
    for inside in (5, 6, NAN):
        values = column(5, 5, inside, 5 if inside != 6 else 6, 5)
        mask = np.array([[False], [False], [True], [False], [False]])
        assert not advance(fresh_state(1), values, STEP, _limits(stuck_after_s=121), mask)[1].any()


def test_no_rows_change_nothing() -> None:
    """An empty batch gives the state back."""
    state = fresh_state(2)
    missing, stuck, after = advance(state, np.zeros((0, 2)), STEP, _limits(n_series=2))
    assert missing.shape == stuck.shape == (0, 2)
    assert after is state


def _loop(values: np.ndarray, mask: np.ndarray, limits: SilenceLimits) -> tuple[list[list[bool]], list[list[bool]]]:
    missing_alarm, stuck_alarm = [], []
    n_series = values.shape[1]
    missing, unchanged, last = [0] * n_series, [0] * n_series, [NAN] * n_series
    for row in range(len(values)):
        missing_alarm.append([False] * n_series)
        stuck_alarm.append([False] * n_series)
        for place in range(n_series):
            value, is_repeat = values[row, place], values[row, place] == last[place]
            last[place] = last[place] if np.isnan(value) else value
            if mask[row, place]:
                missing[place] = unchanged[place] = 0
            elif np.isnan(value):
                missing[place] += 1
                missing_alarm[-1][place] = missing[place] * STEP >= limits.missing_after_s[place]
            else:
                missing[place] = 0
                unchanged[place] = unchanged[place] + 1 if is_repeat else 0
                stuck_alarm[-1][place] = is_repeat and unchanged[place] * STEP >= limits.stuck_after_s[place]
    return missing_alarm, stuck_alarm


_SHAPES = st.tuples(st.integers(0, 14), st.integers(1, 3))


@st.composite
def _streams(draw: st.DrawFn) -> tuple[Any, ...]:
    shape = draw(_SHAPES)
    values = draw(npst.arrays(np.float64, shape, elements=st.sampled_from([NAN, 0.0, -0.0, 1.0, 1e300])))
    mask = draw(npst.arrays(np.bool_, shape, elements=st.sampled_from([False, False, False, True])))
    after_s = st.lists(st.sampled_from([30.0, 60.0, 130.0, np.inf]), min_size=shape[1], max_size=shape[1])
    limits = SilenceLimits(np.array(draw(after_s)), np.array(draw(after_s)))
    cuts = sorted(draw(st.lists(st.integers(0, shape[0]), max_size=4)))
    return values, mask, limits, [0, *cuts, shape[0]]


@given(stream=_streams())
def test_batch_is_stream_and_both_equal_a_loop(stream: tuple[Any, ...]) -> None:
    """Rows in one call, cut anywhere, or one by one give the same alarms and the same bits of state."""
    values, mask, limits, cuts = stream
    whole = advance(fresh_state(values.shape[1]), values, STEP, limits, mask)
    assert (whole[0].tolist(), whole[1].tolist()) == _loop(values, mask, limits)
    for edges in (cuts, list(range(len(values) + 1))):
        state, alarms = fresh_state(values.shape[1]), []
        for first, last in pairwise(edges):
            *both, state = advance(state, values[first:last], STEP, limits, mask[first:last])
            alarms.append(both)
        for which in range(2):
            joined = np.concatenate([whole[which][:0], *(alarm[which] for alarm in alarms)])
            np.testing.assert_array_equal(joined, whole[which])
        assert [part.tobytes() for part in state] == [part.tobytes() for part in whole[2]]


@given(stream=_streams())
def test_without_a_mask_is_with_an_empty_one(stream: tuple[Any, ...]) -> None:
    """None means no windows."""
    values, mask, limits, _ = stream
    for one, other in zip(
        advance(fresh_state(values.shape[1]), values, STEP, limits),
        advance(fresh_state(values.shape[1]), values, STEP, limits, np.zeros_like(mask)),
        strict=True,
    ):
        np.testing.assert_array_equal(one, other)


def test_a_lively_series_has_the_least_limits() -> None:
    """Ten minutes of steps missing, half an hour of rest."""
    assert _auto(_lively()) == (600.0, 1800.0)


def test_short_steps_wait_five_minutes_for_data() -> None:
    """Ten steps of a second are no outage."""
    values = _lively()
    limits = silence_limits(learn_silence(values, 1.0), resolved(), 1.0)
    assert limits.missing_after_s.tolist() == [300.0]


def test_rests_of_the_history_lengthen_auto() -> None:
    """Ten times the longest rest, here five minutes."""
    values = np.repeat(_lively(DAY), 6, axis=0)
    assert _auto(values)[1] == 3000.0


@pytest.mark.parametrize("stuck_after_s", ["auto", 60, 3600, 1e9])
@pytest.mark.parametrize(
    "values",
    [
        np.full((DAY, 1), 3.0),
        np.where(np.arange(DAY)[:, None] % 7 == 0, NAN, 3.0),
        np.where(np.arange(DAY)[:, None] < 700, 3.0, 4.0),
        np.full((1, 1), 3.0),
        np.full((2, 1), 3.0),
        np.full((DAY, 1), NAN),
        np.zeros((0, 1)),
    ],
    ids=["constant", "constant with holes", "one change", "one row", "two rows", "missing", "no history"],
)
def test_series_that_rest_in_history_never_alarm(values: np.ndarray, stuck_after_s: float | str) -> None:
    """Constant, nearly constant or unknown: rest says nothing, whatever the rule."""
    assert _auto(values, stuck_after_s=stuck_after_s)[1] == np.inf


def test_a_window_in_the_history_does_not_make_a_constant_series_lively() -> None:
    """The rest goes on across excluded rows, however many there are."""
    mask = (np.arange(DAY) % 50 == 0)[:, None]
    assert _auto(np.full((DAY, 1), 3.0), mask)[1] == np.inf


def test_what_was_excluded_is_not_learnt() -> None:
    """An incident with a frozen value and an outage leaves no trace in the limits."""
    values = _lively(10 * DAY)
    values[2000:2500], values[3000:3400] = 1.0, NAN
    mask = np.zeros(values.shape, dtype=bool)
    mask[2000:2500] = mask[3000:3400] = True
    assert _auto(values, mask) == (600.0, 1800.0)
    assert _auto(values) == (np.inf, 499 * 600.0)


def test_a_number_of_seconds_yields_to_a_history_that_rests_longer() -> None:
    """Twice the longest rest at least; a longer wish holds as it is."""
    values = np.repeat(_lively(DAY), 11, axis=0)
    assert _auto(values, stuck_after_s=60)[1] == 1200.0
    assert _auto(values, stuck_after_s=5000)[1] == 5000.0
    assert _auto(values, stuck_after_s="never")[1] == np.inf


def test_missing_auto_is_off_where_data_are_often_missing() -> None:
    """From one per cent on; a wish of the user holds all the same."""
    values = _lively(1000)
    values[50:951:100] = NAN
    assert _auto(values)[0] == np.inf
    assert _auto(values, missing_after_s=90)[0] == 90.0
    values[50] = 1.0
    assert _auto(values)[0] == 600.0
    assert _auto(values, missing_after_s="never")[0] == np.inf


def test_usual_gaps_lengthen_auto_and_one_outage_does_not() -> None:
    """A nightly gap of eight minutes is waited for twice; a single outage of half an hour is not usual."""
    values = _lively(5 * DAY)
    for night in range(5):
        values[night * DAY + 100 : night * DAY + 108] = NAN
    assert _auto(values)[0] == 960.0
    values[3000:3030] = NAN
    assert _auto(values)[0] == 960.0
    outage = _lively(5 * DAY)
    outage[3000:3030] = NAN
    assert _auto(outage)[0] == 600.0


def test_a_series_born_late_was_not_missing_before() -> None:
    """Only rows from its first value on count; rows at the end do."""
    values = _lively(4 * DAY)
    values[: 2 * DAY] = NAN
    assert _auto(values)[0] == 600.0
    values[-100:] = NAN
    assert _auto(values)[0] == np.inf


def test_an_excluded_series_never_alarms() -> None:
    """Whatever else its rules say."""
    assert _auto(_lively(), excluded=True, missing_after_s=1, stuck_after_s=1) == (np.inf, np.inf)


def test_history_and_rules_are_of_the_same_series() -> None:
    """Two series cannot have the limits of one."""
    with pytest.raises(InputError, match="1 series, the rules have 2"):
        silence_limits(learn_silence(_lively(), STEP), resolved(2), STEP)


def test_learning_in_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns do not know each other."""
    rng = np.random.default_rng(3)
    values = rng.integers(0, 3, size=(50, 7)).astype(np.float64)
    values[rng.random(values.shape) < 0.2] = NAN
    mask = rng.random(values.shape) < 0.1
    whole = learn_silence(values, STEP, mask)
    monkeypatch.setattr(silence, "_BLOCK_CELLS", 100)
    parts = learn_silence(values, STEP, mask)
    for name in whole.__slots__:
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


@given(stream=_streams())
def test_history_equals_a_loop(stream: tuple[Any, ...]) -> None:
    """Shares, gaps and rests of each series, counted plainly."""
    values, mask, _, _ = stream
    found = learn_silence(values, STEP, mask)
    for place in range(values.shape[1]):
        gaps, rest, longest, last, present, absent, is_born = [0, 0, 0], 0, 0, NAN, 0, 0, False
        for value, is_excluded in zip(values[:, place], mask[:, place], strict=True):
            if is_excluded or (np.isnan(value) and not is_born):
                gaps.append(0)
            elif np.isnan(value):
                absent, gaps[-1] = absent + 1, gaps[-1] + 1
            else:
                rest = rest + 1 if value == last else 0
                longest, last, present, is_born = max(longest, rest), value, present + 1, True
                gaps.append(0)
        assert found.present_s[place] == present * STEP
        assert found.longest_unchanged_s[place] == longest * STEP
        assert found.usual_gap_s[place] == sorted(gaps)[-2] * STEP
        assert found.missing_share[place] == (absent / (absent + present) if present else 1.0)
