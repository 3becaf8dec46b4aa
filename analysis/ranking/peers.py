"""Who is comparable with whom: neighbours in the call graph, and peers with the same neighbours.

Instances of one service have the same callers and callees, so what one of them shows and its peer does not is telling.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.rootcause.observation import Observation

Matrix = NDArray[np.float64]
Places = NDArray[np.int64]

LEAST_LIKENESS = 0.5
"""Share of common neighbours from which two components are peers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """Averages over the surroundings of each candidate.

    Parameters
    ----------
    neighbours, peers
        Sparse, shape (n, n): row i averages over the neighbours, or the most similar peers, of candidate i; a row of
        zeros if there are none.
    n_neighbours, n_peers
        Shape (n,): how many there are.
    """

    neighbours: Any
    peers: Any
    n_neighbours: NDArray[np.float64]
    n_peers: NDArray[np.float64]

    def around(self, values: Matrix) -> Matrix:
        """Mean of each row over its neighbours.

        Parameters
        ----------
        values
            Shape (n, k).

        Returns
        -------
        ndarray, shape (n, k)
            Zero where a candidate has no neighbour.
        """
        return np.asarray(self.neighbours @ values)

    def against_peers(self, values: Matrix) -> Matrix:
        """Difference of each row to the mean of its peers.

        Parameters
        ----------
        values
            Shape (n, k).

        Returns
        -------
        ndarray, shape (n, k)
            Zero where a candidate has no peer.
        """
        return np.where(self.n_peers[:, None] > 0, values - np.asarray(self.peers @ values), 0.0)


def view_surroundings(observation: Observation) -> Surroundings:
    """Find the neighbours and the peers of every candidate.

    Parameters
    ----------
    observation
        Gives candidates and graph.

    Returns
    -------
    Surroundings
        In the order of the candidates; memory grows with the calls, not with the square of the candidates.
    """
    n = len(observation.candidates)
    place = {name: i for i, name in enumerate(observation.candidates)}
    pairs = {(place[e.caller], place[e.callee]) for e in observation.graph.edges if e.caller != e.callee}
    adjacent = sorted(pairs | {(b, a) for a, b in pairs})
    rows, columns = np.array(adjacent, dtype=np.int64).reshape(-1, 2).T
    neighbours, n_neighbours = _averaging(rows, columns, n)
    alike = _peers(rows, columns, n)
    peers, n_peers = _averaging(*alike, n)
    return Surroundings(neighbours=neighbours, peers=peers, n_neighbours=n_neighbours, n_peers=n_peers)


def _peers(rows: Places, columns: Places, n: int) -> tuple[Places, Places]:
    """Pairs of each candidate and those most like it: Jaccard likeness of the neighbours without the two themselves."""
    from scipy.sparse import csr_array

    adjacency = csr_array((np.ones(len(rows)), (rows, columns)), shape=(n, n))
    degree = np.bincount(rows, minlength=n).astype(float)
    common = (adjacency @ adjacency).tocoo()
    ours, theirs = common.row[common.row != common.col], common.col[common.row != common.col]
    shared = common.data[common.row != common.col]
    linked = adjacency[ours, theirs] if len(ours) else np.zeros(0)
    likeness = shared / (degree[ours] + degree[theirs] - 2 * linked - shared)
    best = np.zeros(n)
    np.maximum.at(best, ours, likeness)
    kept = (likeness >= best[ours] - 1e-9) & (likeness >= LEAST_LIKENESS)
    return ours[kept], theirs[kept]


def _averaging(rows: Places, columns: Places, n: int) -> tuple[Any, NDArray[np.float64]]:
    """A sparse matrix whose rows are means over the columns, and how many columns each row has."""
    from scipy.sparse import csr_array

    counts = np.bincount(rows, minlength=n).astype(float)
    return csr_array((1.0 / counts[rows], (rows, columns)), shape=(n, n)), counts
