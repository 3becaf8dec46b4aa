"""Who is comparable with whom: neighbours in the call graph, and peers with the same neighbours.

Instances of one service have the same callers and callees, so what one of them shows and its peer does not is telling.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.rootcause.observation import Observation

Matrix = NDArray[np.float64]

LEAST_LIKENESS = 0.5
"""Share of common neighbours from which two components are peers."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Surroundings:
    """Averages over the surroundings of each candidate.

    Parameters
    ----------
    neighbours, peers
        Shape (n, n): row i averages over the neighbours, or the most similar peers, of candidate i; a row of zeros if
        there are none.
    adjacency
        Shape (n, n): 1 where two candidates are neighbours.
    """

    neighbours: Matrix
    peers: Matrix
    adjacency: Matrix

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
        has_peer = self.peers.sum(axis=1, keepdims=True) > 0
        return np.where(has_peer, values - self.peers @ values, 0.0)


def view_surroundings(observation: Observation) -> Surroundings:
    """Find the neighbours and the peers of every candidate.

    Parameters
    ----------
    observation
        Gives candidates and graph.

    Returns
    -------
    Surroundings
        In the order of the candidates.
    """
    n = len(observation.candidates)
    place = {name: i for i, name in enumerate(observation.candidates)}
    adjacency = np.zeros((n, n))
    for edge in observation.graph.edges:
        if edge.caller != edge.callee and edge.caller in place and edge.callee in place:
            adjacency[place[edge.caller], place[edge.callee]] = adjacency[place[edge.callee], place[edge.caller]] = 1.0
    likeness = _likeness(adjacency)
    best = likeness.max(axis=1, keepdims=True, initial=0.0)
    peers = (likeness >= best - 1e-9) & (likeness >= LEAST_LIKENESS)
    return Surroundings(neighbours=_averaging(adjacency), peers=_averaging(peers), adjacency=adjacency)


def _likeness(adjacency: Matrix) -> Matrix:
    """Jaccard likeness of the neighbours of two components, the two themselves left out."""
    degree = adjacency.sum(axis=1)
    common = adjacency @ adjacency
    either = degree[:, None] + degree[None, :] - 2 * adjacency - common
    known = (degree[:, None] > 0) & (degree[None, :] > 0) & (either > 0)
    likeness = np.where(known, common / np.maximum(either, 1.0), 0.0)
    np.fill_diagonal(likeness, 0.0)
    return likeness


def _averaging(chosen: Matrix | NDArray[np.bool_]) -> Matrix:
    weights = np.asarray(chosen, dtype=np.float64)
    averaging: Matrix = weights / np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return averaging
