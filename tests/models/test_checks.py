"""The contract bites: every mutant breaks one promise, and the check names it."""

import warnings
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import pytest

from models.checks import check_detector, example_frame
from models.detectors.component_residual import ComponentResidual
from models.detectors.moving_average import MovingAverage
from models.detectors.seasonal_baseline import SeasonalBaseline
from models.errors import ContractError
from models.frames import SeriesKey
from models.online.residuals import SLOW


@dataclass(kw_only=True, eq=False)
class _Nameless(SeasonalBaseline):
    """Has no name."""

    name: ClassVar[str] = ""


@dataclass(kw_only=True, eq=False)
class _ForFleets(SeasonalBaseline):
    """Has a scope that nobody knows."""

    scope: ClassVar[Any] = "fleet"


@dataclass(kw_only=True, eq=False)
class _WithoutTail(SeasonalBaseline):
    """Has a tail without a scale."""

    sigma: ClassVar[float] = 0.0


@dataclass(kw_only=True, eq=False)
class _TakesObjects(SeasonalBaseline):
    """Has a parameter that JSON does not know."""

    knob: Any = field(default_factory=lambda: np.zeros(2))


@dataclass(kw_only=True, eq=False)
class _NeedsNoFit(SeasonalBaseline):
    """Scores without having been fitted."""

    def score(self, seen, memory):
        return np.abs(seen.deviation)


@dataclass(kw_only=True, eq=False)
class _SavesNothing(SeasonalBaseline):
    """Saves a state that is not there."""

    def to_arrays(self):
        return dict(getattr(self, "state_", {}))

    def score(self, seen, memory):
        super().to_arrays() if not hasattr(self, "state_") else None
        return super().score(seen, memory)


@dataclass(kw_only=True, eq=False)
class _RowsFirst(SeasonalBaseline):
    """Turns the scores."""

    def score(self, seen, memory):
        return super().score(seen, memory).T


@dataclass(kw_only=True, eq=False)
class _Single(SeasonalBaseline):
    """Gives half of the bits."""

    def score(self, seen, memory):
        return super().score(seen, memory).astype(np.float32)


@dataclass(kw_only=True, eq=False)
class _Signed(SeasonalBaseline):
    """Gives negative scores."""

    def score(self, seen, memory):
        self.to_arrays()
        return seen.deviation


@dataclass(kw_only=True, eq=False)
class _Infinite(SeasonalBaseline):
    """Knows no bound."""

    def score(self, seen, memory):
        score = super().score(seen, memory)
        return np.where(score > 5, np.inf, score)


@dataclass(kw_only=True, eq=False)
class _Hesitates(SeasonalBaseline):
    """Does not judge half of the rows."""

    def score(self, seen, memory):
        score = super().score(seen, memory)
        return np.where(score > 0.3, score, np.nan)


@dataclass(kw_only=True, eq=False)
class _MemoryOfOneNumber(SeasonalBaseline):
    """Has a memory that belongs to no series."""

    def start(self, keys):
        return {"rows": np.zeros(1)}


@dataclass(kw_only=True, eq=False)
class _StateOfOneNumber(SeasonalBaseline):
    """Has a state that belongs to no series."""

    def fit(self, history):
        super().fit(history)
        self.state_["mean"] = np.zeros(())
        return self


@dataclass(kw_only=True, eq=False)
class _WritesOnItsInput(SeasonalBaseline):
    """Fills in what it was given."""

    def score(self, seen, memory):
        score = super().score(seen, memory)
        np.nan_to_num(seen.features, copy=False)
        return score


@dataclass(kw_only=True, eq=False)
class _Counts(SeasonalBaseline):
    """Remembers how many rows each series had, and lets the score fade with it. In itself as it should be."""

    def start(self, keys):
        return {"rows": np.zeros(len(keys))}

    def score(self, seen, memory):
        score, present = super().score(seen, memory), ~np.isnan(seen.values)
        rows = memory["rows"][:, None] + np.cumsum(present, axis=1)
        if present.shape[1]:
            memory["rows"][:] = rows[:, -1]
        return score / (1.0 + rows)


@dataclass(kw_only=True, eq=False)
class _RebindsItsMemory(_Counts):
    """Puts new arrays in the place of those it was given."""

    def score(self, seen, memory):
        before = {name: array.copy() for name, array in memory.items()}
        score = super().score(seen, before)
        memory.update(before)
        return score


