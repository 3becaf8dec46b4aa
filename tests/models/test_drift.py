"""Drift is told: a level shift once as an alarm and then as drift, slow and noisy changes; nothing while calm."""

from dataclasses import replace

import numpy as np
import pytest

from models.bundle import Bundle
from models.drift import LEAST_RATIO, LEAST_SHIFT, Drift, drift
from models.errors import BundleError
from models.evidence import find_anomalies
from models.frames import MetricFrame, SeriesKey
from models.memory import Memory
from models.online.alerts import RECENT
from models.scoring import Scorer
from tests.models.histories import CREATED, frame_of, trained

DAY = 144
STEP_S = 600.0
DAYS = 20
KEY = SeriesKey("web", "load")


def noise(seed: int = 5, days: int = DAYS) -> np.ndarray:
    """A wave of the day with noise: spread 1 around 50."""
    n = days * DAY
    return 50 + 5 * np.sin(2 * np.pi * np.arange(n) / DAY) + np.random.default_rng(seed).normal(size=n)


def made(values: np.ndarray) -> MetricFrame:
    """One series at ten minutes."""
    return frame_of({("web", "load"): values}, step_s=STEP_S)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """Trained on the first seven days."""
    return learnt(made(noise()), 7)


def learnt(frame: MetricFrame, days: int) -> Bundle:
    """A bundle of the first days of a frame at ten minutes."""
    return trained(frame.rows(0, days * DAY), days=days).bundle


def later(bundle: Bundle, values: np.ndarray, days: float) -> tuple[Drift, Memory]:
    """What is told some days behind the seventh."""
    scorer = Scorer(bundle)
    scorer.advance(made(values).rows(7 * DAY, round((7 + days) * DAY)))
    (found,) = drift(bundle, scorer.memory)
    return found, scorer.memory


def shifted(values: np.ndarray, size: float, day: float = 8.0, days: float = 99.0) -> np.ndarray:
    """Something added from a day on."""
    changed = values.copy()
    changed[round(day * DAY) : round((day + days) * DAY)] += size
    return changed


def test_a_level_shift_alarms_once_then_is_usual_and_told_as_drift(bundle: Bundle) -> None:
    """One anomaly at the shift; a week later the new level is expected and nothing alarms, but the drift is known."""
    frame = made(shifted(noise(), 12.0))
    scorer = Scorer(bundle)
    scores = scorer.advance(frame.rows(7 * DAY, frame.n_rows))
    (told,) = find_anomalies(bundle, scores)
    assert told.start == frame.times[8 * DAY].astype(object).replace(tzinfo=told.start.tzinfo)
    assert scores.expected[-DAY:, 0].mean() == pytest.approx(62, abs=0.5)
    (found,) = drift(bundle, scorer.memory)
    assert (found.key, found.is_shifted, found.is_respread, found.is_drifted) == (KEY, True, False, True)
    assert found.level_now - found.level_then == pytest.approx(12, abs=0.6)
    assert 5 < found.shift < 12
    assert found.hours == 13 * 24 - 1  # the last one is not over
    assert "web/load: the level rose from" in found.statement


@pytest.mark.parametrize("size", [-12.0, 12.0])
def test_an_incident_of_half_a_day_is_no_drift_but_one_that_stays_is(bundle: Bundle, size: float) -> None:
    """Neither at its end nor after it; in both directions."""
    brief, lasting = shifted(noise(), size, days=0.5), shifted(noise(), size)
    assert not any(later(bundle, brief, days)[0].is_drifted for days in (1.25, 1.5, 1.75, 2, 3))
    assert not later(bundle, lasting, 1.5)[0].is_drifted
    found, _ = later(bundle, lasting, 2.1)
    assert found.is_shifted
    assert np.sign(found.shift) == np.sign(size)
    assert ("rose" if size > 0 else "fell") in found.statement


def test_a_slow_drift_is_told_although_the_level_follows(bundle: Bundle) -> None:
    """Less than a spread a day alarms nobody; from three spreads on it has drifted."""
    ramp = noise()
    ramp[7 * DAY :] += 0.8 * np.arange(len(ramp) - 7 * DAY) / DAY
    assert not later(bundle, ramp, 4)[0].is_drifted
    found, memory = later(bundle, ramp, 12)
    assert found.is_shifted
    assert LEAST_SHIFT < found.shift < 7
    assert memory.alerts.figures[0].max() < 10


@pytest.mark.parametrize(("factor", "word"), [(4.0, "rose"), (0.25, "fell")])
def test_a_change_of_the_spread_is_told(bundle: Bundle, factor: float, word: str) -> None:
    """Four times as noisy, or four times as quiet: after eight days beyond a factor of two; the level stays."""
    values, calm = noise(), 50 + 5 * np.sin(2 * np.pi * np.arange(DAYS * DAY) / DAY)
    values[7 * DAY :] += (factor - 1) * (values - calm)[7 * DAY :]
    assert not later(bundle, values, 2)[0].is_drifted
    found, _ = later(bundle, values, 12)
    assert (found.is_respread, found.is_shifted) == (True, False)
    assert (found.spread_ratio > LEAST_RATIO) == (factor > 1)
    assert found.spread_ratio == pytest.approx(found.spread_now / found.spread_then)
    assert f"the spread {word} from" in found.statement


