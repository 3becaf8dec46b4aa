"""MULTIVARIATE_OUTLIER: a component whose metrics are in a combination that was rare."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.baseline import Baselined
from models.detector import FittedArrays, Scope, Scores
from models.features import Array, lagged, signed_log, trailing_mean
from models.frames import SeriesKey

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest as SklearnForest

ROWS_AT_ONCE = 4096
"""Rows that are walked through the trees together; bounds the memory of a long batch."""


@dataclass(kw_only=True, eq=False)
class IsolationForest(FittedArrays):
    """Isolation forest of each component over its metrics, on residual features and never on raw values or lags.

    Features of a metric: its deviation from the baseline now, its mean over ``mean_rows`` and its change against the
    row before, each as sign * log(1 + size). A missing value counts as "at its baseline"; with less than half of the
    metrics present the score is NaN.

    A forest cannot tell far from very far: beyond the range of its history every value ends in the same leaf. So its
    score, in (0, 1), is multiplied by the root mean square deviation of the metrics: the forest says how unusual
    the combination is, the factor how far it has gone.

    Assumptions: the metrics of a component move together in few ways. Cost: scikit-learn to fit, about 0.1 s a
    component; ``n_trees`` walks of at most 8 steps a row to score, in numpy alone. Memory: ``mean_rows`` - 1 rows.

    Parameters
    ----------
    n_trees
        Trees of each forest.
        Rows that each tree sees; few, so that anomalies in the history do not shape the trees.
    mean_rows
        Window of the short mean.
    seed
        Together with the component's name it decides the random numbers, so the order of the series does not matter.

    References
    ----------
    Liu, Ting, Zhou: Isolation forest, ICDM 2008. https://doi.org/10.1109/ICDM.2008.17
    """

    name: ClassVar[str] = "isolation_forest"
    type: ClassVar[AnomalyType] = AnomalyType.MULTIVARIATE_OUTLIER
    scope: ClassVar[Scope] = "component"
    least_boundary: ClassVar[float] = 1.0
    n_trees: int = 50
    sample_rows: int = 256
    mean_rows: int = 5
    seed: int = 7

    @property
    def context_rows(self) -> int:
        """The short mean, less the row itself."""
        return max(self.mean_rows - 1, 1)

    def fit(self, seen: Baselined) -> Self:
        """Grow a forest for each component.

        Parameters
        ----------
        seen
            History. A component with fewer than two usable rows gets no forest and scores NaN.

        Returns
        -------
        IsolationForest
            Itself, fitted.
        """
        forests = [self._grow(component, features[usable]) for component, _, features, usable in self._components(seen)]
        n_nodes = max((len(forest["right"][0]) for forest in forests), default=1)
        self.state_ = {
            name: np.stack([_padded(forest[name], n_nodes) for forest in forests])
            for name in ("feature", "threshold", "right", "length")
        }
        return self

    def score(self, seen: Baselined) -> Scores:
        """Judge rows.

        Parameters
        ----------
        seen
            Rows against their baseline.

        Returns
        -------
        Scores
            The series of a component share its score; the deviation tells them apart.
        """
        state = self.to_arrays()
        score = np.full(seen.z.shape, np.nan)
        for place, (_, columns, features, complete) in enumerate(self._components(seen)):
            trees = {name: array[place] for name, array in state.items()}
            usable = complete & ~np.isnan(trees["length"][0, 0])
            rarity = forest_scores(trees, features[usable])
            z = seen.z[np.ix_(usable, np.asarray(columns))]
            present = ~np.isnan(z)
            distance = np.sqrt(np.sum(np.where(present, z, 0.0) ** 2, axis=1) / present.sum(axis=1))
            score[np.ix_(usable, np.asarray(columns))] = (rarity * distance)[:, None]
        return Scores(score=score, expected=seen.expected, scale=seen.scale, deviation=seen.z)

    def _components(self, seen: Baselined) -> list[tuple[str, list[int], NDArray[np.float32], NDArray[np.bool_]]]:
        """Name, columns, features and usable rows of each component, in the order of the names."""
        z = np.where(np.isnan(seen.z), 0.0, seen.z)
        change = z - lagged(z, 1)
        mean = trailing_mean(z, self.mean_rows)
        missing = np.isnan(seen.z)
        parts = []
        for component, columns in columns_by_component(seen.frame.keys).items():
            features = signed_log(np.concatenate([z[:, columns], mean[:, columns], change[:, columns]], axis=1))
            usable = 2 * missing[:, columns].sum(axis=1) <= len(columns)
            usable &= ~missing[:, columns].all(axis=1)
            usable[: self.context_rows] = False
            parts.append((component, columns, features.astype(np.float32), usable))
        return parts

    def _grow(self, component: str, features: NDArray[np.float32]) -> dict[str, NDArray[np.generic]]:
        if len(features) < 2:
            nothing = np.zeros((self.n_trees, 1))
            return {
                "feature": nothing.astype(np.int16),
                "threshold": np.full_like(nothing, -np.inf, dtype=np.float32),
                "right": nothing.astype(np.int16),
                "length": np.full_like(nothing, np.nan, dtype=np.float32),
            }
        from sklearn.ensemble import IsolationForest as SklearnForest

        digest = hashlib.sha256(f"{self.seed}:{component}".encode()).digest()
        forest = SklearnForest(
            n_estimators=self.n_trees,
            max_samples=min(self.sample_rows, len(features)),
            random_state=int.from_bytes(digest[:4], "big"),
        )
        return flatten_forest(forest.fit(features))


def columns_by_component(keys: Sequence[SeriesKey]) -> dict[str, list[int]]:
    """Columns of each component, components and metrics in the order of their names.

    Parameters
    ----------
    keys
        The columns of a frame.

    Returns
    -------
    dict of str to list of int
        Column numbers, so that the order of the columns cannot change a result.
    """
    columns: dict[str, list[int]] = {}
    for column in sorted(range(len(keys)), key=lambda column: keys[column]):
        columns.setdefault(keys[column].component, []).append(column)
    return columns


def flatten_forest(forest: "SklearnForest") -> dict[str, NDArray[np.generic]]:
    """Turn a fitted scikit-learn forest into arrays that ``forest_scores`` walks.

    The left child of a node is the node behind it (scikit-learn grows depth first); a leaf points to itself.
    Thresholds are rounded down to float32, which decides every comparison with a float32 feature as before.

    Parameters
    ----------
    forest
        A fitted ``sklearn.ensemble.IsolationForest`` that uses all features in each tree.

    Returns
    -------
    dict of str to ndarray
        feature, threshold, right and length, each of shape (n_trees, n_nodes); length is the path length of a leaf.
    """
    trees = [_flatten_tree(estimator.tree_) for estimator in forest.estimators_]
    n_nodes = max(len(tree["right"]) for tree in trees)
    return {name: np.stack([_padded(tree[name], n_nodes) for tree in trees]) for name in trees[0]}


def forest_scores(trees: dict[str, NDArray[Any]], features: NDArray[np.float32]) -> Array:
    """Score rows by how early the trees isolate them.

    Parameters
    ----------
    trees
        From ``flatten_forest``.
    features
        Shape (n_rows, n_features), finite.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        In (0, 1), higher = stranger: what scikit-learn's ``score_samples`` gives, with the sign turned.
    """
    n_trees, n_nodes = trees["right"].shape
    first = np.arange(n_trees) * n_nodes
    feature, threshold, length = (trees[name].ravel() for name in ("feature", "threshold", "length"))
    right = (trees["right"] + first[:, None]).ravel()
    scores = np.empty(len(features))
    for start in range(0, len(features), ROWS_AT_ONCE):
        part = features[start : start + ROWS_AT_ONCE]
        flat, row = part.ravel(), np.arange(len(part))[:, None] * part.shape[1]
        node = np.broadcast_to(first, (len(part), n_trees))
        while True:
            below = np.where(flat[row + feature[node]] <= threshold[node], node + 1, right[node])
            if np.array_equal(below, node):
                break
            node = below
        scores[start : start + len(part)] = length[node].sum(axis=1)
    return np.asarray(2.0 ** -(scores / n_trees))


def _flatten_tree(tree: Any) -> dict[str, NDArray[np.generic]]:
    is_leaf = tree.children_left < 0
    own = np.arange(tree.node_count)
    depth = np.zeros(tree.node_count)
    for node in own[~is_leaf]:
        depth[tree.children_left[node]] = depth[tree.children_right[node]] = depth[node] + 1
    threshold = tree.threshold.astype(np.float32)
    threshold = np.where(threshold > tree.threshold, np.nextafter(threshold, np.float32(-np.inf)), threshold)
    length = depth + _mean_path(tree.n_node_samples)
    return {
        "feature": np.where(is_leaf, 0, tree.feature).astype(np.int16),
        "threshold": np.where(is_leaf, np.float32(-np.inf), threshold).astype(np.float32),
        "right": np.where(is_leaf, own, tree.children_right).astype(np.int16),
        "length": length / _mean_path(tree.n_node_samples[:1]),
    }


def _mean_path(n_rows: NDArray[np.int64]) -> Array:
    """Mean path length of an unsuccessful search in a binary search tree of so many rows."""
    n = np.maximum(n_rows, 2).astype(np.float64)
    long = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    path: Array = np.where(n_rows <= 1, 0.0, np.where(n_rows == 2, 1.0, long))
    return path


def _padded(nodes: NDArray[np.generic], n_nodes: int) -> NDArray[np.generic]:
    return np.pad(nodes, [(0, 0)] * (nodes.ndim - 1) + [(0, n_nodes - nodes.shape[-1])])