@dataclass(kw_only=True, eq=False)
class _LearnsInItsState(SeasonalBaseline):
    """Writes on the fitted state while it judges."""

    def fit(self, history):
        super().fit(history)
        self.state_["rows"] = np.zeros(len(history.keys))
        return self

    def score(self, seen, memory):
        score = super().score(seen, memory)
        self.state_["rows"] += seen.values.shape[1]
        return score


@dataclass(kw_only=True, eq=False)
class _RemembersByItself(SeasonalBaseline):
    """Keeps a count outside the memory."""

    rows: int = field(default=0, init=False)

    def score(self, seen, memory):
        self.rows += seen.values.shape[1]
        return super().score(seen, memory) / (1 + self.rows)


@dataclass(kw_only=True, eq=False)
class _CountsGaps(_Counts):
    """Counts missing rows as well."""

    def score(self, seen, memory):
        score = SeasonalBaseline.score(self, seen, memory)
        rows = memory["rows"][:, None] + np.arange(1.0, score.shape[1] + 1)
        memory["rows"] += score.shape[1]
        return score / (1.0 + rows)


@dataclass(kw_only=True, eq=False)
class _RoundsItsMemory(_Counts):
    """Has an honest memory that no disk can hold."""

    def start(self, keys):
        return {"rows": np.array([np.longdouble(0)] * len(keys), dtype=object)}

    def score(self, seen, memory):
        rows = {"rows": memory["rows"].astype(np.float64)}
        score = super().score(seen, rows)
        memory["rows"][:] = rows["rows"]
        return score


@dataclass(kw_only=True, eq=False)
class _StartsEachBatchAnew(_Counts):
    """Forgets between batches."""

    def score(self, seen, memory):
        memory["rows"][:] = 0
        return super().score(seen, memory)


@dataclass(kw_only=True, eq=False)
class _LooksAhead(SeasonalBaseline):
    """Uses the row behind."""

    def score(self, seen, memory):
        score = super().score(seen, memory)
        return np.fmax(score, np.concatenate([score[:, 1:], score[:, -1:]], axis=1)) + 0.0 * score


@dataclass(kw_only=True, eq=False)
class _RanksTheBatch(SeasonalBaseline):
    """Divides by the sum of the whole batch."""

    def score(self, seen, memory):
        score = super().score(seen, memory)
        return score / (1 + np.nansum(score, axis=1, keepdims=True))


@dataclass(kw_only=True, eq=False)
class _NormalisesTheBatch(SeasonalBaseline):
    """Divides by the largest score so far in the batch: causal, but the batch's start matters."""

    def score(self, seen, memory):
        score = super().score(seen, memory)
        return score / (1 + np.fmax.accumulate(score, axis=1))


@dataclass(kw_only=True, eq=False)
class _LosesState(SeasonalBaseline):
    """Restores with rounding."""

    def fit(self, history):
        super().fit(history)
        self.state_["unit"] = np.full(len(history.keys), 1 / 3)
        return self

    def score(self, seen, memory):
        return super().score(seen, memory) * self.state_["unit"][:, None]

    def from_arrays(self, arrays):
        return super().from_arrays({**arrays, "unit": np.round(arrays["unit"], 3)})


@dataclass(kw_only=True, eq=False)
class _KeepsObjects(SeasonalBaseline):
    """Has a state that only a pickle could hold."""

    def fit(self, history):
        super().fit(history)
        self.state_["thing"] = np.array([{"a": 1}] * len(history.keys), dtype=object)
        return self


@dataclass(kw_only=True, eq=False)
class _FillsGaps(SeasonalBaseline):
    """Calls missing normal."""

    def score(self, seen, memory):
        return np.nan_to_num(super().score(seen, memory))


@dataclass(kw_only=True, eq=False)
class _FillsGapsOfComponents(ComponentResidual):
    """Calls a component without any value normal."""

    def score(self, seen, memory):
        return np.nan_to_num(super().score(seen, memory))


@dataclass(kw_only=True, eq=False)
class _TrustsNumbers(MovingAverage):
    """Squares the values, which the largest do not survive."""

    def score(self, seen, memory):
        with np.errstate(over="ignore"):
            return super().score(seen, memory) + np.maximum(np.nan_to_num(seen.values), 0.0) ** 2


@dataclass(kw_only=True, eq=False)
class _Chatters(SeasonalBaseline):
    """Warns."""

    def score(self, seen, memory):
        warnings.warn("overflow", RuntimeWarning, stacklevel=2)
        return super().score(seen, memory)


