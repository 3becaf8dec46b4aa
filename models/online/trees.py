"""Isolation forests as arrays: how early the trees part a row from what was usual, times how far the row has gone.

A forest cannot tell far from very far: beyond the range of its history every value ends in the same leaf. So the raw
score is the product of two logarithms: the rarity ``2 ** -length``, in which the length of the path is relative to
the usual one, and the Euclidean length of features that are logarithms of deviations already. The trees say how
unusual the combination of signs and sizes is, the length how far it has gone.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats

LEAF = -1
SMOOTH_ROWS = 6


class Trees(NamedTuple):
    """Forests; nodes in depth-first order, so that the left child of a node is the node behind it."""

    feature: NDArray[np.int16]  # (n_columns, n_trees, n_nodes) LEAF = a leaf
    number: NDArray[np.float32]  # (n_columns, n_trees, n_nodes) threshold; of a leaf the relative length of its path
    right: NDArray[np.int16]  # (n_columns, n_trees, n_nodes) right child


@compiled
def of_column(trees: Trees, i: int) -> Trees:
    """One forest, as views without the first axis."""
    return Trees(trees.feature[i], trees.number[i], trees.right[i])


@compiled
def rarity(trees: Trees, row: NDArray[np.float32]) -> float:
    """What scikit-learn's ``score_samples`` gives, with the sign turned: in (0, 1), higher = stranger."""
    total = 0.0
    for tree in range(trees.feature.shape[0]):
        node = 0
        while trees.feature[tree, node] != LEAF:
            below = row[trees.feature[tree, node]] <= trees.number[tree, node]
            node = node + 1 if below else int(trees.right[tree, node])
        total += trees.number[tree, node]
    return float(2.0 ** (-total / trees.feature.shape[0]))


@compiled
def of_series(
    trees: Trees, kinds: NDArray[np.int64], features: NDArray[np.float32], chosen: NDArray[np.float32], raw: Floats
) -> None:
    """Judge each series by its own forest over some of the features.

    ``features`` has shape (n_series, n_rows, n_features), ``raw`` (n_series, n_rows); NaN where a feature is NaN.
    ``chosen`` has room for the kinds.
    """
    for i in range(features.shape[0]):
        forest = of_column(trees, i)
        for row in range(features.shape[1]):
            far = 0.0
            for place in range(len(kinds)):
                chosen[place] = features[i, row, kinds[place]]
                far += float(chosen[place]) ** 2
            raw[i, row] = math.nan if math.isnan(far) else rarity(forest, chosen) * math.sqrt(far)


@compiled
def of_component(
    forest: Trees,
    usual: float,
    kinds: NDArray[np.int64],
    features: NDArray[np.float32],
    chosen: NDArray[np.float32],
    smooth: Floats,
    raw: Floats,
) -> None:
    """Judge rows of one component by its forest over some features of all of its metrics.

    ``features`` has shape (n_metrics, n_rows, n_features), ``raw`` (n_rows,) is written in units of ``usual``,
    averaged over some rows; ``smooth`` (1,) is carried. ``chosen`` has room for the kinds of all metrics. A missing
    metric counts as at its expectation; NaN = less than half of the metrics are there.
    """
    n_metrics = features.shape[0]
    weight = 2.0 / (SMOOTH_ROWS + 1.0)
    for row in range(features.shape[1]):
        far, present = gather(features, row, kinds, chosen)
        if 2 * present < n_metrics or present == 0:
            raw[row] = math.nan
            continue
        now = rarity(forest, chosen) * far / usual
        smooth[0] = now if math.isnan(smooth[0]) else smooth[0] + weight * (now - smooth[0])
        raw[row] = smooth[0]


@compiled
def gather(
    features: NDArray[np.float32], row: int, kinds: NDArray[np.int64], chosen: NDArray[np.float32]
) -> tuple[float, int]:
    """Write some features of a row, metric by metric; return their length and how many metrics are there."""
    total, present = 0.0, 0
    for i in range(features.shape[0]):
        missing = math.isnan(features[i, row, kinds[0]])
        present += 0 if missing else 1
        for place in range(len(kinds)):
            value = np.float32(0.0) if missing else features[i, row, kinds[place]]
            chosen[i * len(kinds) + place] = value
            total += float(value) ** 2
    return math.sqrt(total), present
