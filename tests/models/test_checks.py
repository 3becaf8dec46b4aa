"""The contract bites: every mutant breaks one promise, and the check names it."""

import warnings
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from models.checks import check_detector, example_frame
from models.detector import Scores
from models.detectors.moving_average import MovingAverage
from models.detectors.seasonal_baseline import SeasonalBaseline
from models.errors import ContractError


def _with_score(scores: Scores, score: np.ndarray) -> Scores:
    return replace(scores, score=score)


@dataclass(kw_only=True, eq=False)
class _LooksAhead(SeasonalBaseline):
    """Uses the row behind."""

    def score(self, seen):
        scores = super().score(seen)
        ahead = np.concatenate([scores.score[1:], scores.score[-1:]])
        return _with_score(scores, np.fmax(scores.score, ahead))


@dataclass(kw_only=True, eq=False)
class _NormalisesTheBatch(SeasonalBaseline):
    """Divides by the largest score so far in the batch: causal, but the batch's start matters."""

    def score(self, seen):
        scores = super().score(seen)
        return _with_score(scores, scores.score / (1 + np.fmax.accumulate(scores.score, axis=0)))


@dataclass(kw_only=True, eq=False)
class _RanksTheBatch(SeasonalBaseline):
    """Divides by the mean of the whole batch."""

    def score(self, seen):
        scores = super().score(seen)
        filled = np.where(np.isnan(scores.score), 0.0, scores.score)
        return _with_score(scores, scores.score / (1 + filled.sum(axis=0)))


@dataclass(kw_only=True, eq=False)
class _UnderstatesItsContext(MovingAverage):
    """Remembers more rows than it says."""

    @property
    def context_rows(self) -> int:
        return 5


@dataclass(kw_only=True, eq=False)
class _SumsCumulatively(MovingAverage):
    """Right up to rounding, which depends on where the batch starts."""

    def score(self, seen):
        scores = super().score(seen)
        drift = np.cumsum(np.where(np.isnan(seen.z), 0.0, seen.z), axis=0)
        drift = drift - np.cumsum(np.where(np.isnan(seen.z), 0.0, seen.z) * (1 + 1e-15), axis=0)
        return _with_score(scores, np.abs(scores.score + drift))


@dataclass(kw_only=True, eq=False)
class _LosesState(MovingAverage):
    """Restores with rounding."""

    def from_arrays(self, arrays):
        return super().from_arrays({name: np.round(array, 3) for name, array in arrays.items()})


@dataclass(kw_only=True, eq=False)
class _KeepsObjects(SeasonalBaseline):
    """Has a state that only a pickle could hold."""

    def to_arrays(self):
        return {**super().to_arrays(), "thing": np.array([{"a": 1}], dtype=object)}


@dataclass(kw_only=True, eq=False)
class _DependsOnOrder(SeasonalBaseline):
    """Scales by the place of the column."""

    def score(self, seen):
        scores = super().score(seen)
        return _with_score(scores, scores.score * (1 + np.arange(seen.z.shape[1])))


@dataclass(kw_only=True, eq=False)
class _FillsGaps(SeasonalBaseline):
    """Calls missing normal."""

    def score(self, seen):
        scores = super().score(seen)
        return _with_score(scores, np.nan_to_num(scores.score))


@dataclass(kw_only=True, eq=False)
class _Signed(SeasonalBaseline):
    """Gives negative scores."""

    def score(self, seen):
        scores = super().score(seen)
        return _with_score(scores, scores.deviation)


@dataclass(kw_only=True, eq=False)
class _Chatters(SeasonalBaseline):
    """Warns."""

    def score(self, seen):
        warnings.warn("overflow", RuntimeWarning, stacklevel=2)
        return super().score(seen)


@dataclass(kw_only=True, eq=False)
class _Guesses(SeasonalBaseline):
    """Draws from a shared generator."""

    rng: ClassVar = np.random.default_rng(0)

    def fit(self, seen):
        super().fit(seen)
        self.state_ = {"factor": np.asarray(self.rng.random())}
        return self

    def score(self, seen):
        scores = super().score(seen)
        return _with_score(scores, scores.score * self.to_arrays()["factor"])


@dataclass(kw_only=True, eq=False)
class _NeedsNoFit(SeasonalBaseline):
    """Scores without having been fitted."""

    def score(self, seen):
        return Scores(score=np.abs(seen.z), expected=seen.expected, scale=seen.scale, deviation=seen.z)


@pytest.mark.parametrize(
    ("mutant", "promise"),
    [
        (_LooksAhead, "later rows"),
        (_RanksTheBatch, "later rows"),
        (_NormalisesTheBatch, "further back than context_rows|bit for bit"),
        (_UnderstatesItsContext, "further back than context_rows|bit for bit"),
        (_SumsCumulatively, "further back than context_rows|bit for bit"),
        (_LosesState, "restored"),
        (_KeepsObjects, "plain arrays"),
        (_DependsOnOrder, "order of the series"),
        (_FillsGaps, "cannot tell"),
        (_Signed, "not negative"),
        (_Chatters, "warns"),
        (_Guesses, "two fits"),
        (_NeedsNoFit, "NotFittedError"),
    ],
)
def test_a_mutant_is_caught(mutant, promise: str) -> None:
    """The promise that the mutant breaks is the one that is named."""
    with pytest.raises(ContractError, match=promise):
        check_detector(mutant)


def test_an_honest_detector_passes() -> None:
    """The classes that the mutants are made from keep the contract."""
    check_detector(SeasonalBaseline)
    check_detector(lambda: MovingAverage(window_rows=7))


def test_the_example_holds_what_it_says() -> None:
    """Gaps, an all-missing series, a constant and extremes are in it."""
    frame = example_frame()
    missing = np.isnan(frame.values).mean(axis=0)
    assert missing.max() == 1
    assert ((missing > 0.1) & (missing < 0.5)).any()
    assert np.nanmax(frame.values) > 1e300
