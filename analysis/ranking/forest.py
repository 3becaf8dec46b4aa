"""A forest of extremely randomised trees as plain arrays: fitted by scikit-learn, read without it.

Geurts, Ernst and Wehenkel, "Extremely randomized trees", Machine Learning 63 (2006).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.ranking.settings import RankerSettings
from models.errors import InputError

LEAF = -1
DTYPES: Mapping[str, type] = {
    "roots": np.int32,
    "feature": np.int16,
    "threshold": np.float64,
    "left": np.int32,
    "right": np.int32,
    "share": np.float64,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Forest:
    """Nodes of all trees in a row.

    Parameters
    ----------
    roots
        Shape (n_trees,): first node of every tree.
    feature
        Shape (n_nodes,): column that a node asks for; -1 for a leaf.
    threshold
        Shape (n_nodes,): values up to it go left.
    left, right
        Shape (n_nodes,): where to go on.
    share
        Shape (n_nodes,): share of true causes among what ended in a leaf.
    """

    roots: NDArray[np.int32]
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    share: NDArray[np.float64]

    def predict(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability of every row to be the cause, on its own.

        Parameters
        ----------
        values
            Shape (n_rows, n_features); finite.

        Returns
        -------
        ndarray, shape (n_rows,)
            The very bits that scikit-learn gives.
        """
        rows = values.astype(np.float32)
        at = np.repeat(self.roots[:, None].astype(np.int64), len(rows), axis=1)
        column = np.arange(len(rows))[None, :]
        while (asks := self.feature[at]).max(initial=LEAF) > LEAF:
            goes_left = rows[column, np.maximum(asks, 0)] <= self.threshold[at]
            at = np.where(asks == LEAF, at, np.where(goes_left, self.left[at], self.right[at]))
        total = np.zeros(len(rows))
        for leaves in self.share[at]:  # in the order of the trees, as the last bit depends on it
            total += leaves
        return total / len(self.roots)

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """All that was learnt.

        Returns
        -------
        dict of str to ndarray
            By field.
        """
        return {name: getattr(self, name) for name in DTYPES}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> "Forest":
        """Take it up again.

        Parameters
        ----------
        arrays
            As ``to_arrays`` gives them.

        Returns
        -------
        Forest
            Checked: every path ends.

        Raises
        ------
        InputError
            If the arrays are no forest.
        """
        forest = cls(**{name: np.asarray(arrays[name], dtype=kind) for name, kind in DTYPES.items()})
        nodes = np.arange(len(forest.feature))
        inner = forest.feature > LEAF
        sizes = {len(getattr(forest, name)) for name in DTYPES if name != "roots"}
        following = np.stack([forest.left[inner], forest.right[inner]])
        is_sound = (
            len(sizes) == 1
            and len(forest.roots) > 0
            and bool(np.isin(forest.roots, nodes).all())
            and bool((following > nodes[inner]).all() and (following < len(nodes)).all())
        )
        if not is_sound:
            raise InputError("the arrays are no forest", remedy="train again")
        return forest


def fit_forest(values: NDArray[np.float64], is_cause: NDArray[np.bool_], settings: RankerSettings) -> Forest:
    """Learn what causes look like among candidates.

    Parameters
    ----------
    values
        Shape (n_rows, n_features); one row a candidate.
    is_cause
        Shape (n_rows,); both kinds must occur.
    settings
        Trees, leaves, columns and seed.

    Returns
    -------
    Forest
        The same for the same input.
    """
    from sklearn.ensemble import ExtraTreesClassifier

    model = ExtraTreesClassifier(
        settings.trees,
        min_samples_leaf=settings.fewest_in_leaf,
        max_features=settings.share_of_features,
        random_state=settings.seed,
        n_jobs=1,
    )
    model.fit(values.astype(np.float32), is_cause)
    return read_forest([tree.tree_ for tree in model.estimators_])


def read_forest(trees: list[Any]) -> Forest:
    """Take the arrays out of scikit-learn's trees.

    Parameters
    ----------
    trees
        The ``tree_`` of every estimator of a classifier of two classes.

    Returns
    -------
    Forest
        Independent of scikit-learn.
    """
    sizes = [int(tree.node_count) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]]).astype(np.int32)
    is_inner = [tree.children_left >= 0 for tree in trees]
    parts = list(zip(trees, roots, is_inner, strict=True))
    return Forest(
        roots=roots,
        feature=np.concatenate([np.where(i, t.feature, LEAF) for t, _, i in parts]).astype(np.int16),
        threshold=np.concatenate([t.threshold for t in trees]),
        left=np.concatenate([np.where(i, t.children_left + r, 0) for t, r, i in parts]).astype(np.int32),
        right=np.concatenate([np.where(i, t.children_right + r, 0) for t, r, i in parts]).astype(np.int32),
        share=np.concatenate([t.value[:, 0, 1] for t in trees]),
    )
