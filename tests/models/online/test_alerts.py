"""An incident is told once: the kernel equals a plain loop, whatever the scores and however they are cut."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from models.online import alerts
from models.online.alerts import BELOW, FATIGUE, ONSET, SMOOTHING, AlertRules

SCORES = st.one_of(st.just(float("nan")), st.sampled_from([0.0, 0.79, 0.8, 1.0, 1.2, 1.3, 2.0, 9.0]), st.floats(0, 20))
FADE = 0.9
ROWS = st.lists(st.tuples(SCORES, st.floats(0, 30)), max_size=60)


def _rules(unit: float = 2.0, refractory: int = 5, escalation: float = 1.3) -> AlertRules:
    return AlertRules(np.array([unit]), np.array([refractory]), np.array([escalation]), FADE)


def _told(rows: list[tuple[float, float]], rules: AlertRules, batches: tuple[int, ...] = ()) -> np.ndarray:
    state, told, first = alerts.blank(1), [], 0
    for size in (*batches, len(rows)):
        part = np.array(rows[first : first + size], dtype=float).reshape(-1, 2).T.copy()
        first += size
        alert = np.empty((1, part.shape[1]))
        alerts.advance(state, rules, part[:1], part[1:], alert)
        told.append(alert[0])
    return np.concatenate(told)


def _oracle(rows: list[tuple[float, float]], unit: float, refractory: int, escalation: float) -> list[float]:
    told, average, since, last, recent = [], 0.0, math.inf, 0.0, 0.0
    for score, strange in rows:
        if math.isnan(score):
            told.append(math.nan)
            continue
        average, since = (1 - SMOOTHING) * average + SMOOTHING * strange, since + 1
        score, recent = score / (1 + FATIGUE * recent), recent * FADE  # noqa: PLW2901  # what counts from here on
        again = since >= refractory or score > last * escalation or last < 1 <= score
        if score >= ONSET and again:
            since, last, recent = 0, score, recent + (score >= 1)
            told.append(score)
        else:
            told.append(BELOW * average / (average + unit))
    return told


@settings(deadline=None)  # the first call compiles
@given(ROWS, st.floats(0.1, 10), st.integers(0, 12), st.floats(1, 3))
def test_alerts_equal_those_of_a_loop(
    rows: list[tuple[float, float]], unit: float, refractory: int, more: float
) -> None:
    """Refractory rows, escalation, ranks below the boundary and missing scores."""
    told = _told(rows, _rules(unit, refractory, more))
    np.testing.assert_allclose(told, _oracle(rows, unit, refractory, more), rtol=1e-9, atol=1e-12)


@settings(deadline=None)  # the first call compiles
@given(ROWS, st.lists(st.integers(0, 20), max_size=6))
def test_batches_are_the_stream(rows: list[tuple[float, float]], batches: list[int]) -> None:
    """However the rows are cut, the alerts have the same bits."""
    np.testing.assert_array_equal(_told(rows, _rules(), tuple(batches)), _told(rows, _rules()))


@settings(deadline=None)  # the first call compiles
@given(ROWS)
def test_what_is_told_keeps_its_score_and_the_rest_stays_below(rows: list[tuple[float, float]]) -> None:
    """An alert is its score, less for each recent one; all other rows are below the onset."""
    told = _told(rows, _rules())
    for value, (score, _) in zip(told, rows, strict=True):
        unknown = math.isnan(value) and math.isnan(score)
        assert unknown or ONSET <= value <= score or 0 <= value < BELOW < ONSET


def test_a_long_incident_is_told_again_behind_the_refractory_rows_only() -> None:
    """Thirty rows at twice the boundary: the first, and each tenth of them."""
    told = _told([(2.0, 5.0)] * 30, _rules(refractory=10))
    assert np.flatnonzero(told >= 1).tolist() == [0, 10, 20]


def test_what_gets_worse_is_told_at_once() -> None:
    """Beyond 1.3 times the last alert an incident is news, a little later for each alert of the day."""
    told = _told([(2.0, 5.0), (2.6, 5.0), (2.8, 5.0), (3.0, 5.0), (4.5, 5.0)], _rules(refractory=10))
    assert np.flatnonzero(told >= 1).tolist() == [0, 2, 4]


def test_who_is_told_often_needs_stranger_rows() -> None:
    """The twentieth alert of a day needs more than the first, and after a quiet time it does not."""
    rules = AlertRules(np.ones(1), np.array([2]), np.array([1.3]), 0.999)
    told = _told([(1.1, 1.0)] * 200 + [(0.0, 1.0)] * 9000 + [(1.1, 1.0)], rules)
    assert 1 <= np.sum(told[:200] >= 1) <= 5
    assert told[-1] >= 1.0


def test_crossing_the_boundary_is_news() -> None:
    """What was told below the boundary is told again when it reaches it, however little it grew."""
    told = _told([(0.95, 5.0), (0.97, 5.0), (1.0, 5.0), (1.1, 5.0)], _rules(refractory=10))
    assert np.flatnonzero(told >= ONSET).tolist() == [0, 2]


def test_columns_do_not_touch_each_other() -> None:
    """Each column has the alerts that it has alone."""
    rng = np.random.default_rng(4)
    score, strange = rng.random((5, 80)) * 2, rng.random((5, 80)) * 9
    rules = AlertRules(np.arange(1.0, 6.0), np.arange(3, 8), np.linspace(1, 2, 5), FADE)
    together = np.empty((5, 80))
    alerts.advance(alerts.blank(5), rules, score, strange, together)
    for i in range(5):
        alone = np.empty((1, 80))
        own = AlertRules(*(part[i : i + 1] for part in rules[:3]), FADE)
        alerts.advance(alerts.blank(1), own, score[i : i + 1], strange[i : i + 1], alone)
        np.testing.assert_array_equal(alone[0], together[i])
