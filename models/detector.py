"""What every detector must be: fitted on history, causal, with a finite memory and a state of plain arrays.

The contract is checked by ``models.checks.check_detector``; the names are in ``models.registry``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.baseline import Baselined
from models.errors import NotFittedError
from models.features import Array

Arrays = Mapping[str, NDArray[np.generic]]
Scope = Literal["series", "component"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scores:
    """What a detector says of each value; every array has shape (n_rows, n_series).

    The band for an alarm boundary ``b`` is ``expected +- b * scale``: for a detector of scope ``series`` a value
    leaves the band exactly where its score exceeds ``b``.

    Parameters
    ----------
    score
        Higher = stranger, not negative; NaN = cannot tell. A detector of scope ``component`` gives each series of
        a component the score of the component.
    expected
        In the metric's unit; NaN where there is no expectation.
    scale
        The unit of one deviation, in the metric's unit; NaN where there is no expectation.
    deviation
        (value - expected) / scale, signed, in robust standard deviations.
    """

    score: Array
    expected: Array
    scale: Array
    deviation: Array


class Detector(Protocol):
    """One way of being abnormal.

    The score of a row depends on the fitted state, on that row and on at most ``context_rows`` earlier rows, never on
    a later row or on what else is in the batch. So a live loop that passes a trailing window gets exactly the scores
    of the batch. In the first ``context_rows`` rows of a batch a score may be NaN.
    """

    name: ClassVar[str]
    type: ClassVar[AnomalyType]
    scope: ClassVar[Scope]
    least_boundary: ClassVar[float]
    """No calibration puts the alarm boundary below this raw score."""

    @property
    def context_rows(self) -> int:
        """Earlier rows that the score of a row may depend on."""

    def parameters(self) -> dict[str, Any]:
        """What was given to ``__init__``, JSON-ready."""

    def fit(self, seen: Baselined) -> Self:
        """Learn from history that is set against a baseline."""

    def score(self, seen: Baselined) -> Scores:
        """Judge rows of the same series in the same order."""

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The fitted state."""

    def from_arrays(self, arrays: Arrays) -> Self:
        """Take a fitted state, to the same bits."""


@dataclass(kw_only=True, eq=False)
class FittedArrays:
    """Parameters and state of a detector that is a dataclass and keeps its state in ``state_``: arrays by name."""

    name: ClassVar[str]
    state_: dict[str, NDArray[np.generic]] = field(init=False, repr=False)

    def parameters(self) -> dict[str, Any]:
        """What was given to ``__init__``.

        Returns
        -------
        dict of str to Any
            JSON-ready.
        """
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The fitted state.

        Returns
        -------
        dict of str to ndarray
            For ``from_arrays``.

        Raises
        ------
        NotFittedError
            If ``fit`` was not called.
        """
        if not hasattr(self, "state_"):
            raise NotFittedError(f"The detector {self.name} is not fitted.", remedy="call fit() first")
        return dict(self.state_)

    def from_arrays(self, arrays: Arrays) -> Self:
        """Take a fitted state.

        Parameters
        ----------
        arrays
            From ``to_arrays``.

        Returns
        -------
        FittedArrays
            Itself, fitted.
        """
        self.state_ = dict(arrays)
        return self
