"""Gates only ever lower a score, and equal a plain loop."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.shaping.gates import CAP, gate, out_of_range, permitted
from models.shaping.resolve import resolve
from tests.models.shaping.builders import column, numbered, resolved, rule

NAN = float("nan")


def _judged(value: float, expected: float, *, score: float = 3.0, **options: Any) -> float:
    return float(gate(column(score), column(value), column(expected), resolved(**options))[0, 0])


CASES = [
    ("no option", 5, 10, {}, 3.0),
    ("above, is below", 5, 10, {"direction": "above"}, CAP),
    ("above, is above", 15, 10, {"direction": "above"}, 3.0),
    ("above, is as expected", 10, 10, {"direction": "above"}, CAP),
    ("below, is above", 15, 10, {"direction": "below"}, CAP),
    ("below, is below", 5, 10, {"direction": "below"}, 3.0),
    ("below, negative", -15, -10, {"direction": "below"}, 3.0),
    ("both", 5, 10, {"direction": "both"}, 3.0),
    ("small", 14, 10, {"least_deviation": 5}, CAP),
    ("just large enough", 15, 10, {"least_deviation": 5}, 3.0),
    ("large, below", 4, 10, {"least_deviation": 5}, 3.0),
    ("relatively small", 109, 100, {"least_relative_deviation": 0.1}, CAP),
    ("relatively large", 110, 100, {"least_relative_deviation": 0.1}, 3.0),
    ("relatively small, negative", -109, -100, {"least_relative_deviation": 0.1}, CAP),
    ("nothing expected, relative", 1e-9, 0, {"least_relative_deviation": 5}, 3.0),
    ("nothing expected, both minima", 0.5, 0, {"least_relative_deviation": 5, "least_deviation": 1}, CAP),
    ("one minimum reached", 109, 100, {"least_relative_deviation": 0.1, "least_deviation": 5}, CAP),
    ("both minima reached", 111, 100, {"least_relative_deviation": 0.1, "least_deviation": 5}, 3.0),
    ("no expectation", 5, NAN, {"direction": "above", "least_deviation": 9}, 3.0),
    ("no value", NAN, 10, {"direction": "above", "least_deviation": 9}, 3.0),
    ("excluded", 15, 10, {"excluded": True}, CAP),
    ("excluded, no value", NAN, NAN, {"excluded": True}, CAP),
    ("huge", 1.7e308, -1.7e308, {"least_deviation": 1, "least_relative_deviation": 9}, 3.0),
]


@pytest.mark.parametrize(("name", "value", "expected", "options", "score"), CASES, ids=[case[0] for case in CASES])
def test_each_option_forbids_what_it_says(
    name: str, value: float, expected: float, options: dict[str, Any], score: float
) -> None:
    """One cell at a time, at the edges, around zero, negative and with missing values."""
    assert _judged(value, expected, **options) == score


def test_missing_and_low_scores_stay() -> None:
    """NaN is not turned into a judgement, and a score below the cap is not raised to it."""
    assert math.isnan(_judged(5, 10, score=NAN, excluded=True))
    assert _judged(5, 10, score=0.3, excluded=True) == 0.3


def test_a_window_caps_its_cells_only() -> None:
    """The mask is of cells."""
    score, mask = np.full((2, 2), 2.0), np.array([[True, False], [False, False]])
    found = gate(score, score, score, resolved(2), mask)
    assert found.tolist() == [[CAP, 2.0], [2.0, 2.0]]
    assert (score == 2.0).all()


def test_the_type_and_the_cap_are_the_callers() -> None:
    """Scores of float32 stay so, below 1; a lower cap can end runs."""
    score = np.full((1, 1), 2.0, dtype=np.float32)
    found = gate(score, column(1), column(1), resolved(excluded=True))
    assert found.dtype == np.float32
    assert found[0, 0] < 1
    assert gate(column(2), column(1), column(1), resolved(excluded=True), cap=0.5)[0, 0] == 0.5


def test_ranges_include_their_ends() -> None:
    """Outside is an alarm; missing is not."""
    values = column(-0.1, 0, 1, 1.1, NAN)
    found = out_of_range(values, resolved(least_value=0, most_value=1))
    assert found[:, 0].tolist() == [True, False, False, True, False]
    assert not out_of_range(values, resolved()).any()


def test_no_range_holds_in_exclusion() -> None:
    """Neither for an excluded series nor in a window."""
    values = column(5, 5)
    assert not out_of_range(values, resolved(most_value=1, excluded=True)).any()
    mask = np.array([[True], [False]])
    assert out_of_range(values, resolved(most_value=1), mask)[:, 0].tolist() == [False, True]


def test_alarms_of_silence_are_permitted_outside_exclusion() -> None:
    """What is not a score is dropped by the same masks."""
    alarm, mask = np.ones((2, 2), dtype=bool), np.array([[False, False], [True, False]])
    rules = resolve([rule("c1", excluded=True)], numbered(2))
    assert permitted(alarm, rules, mask).tolist() == [[True, False], [False, False]]
    assert alarm.all()


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_nothing_gives_nothing(shape: tuple[int, int]) -> None:
    """No rows or no series is no error."""
    empty = np.zeros(shape)
    rules = resolve([rule(direction="above", least_value=0)], numbered(shape[1]))
    assert gate(empty, empty, empty, rules).shape == shape
    assert out_of_range(empty, rules).shape == shape


@st.composite
def _cells(draw: st.DrawFn) -> tuple[Any, ...]:
    shape = (draw(st.integers(0, 6)), draw(st.integers(1, 4)))
    numbers = st.one_of(st.integers(-3, 3).map(float), st.floats(-1e300, 1e300), st.just(NAN))
    score = draw(npst.arrays(np.float64, shape, elements=st.one_of(st.floats(0, 1e6), st.just(NAN))))
    values, expected = (draw(npst.arrays(np.float64, shape, elements=numbers)) for _ in range(2))
    mask = draw(st.one_of(st.none(), npst.arrays(np.bool_, shape)))
    options = st.fixed_dictionaries(
        {"refractory_s": st.just(1)},
        optional={
            "direction": st.sampled_from(["both", "above", "below"]),
            "least_deviation": st.floats(0, 5),
            "least_relative_deviation": st.floats(0, 2),
            "least_value": st.floats(-5, 0),
            "most_value": st.floats(0, 5),
            "excluded": st.booleans(),
        },
    )
    rules = [rule(f"c{place}", **draw(options)) for place in range(shape[1])]
    return score, values, expected, mask, rules


def _forbidden(value: float, expected: float, options: dict[str, Any]) -> bool:
    if options.get("excluded"):
        return True
    deviation = value - expected
    if math.isnan(deviation):
        return False
    wrong_side = {"above": deviation <= 0, "below": deviation >= 0}.get(options.get("direction", "both"), False)
    small = abs(deviation) < options.get("least_deviation", 0)
    return wrong_side or small or abs(deviation) < options.get("least_relative_deviation", 0) * abs(expected)


@given(cells=_cells())
def test_gates_equal_a_loop_and_never_raise_a_score(cells: tuple[Any, ...]) -> None:
    """Cell by cell: forbidden ones are capped, the others keep their bits; rows do not know each other."""
    score, values, expected, mask, rules = cells
    found = resolve(rules, numbered(score.shape[1]))
    gated = gate(score, values, expected, found, mask)
    outside = out_of_range(values, found, mask)
    assert not (gated > score).any()
    assert (np.isnan(gated) == np.isnan(score)).all()
    for row, place in np.ndindex(score.shape):
        options = dict(rules[place].options)
        windowed = mask is not None and bool(mask[row, place])
        forbidden = windowed or _forbidden(values[row, place], expected[row, place], options)
        np.testing.assert_equal(
            gated[row, place], np.minimum(score[row, place], CAP) if forbidden else score[row, place]
        )
        value = values[row, place]
        is_out = value < options.get("least_value", -math.inf) or value > options.get("most_value", math.inf)
        assert outside[row, place] == (is_out and not windowed and not options.get("excluded"))
    for row in range(len(score)):
        cut = slice(row, row + 1)
        alone = gate(score[cut], values[cut], expected[cut], found, None if mask is None else mask[cut])
        np.testing.assert_array_equal(alone, gated[cut])
