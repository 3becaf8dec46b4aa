"""STATISTICAL_OUTLIER and MULTIVARIATE_OUTLIER: a combination of residual features that was rare in the history.

scikit-learn grows the trees, once, at the training; they are kept as arrays and walked by ``models.online.trees``, so
nothing that judges rows imports it. Never on raw values or on their lags: those say what time it is.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from models.anomalies import AnomalyType
from models.detector import Arrays, FittedArrays, Scope, components
from models.features import Array
from models.frames import SeriesKey
from models.online import trees as kernel
from models.online.arrays import to_arrays
from models.online.residuals import DIFF, FAST, M3, M8, MID, SIZE, SLOW, WILD
from models.online.trees import LEAF, Trees
from models.residuals import Residuals

if TYPE_CHECKING:
    from sklearn.ensemble import IsolationForest as SklearnForest

OF_SERIES = np.array([SLOW, MID, FAST, DIFF, M3, M8, WILD, SIZE])
OF_METRIC = np.array([SLOW, MID, SIZE])
EDGE, AT_EDGE = 0.98, 2.0
"""This quantile of the scores of a component's history lies here, as for the other detector of its scope."""
LEAST_ROWS = 16
"""With fewer rows in the history no forest is grown."""


@dataclass(kw_only=True, eq=False)
class IsolationForest(FittedArrays):
    """Isolation forest of each series over eight of its residual features, times their length.

    A sum of sizes takes all directions for equally strange. The forest learns which are not: a series that often jumps
    up and never down, or that is noisy in steps but not in level. Beyond the range of the history it cannot tell far
    from very far; the length of the features, logarithms themselves, goes on growing there.

    Assumptions: incidents are few among the rows that each tree sees. Cost: 15 ms a series to fit; at most
    ``n_trees`` walks of six steps a row. State of a series 11 KB with the defaults, no memory. Larger forests, and one
    forest for all series, were not better on the labelled suites.

    Parameters
    ----------
    n_trees
        Trees of each forest.
    sample_rows
        Rows that each tree sees; few, so that incidents in the history do not shape the trees.
    seed
        Together with the name of the series it decides the random numbers, so the order of the series does not matter.

    References
    ----------
    Liu, Ting, Zhou: Isolation forest, ICDM 2008. https://doi.org/10.1109/ICDM.2008.17
    """

    name: ClassVar[str] = "isolation_forest"
    type: ClassVar[AnomalyType] = AnomalyType.STATISTICAL_OUTLIER
    scope: ClassVar[Scope] = "series"
    common_boundary: ClassVar[float] = 3.5
    sigma: ClassVar[float] = 0.5
    n_trees: int = 16
    sample_rows: int = 64
    seed: int = 7

    def fit(self, history: Residuals) -> Self:
        """Grow a forest for each series.

        Parameters
        ----------
        history
            Rows beside what was expected of them. A series with fewer than 16 values gets no forest and scores NaN.

        Returns
        -------
        IsolationForest
            Itself, fitted.
        """
        forests = []
        for key, features in zip(history.keys, history.features[:, :, OF_SERIES], strict=True):
            rows = features[~np.isnan(features[:, 0])]
            forests.append(_grow(rows, self.n_trees, self.sample_rows, _seed(self.seed, key.component, key.metric)))
        self.state_ = to_arrays(_together(forests))
        return self

    def score(self, seen: Residuals, memory: Arrays) -> Array:  # noqa: ARG002  # the features remember
        """Judge rows.

        Parameters
        ----------
        seen
            Rows beside what was expected of them.
        memory
            Not used.

        Returns
        -------
        ndarray of float64, shape (n_series, n_rows)
            NaN where a value is missing, and for a series without a forest.
        """
        trees = Trees(**self.to_arrays())
        raw = np.empty(seen.values.shape)
        kernel.of_series(trees, OF_SERIES, seen.features, np.empty(len(OF_SERIES), dtype=np.float32), raw)
        return raw


@dataclass(kw_only=True, eq=False)
class ComponentForest(FittedArrays):
    """Isolation forest of each component over three residual features of each of its metrics, times their length.

    It sees which metrics depart together that do not usually, averaged over six rows. A metric without a value counts
    as at its expectation; with less than half of the metrics present the score is NaN, as for a component of a single
    metric.

    Assumptions: the metrics of a component depart in few ways; a tree of depth eight looks at eight features at most,
    so what matters must not be hidden among hundreds. Cost: 0.1 s a component to fit, ``n_trees`` walks of eight steps
    a row. State of a component about 110 KB, memory 8 B.

    Parameters
    ----------
    n_trees
        Trees of each forest.
    sample_rows
        Rows that each tree sees.
    seed
        Together with the name of the component it decides the random numbers.

    References
    ----------
    Liu, Ting, Zhou: Isolation forest, ICDM 2008. https://doi.org/10.1109/ICDM.2008.17
    """

    name: ClassVar[str] = "component_forest"
    type: ClassVar[AnomalyType] = AnomalyType.MULTIVARIATE_OUTLIER
    scope: ClassVar[Scope] = "component"
    common_boundary: ClassVar[float] = 3.2
    sigma: ClassVar[float] = 0.5
    n_trees: int = 50
    sample_rows: int = 256
    seed: int = 7

    def fit(self, history: Residuals) -> Self:
        """Grow a forest for each component.

        Parameters
        ----------
        history
            Rows beside what was expected of them. A metric without a value is left out for good.

        Returns
        -------
        ComponentForest
            Itself, fitted.
        """
        known = np.any(~np.isnan(history.values), axis=1)
        forests, usual = [], []
        for component, columns in _members(history.keys, known).items():
            features = history.features[columns]
            rows = _beside(features) if len(columns) > 1 else np.empty((0, 1), dtype=np.float32)
            forests.append(_grow(rows, self.n_trees, self.sample_rows, _seed(self.seed, component)))
            usual.append(_usual(forests[-1], features) if len(rows) >= LEAST_ROWS else np.nan)
        self.state_ = {**to_arrays(_together(forests)), "usual": np.array(usual), "known": known}
        return self

    def start(self, keys: Sequence[SeriesKey]) -> dict[str, NDArray[Any]]:
        """The memory before the first row.

        Parameters
        ----------
        keys
            Of the series.

        Returns
        -------
        dict of str to ndarray
            Smoothed score of each component.
        """
        return {"smooth": np.full((len(components(keys)), 1), np.nan)}

    def score(self, seen: Residuals, memory: Arrays) -> Array:
        """Judge rows.

        Parameters
        ----------
        seen
            Rows beside what was expected of them.
        memory
            From ``start``; changed.

        Returns
        -------
        ndarray of float64, shape (n_components, n_rows)
            NaN where less than half of the metrics are present, and for a component without a forest.
        """
        state = self.to_arrays()
        usual, trees = state["usual"], Trees(*(state[name] for name in Trees._fields))
        raw = np.full((len(usual), seen.values.shape[1]), np.nan)
        for place, columns in enumerate(_members(seen.keys, state["known"]).values()):
            if not np.isnan(usual[place]):
                forest = Trees(*(array[place] for array in trees))
                features = np.ascontiguousarray(seen.features[columns])
                kernel.of_component(
                    forest, usual[place], OF_METRIC, features, _room(features), memory["smooth"][place], raw[place]
                )
        return raw