def test_stationary_noise_does_not_drift() -> None:
    """Of 200 seeds in five forms of noise, judged for seven days and asked each day, none is called drifted."""
    n, columns = 14 * DAY, {}
    for seed in range(200):
        rng = np.random.default_rng(seed)
        form = seed % 5
        if form == 0:
            values = rng.normal(size=n)
        elif form == 1:
            values = np.exp(rng.normal(size=n))
        elif form == 2:
            values = rng.poisson(0.2, size=n).astype(float)
        elif form == 3:
            values = np.convolve(rng.normal(size=n + 11), np.ones(12) / 12, mode="valid")  # correlated for two hours
        else:
            values = noise(seed, 14)
        columns[f"c{seed:03d}", "m"] = values
    frame = frame_of(columns, step_s=STEP_S)
    bundle = trained(frame.rows(0, 7 * DAY), days=7, detectors=("spike",)).bundle
    scorer, drifted = Scorer(bundle), 0
    for day in range(7, 14):
        scorer.advance(frame.rows(day * DAY, (day + 1) * DAY))
        drifted += sum(found.is_drifted for found in drift(bundle, scorer.memory))
    assert drifted == 0


def test_weekends_that_the_level_follows_are_no_drift() -> None:
    """Two weeks of history with weekends at half the load: neither a Wednesday nor a Sunday of the third is drift."""
    day = np.arange(21 * DAY) // DAY
    values = np.where(day % 7 >= 5, 50.0, 100.0) + np.random.default_rng(1).normal(size=len(day))
    frame = made(values)
    bundle = learnt(frame, 14)
    for until in (17, 21):
        scorer = Scorer(bundle)
        scorer.advance(frame.rows(14 * DAY, until * DAY))
        (found,) = drift(bundle, scorer.memory)
        assert not found.is_drifted, found.statement
        assert found.shift_limit > 20


def test_nothing_is_known_before_an_hour_was_judged(bundle: Bundle) -> None:
    """At the end of the history, and where all values are missing, it says so; nothing has drifted."""
    (found,) = drift(bundle, bundle.memory)
    assert (found.hours, found.shift, found.spread_ratio, found.alerts_per_day) == (0, 0.0, 1.0, 0.0)
    missing, _ = later(bundle, shifted(noise(), np.nan, day=7), 3)
    assert not missing.is_drifted
    assert "no whole hour" in missing.statement
    assert "no whole hour" in found.statement


def test_many_alerts_are_put_beside_the_budget(bundle: Bundle) -> None:
    """The budget of the series is that of the training; several alerts a day are worth a word but are no drift."""
    _, memory = later(bundle, noise(), 2)
    memory.alerts.figures[:, RECENT] = 5.0
    (found,) = drift(bundle, memory)
    assert found.budget_per_day == pytest.approx(0.1)
    assert "alerts 5 times a day, the budget is 0.1" in found.statement
    assert not found.is_drifted


def test_no_judge_of_single_series_has_no_budget() -> None:
    """It is NaN then, not a guess."""
    frame = frame_of({("web", "load"): noise(days=4), ("web", "cpu"): noise(1, 4)}, step_s=STEP_S)
    bundle = trained(frame, days=4, detectors=("component_residual",)).bundle
    assert all(np.isnan(found.budget_per_day) for found in drift(bundle, bundle.memory))


@pytest.mark.parametrize(
    "values", [np.full(DAYS * DAY, 3.0), np.full(DAYS * DAY, 1e300), 1e-300 * noise(), -1e306 * noise()]
)
def test_hostile_values_give_finite_figures(values: np.ndarray) -> None:
    """A constant, tiny and huge series are as in the history."""
    bundle = learnt(made(values), 7)
    found, _ = later(bundle, values, 3)
    assert not found.is_drifted
    assert np.isfinite([found.shift, found.spread_ratio, found.level_now, found.shift_limit]).all()


def test_a_constant_that_becomes_another_constant_has_drifted() -> None:
    """No spread was seen, yet a step of one per cent that stays is a shift."""
    values = np.full(DAYS * DAY, 3.0)
    bundle = learnt(made(values), 7)
    found, _ = later(bundle, shifted(values, 0.03), 4)
    assert found.is_shifted
    assert found.level_now == pytest.approx(3.03)


def test_the_memory_stays_and_must_be_of_the_bundle(bundle: Bundle) -> None:
    """Asking changes nothing; the memory of other series is refused."""
    _, memory = later(bundle, noise(), 1)
    before = {name: array.tobytes() for name, array in memory.to_arrays().items()}
    assert drift(bundle, memory) == drift(bundle, memory)
    assert {name: array.tobytes() for name, array in memory.to_arrays().items()} == before
    other = learnt(frame_of({("a", "x"): noise(days=7), ("b", "x"): noise(2, 7)}, step_s=STEP_S), 7)
    with pytest.raises(BundleError, match="2 series"):
        drift(bundle, other.memory)
    assert drift(replace(bundle, created=CREATED), memory) == drift(bundle, memory)
