"""What every detector must be: fitted on history, causal, with a small memory that is carried from row to row.

The contract is checked by ``models.checks.check_detector``; the names are in ``models.registry``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal, Protocol, Self

from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.errors import NotFittedError
from models.features import Array
from models.frames import SeriesKey
from models.residuals import Residuals

Arrays = Mapping[str, NDArray[Any]]
Scope = Literal["series", "component"]


class Detector(Protocol):
    """One way of being abnormal.

    The raw score of a row depends on the fitted state, on that row and on what the memory holds of earlier rows; never
    on a later row, and not on how rows are cut into batches. So a live loop that carries the memory gets the scores of
    the batch to the bit. A column is a series, or for a detector of scope ``component`` a component, in the order of
    ``components``.

    All arrays of state and memory have the columns, or the series, as their first axis.
    """

    name: ClassVar[str]
    type: ClassVar[AnomalyType]
    scope: ClassVar[Scope]
    common_boundary: ClassVar[float]
    """Raw score that is strange for any series, since features are in units of the series' own spread."""
    sigma: ClassVar[float]
    """Usual scale of the exponential tail of the raw score."""

    def parameters(self) -> dict[str, Any]:
        """What was given to ``__init__``, JSON-ready."""

    def fit(self, history: Residuals) -> Self:
        """Learn from history that is set against what was expected of it."""

    def start(self, keys: Sequence[SeriesKey]) -> dict[str, NDArray[Any]]:
        """The memory before the first row."""

    def score(self, seen: Residuals, memory: Arrays) -> Array:
        """Judge rows behind those that the memory has seen: shape (n_columns, n_rows), not negative, NaN = cannot tell.

        The arrays of the memory are changed in place.
        """

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The fitted state."""

    def from_arrays(self, arrays: Arrays) -> Self:
        """Take a fitted state, to the same bits."""


def components(keys: Sequence[SeriesKey]) -> dict[str, list[int]]:
    """The series of each component, components and metrics in the order of their names.

    Parameters
    ----------
    keys
        Of the series.

    Returns
    -------
    dict of str to list of int
        Places in ``keys``, so that the order of the series cannot change a result.
    """
    found: dict[str, list[int]] = {}
    for place in sorted(range(len(keys)), key=lambda place: keys[place]):
        found.setdefault(keys[place].component, []).append(place)
    return found


@dataclass(kw_only=True, eq=False)
class FittedArrays:
    """Parameters and state of a detector that is a dataclass and keeps its state in ``state_``: arrays by name."""

    name: ClassVar[str]
    state_: dict[str, NDArray[Any]] = field(init=False, repr=False)

    def parameters(self) -> dict[str, Any]:
        """What was given to ``__init__``.

        Returns
        -------
        dict of str to Any
            JSON-ready.
        """
        return {each.name: getattr(self, each.name) for each in fields(self) if each.init}

    def start(self, keys: Sequence[SeriesKey]) -> dict[str, NDArray[Any]]:  # noqa: ARG002  # some have no memory
        """The memory before the first row.

        Parameters
        ----------
        keys
            Of the series.

        Returns
        -------
        dict of str to ndarray
            Nothing.
        """
        return {}

    def to_arrays(self) -> dict[str, NDArray[Any]]:
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