def flatten_forest(forest: "SklearnForest") -> Trees:
    """Turn a fitted scikit-learn forest into arrays.

    Thresholds are rounded down to float32, which decides every comparison with a float32 feature as before.

    Parameters
    ----------
    forest
        That uses all features in each tree.

    Returns
    -------
    Trees
        Without the first axis: shapes (n_trees, n_nodes).
    """
    return _together([_flatten_tree(estimator.tree_) for estimator in forest.estimators_])


def _seed(seed: int, *names: str) -> int:
    return int.from_bytes(hashlib.sha256(":".join((str(seed), *names)).encode()).digest()[:4], "big")


def _members(keys: Sequence[SeriesKey], known: NDArray[np.bool_]) -> dict[str, list[int]]:
    """The series of each component that had a value in the history."""
    return {name: [column for column in columns if known[column]] for name, columns in components(keys).items()}


def _beside(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the kernel gathers from each row that it judges: shape (n_rows, n_metrics * 3)."""
    present = ~np.isnan(features[:, :, OF_METRIC[0]])
    usable = features[:, 2 * present.sum(axis=0) >= len(features)][:, :, OF_METRIC]
    return np.nan_to_num(usable).transpose(1, 0, 2).reshape(usable.shape[1], -1)


def _room(features: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.empty(len(features) * len(OF_METRIC), dtype=np.float32)


def _usual(forest: Trees, features: NDArray[np.float32]) -> float:
    raw = np.empty(features.shape[1])
    kernel.of_component(forest, 1.0, OF_METRIC, features, _room(features), np.full(1, np.nan), raw)
    return max(float(np.nanquantile(raw, EDGE)) / AT_EDGE, 1e-6)


def _grow(rows: NDArray[np.float32], n_trees: int, sample_rows: int, seed: int) -> Trees:
    if len(rows) < LEAST_ROWS:
        leaves = np.full((n_trees, 1), LEAF, dtype=np.int16)
        return Trees(leaves, np.full((n_trees, 1), np.nan, dtype=np.float32), np.zeros_like(leaves))
    from sklearn.ensemble import IsolationForest as SklearnForest

    samples = min(sample_rows, len(rows))
    return flatten_forest(SklearnForest(n_estimators=n_trees, max_samples=samples, random_state=seed).fit(rows))


def _flatten_tree(tree: Any) -> Trees:
    is_leaf = tree.children_left < 0
    depth = np.zeros(tree.node_count)
    for node in np.flatnonzero(~is_leaf):
        depth[[tree.children_left[node], tree.children_right[node]]] = depth[node] + 1
    threshold = tree.threshold.astype(np.float32)
    threshold = np.where(threshold > tree.threshold, np.nextafter(threshold, np.float32(-np.inf)), threshold)
    length = (depth + _mean_path(tree.n_node_samples)) / _mean_path(tree.n_node_samples[:1])
    return Trees(
        np.where(is_leaf, LEAF, tree.feature).astype(np.int16),
        np.where(is_leaf, length, threshold).astype(np.float32),
        np.where(is_leaf, 0, tree.children_right).astype(np.int16),
    )


def _mean_path(n_rows: NDArray[np.int64]) -> Array:
    """Mean path length of an unsuccessful search in a binary search tree of so many rows."""
    n = np.maximum(n_rows, 2).astype(np.float64)
    long = 2.0 * (np.log(n - 1.0) + np.euler_gamma) - 2.0 * (n - 1.0) / n
    path: Array = np.where(n_rows <= 1, 0.0, np.where(n_rows == 2, 1.0, long))
    return path


def _together(parts: Sequence[Trees]) -> Trees:
    """Trees into a forest, or forests into those of all columns: the nodes are filled up to the longest."""
    n_nodes = max(part.feature.shape[-1] for part in parts)
    filled = [[_filled(array, n_nodes) for array in part] for part in parts]
    return Trees(*(np.stack(arrays) for arrays in zip(*filled, strict=True)))


def _filled(nodes: NDArray[Any], n_nodes: int) -> NDArray[Any]:
    return np.pad(nodes, [(0, 0)] * (nodes.ndim - 1) + [(0, n_nodes - nodes.shape[-1])])