@dataclass(kw_only=True, eq=False)
class _Guesses(SeasonalBaseline):
    """Draws from a shared generator."""

    rng: ClassVar = np.random.default_rng(0)

    def fit(self, history):
        super().fit(history)
        self.state_["factor"] = np.full(len(history.keys), self.rng.random())
        return self

    def score(self, seen, memory):
        return super().score(seen, memory) * self.to_arrays()["factor"][:, None]


@dataclass(kw_only=True, eq=False)
class _DependsOnOrder(SeasonalBaseline):
    """Scales by the place of the column."""

    def score(self, seen, memory):
        return super().score(seen, memory) * (1.0 + np.arange(len(seen.keys)))[:, None]


@dataclass(kw_only=True, eq=False)
class _SumsInOrder(SeasonalBaseline):
    """Depends on the order by rounding alone."""

    def score(self, seen, memory):
        total = np.zeros(seen.values.shape[1], dtype=np.float64)
        for series in np.nan_to_num(seen.features[:, :, SLOW]).astype(np.float64):
            total = total + np.abs(series) / 3
        return super().score(seen, memory) + total


MUTANTS = [
    (_Nameless, "has a name"),
    (_ForFleets, "scope is series or component"),
    (_WithoutTail, "sigma are positive"),
    (_TakesObjects, "JSON-ready"),
    (_NeedsNoFit, r"score\(\) before fit\(\) raises NotFittedError"),
    (_SavesNothing, r"to_arrays\(\) before fit\(\) raises NotFittedError"),
    (_RowsFirst, "shape"),
    (_Single, "float64"),
    (_Signed, "not negative"),
    (_Infinite, "never infinite"),
    (_Hesitates, "rows without gaps get scores"),
    (_MemoryOfOneNumber, "memory have the columns or the series first"),
    (_StateOfOneNumber, "state have the columns or the series first"),
    (_WritesOnItsInput, "handed in are not changed"),
    (_RebindsItsMemory, "changed in place"),
    (_LearnsInItsState, "not in the fitted state"),
    (_RemembersByItself, "from the start it scores the same again"),
    (_Guesses, "two fits"),
    (_LooksAhead, "later rows"),
    (_RanksTheBatch, "later rows"),
    (_NormalisesTheBatch, "batches of 1 rows.*bit for bit"),
    (_StartsEachBatchAnew, "batches of 1 rows.*bit for bit"),
    (_RoundsItsMemory, "the memory is plain arrays"),
    (_LosesState, "restored detector"),
    (_KeepsObjects, "the state is plain arrays"),
    (_FillsGaps, "missing value is NaN"),
    (_FillsGapsOfComponents, "without any value is NaN"),
    (_CountsGaps, "changes no later score"),
    (_TrustsNumbers, "never infinite"),
    (_DependsOnOrder, "order of the series"),
    (_SumsInOrder, "order of the series"),
    (_Chatters, "warns"),
]


@pytest.mark.parametrize(("mutant", "promise"), MUTANTS)
def test_a_mutant_is_caught(mutant, promise: str) -> None:
    """The promise that the mutant breaks is the one that is named, with the mutant and where the contract is."""
    with pytest.raises(ContractError, match=promise) as caught:
        check_detector(mutant)
    assert (mutant.name or mutant.__name__) in str(caught.value)
    assert caught.value.remedy


@pytest.mark.parametrize(
    "honest", [SeasonalBaseline, ComponentResidual, lambda: ComponentResidual(explained=0.9), _Counts]
)
def test_an_honest_detector_passes(honest) -> None:
    """The classes that the mutants are made from keep the contract, one with a memory of its own among them."""
    check_detector(honest)


def test_the_example_holds_what_it_says() -> None:
    """Gaps, an all-missing series, constants, integers, negatives and extremes are in it, always the same."""
    frame = example_frame()
    missing = np.isnan(frame.values).mean(axis=0)
    assert missing.max() == 1
    assert ((missing > 0.1) & (missing < 0.5)).any()
    assert np.nanmax(frame.values) > 1e300
    assert np.nanmax(np.abs(frame.series(SeriesKey("store", "tiny")))) < 1e-298
    assert np.ptp(frame.series(SeriesKey("store", "constant"))) == 0
    assert (frame.series(SeriesKey("shop", "count")) % 1 == 0).all()
    assert frame.series(SeriesKey("shop", "negative")).max() < 0
    np.testing.assert_array_equal(frame.values, example_frame().values)
    assert not np.array_equal(frame.values, example_frame(seed=12).values, equal_nan=True)
