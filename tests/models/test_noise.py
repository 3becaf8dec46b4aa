"""Reasons for noise are found where they were put."""

import numpy as np
import pytest

from models.noise import explain_noise
from tests.models.histories import DAY, frame_of

ROWS = np.arange(10 * DAY)
NOISE = np.random.default_rng(8).normal(size=len(ROWS))


def reasons(values, *, learnt_by_day=True):
    """For a single series, six days of it learnt."""
    return " | ".join(explain_noise(frame_of({("web", "m"): values}), 6 * DAY, 0, learnt_by_day=learnt_by_day))


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (50 + NOISE.cumsum(), "its level wanders"),
        (50 + NOISE + 100 * (np.random.default_rng(1).random(len(ROWS)) < 0.01), "it jumps by nature"),
        (np.random.default_rng(2).integers(0, 4, len(ROWS)).astype(float), "it takes 4 values only"),
        (np.where(ROWS % 10 == 0, np.nan, NOISE), "10% of its values are missing"),
        (NOISE + 30 * (ROWS > 7 * DAY), "its median went from"),
        (NOISE, "perhaps incidents"),
    ],
)
def test_a_reason_is_named(values, says) -> None:
    """With its figure, behind the strengths."""
    assert says in reasons(values)
    assert reasons(values).startswith("strength of trend ")


def test_a_season_that_is_not_learnt_is_named() -> None:
    """Only then."""
    values = 5 * np.sin(2 * np.pi * ROWS / DAY) + NOISE
    assert "but the day is not learnt" in reasons(values, learnt_by_day=False)
    assert "not learnt" not in reasons(values)


def test_weekends_are_named() -> None:
    """Where the week is stronger than the day."""
    row = np.arange(28 * DAY)
    values = 10.0 * (row // DAY % 7 < 5) + np.random.default_rng(0).normal(size=len(row))
    assert "its week repeats" in reasons(values)


def test_what_cannot_be_decomposed_says_so() -> None:
    """Too short or all missing, without an exception."""
    assert "too short to decompose" in reasons(NOISE[: DAY // 2])
    assert "are missing" in reasons(np.full(len(ROWS), np.nan))
