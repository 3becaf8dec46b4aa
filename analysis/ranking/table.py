"""Named columns over the candidates of one situation."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FeatureTable:
    """Features of every candidate.

    Parameters
    ----------
    candidates
        One a row, sorted.
    names
        One a column.
    values
        Shape (n_candidates, n_names); finite.
    """

    candidates: tuple[str, ...]
    names: tuple[str, ...]
    values: Matrix

    def aligned(self, names: Sequence[str]) -> Matrix:
        """The values in the columns that a ranker has learnt.

        Parameters
        ----------
        names
            Columns; one that this table lacks is neutral, one that is not asked for is left out.

        Returns
        -------
        ndarray, shape (n_candidates, n_wanted)
            Zero in the columns that this table lacks.
        """
        place = {name: i for i, name in enumerate(self.names)}
        found = [(at, place[name]) for at, name in enumerate(names) if name in place]
        result = np.zeros((len(self.candidates), len(names)))
        if found:
            result[:, [at for at, _ in found]] = self.values[:, [i for _, i in found]]
        return result

    def without(self, names: Container[str]) -> "FeatureTable":
        """All but some columns.

        Parameters
        ----------
        names
            Columns to leave out; those that are not there do not matter.

        Returns
        -------
        FeatureTable
            In the same order.
        """
        kept = tuple(name for name in self.names if name not in names)
        return FeatureTable(candidates=self.candidates, names=kept, values=self.aligned(kept))

    def joined(self, other: "FeatureTable") -> "FeatureTable":
        """Both side by side.

        Parameters
        ----------
        other
            Of the same candidates.

        Returns
        -------
        FeatureTable
            The columns of this one first.
        """
        return FeatureTable(
            candidates=self.candidates,
            names=(*self.names, *other.names),
            values=np.hstack([self.values, other.values]),
        )


def table_of(candidates: tuple[str, ...], columns: Mapping[str, NDArray[np.float64]]) -> FeatureTable:
    """Make a table of named columns.

    Parameters
    ----------
    candidates
        One a row.
    columns
        Each of shape (n_candidates,).

    Returns
    -------
    FeatureTable
        With the columns sorted by name.
    """
    names = tuple(sorted(columns))
    values = np.array([columns[name] for name in names], dtype=np.float64).reshape(len(names), len(candidates)).T
    return FeatureTable(candidates=candidates, names=names, values=np.ascontiguousarray(values))


def standing(prefix: str, values: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
    """A figure relative to the other candidates.

    Parameters
    ----------
    prefix
        Of the column names.
    values
        Shape (n_candidates,).

    Returns
    -------
    dict of str to ndarray
        Its share of the sum of absolute values, and the share of candidates that it exceeds.
    """
    total = max(float(np.abs(values).sum()), 1e-9)
    exceeds = np.searchsorted(np.sort(values), values) / max(len(values), 1)
    return {f"{prefix} share": values / total, f"{prefix} exceeds": exceeds}
