"""The forest of arrays is scikit-learn's to the bit, and no foreign array is taken for one."""

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from analysis.ranking.forest import Forest, fit_forest, read_forest
from analysis.ranking.settings import RankerSettings
from models.errors import ConfigurationError, InputError


def data(n=300, seed=0):
    """Rows, of which the first column tells the cause most of the time."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(n, 6))
    return values, values[:, 0] + generator.normal(size=n) > 1.0


@pytest.mark.parametrize("kind", [ExtraTreesClassifier, RandomForestClassifier])
def test_the_arrays_give_the_bits_of_scikit_learn(kind):
    """On the rows it was fitted on, on others, and on values on the far side of every threshold."""
    values, is_cause = data()
    model = kind(40, min_samples_leaf=3, random_state=1).fit(values.astype(np.float32), is_cause)
    forest = read_forest([tree.tree_ for tree in model.estimators_])
    for rows in (values, data(seed=1)[0], np.full((1, 6), 1e30), np.full((1, 6), -1e30), np.zeros((1, 6))):
        assert (forest.predict(rows) == model.predict_proba(rows.astype(np.float32))[:, 1]).all()


def test_training_twice_gives_the_same_arrays_and_no_row_gives_no_score():
    """Seeds are fixed; an empty table is scored."""
    settings = RankerSettings(trees=5)
    one, other = (fit_forest(*data(), settings).to_arrays() for _ in range(2))
    assert all((one[name] == other[name]).all() for name in one)
    assert Forest.from_arrays(one).predict(np.zeros((0, 6))).shape == (0,)


@pytest.mark.parametrize("part", ["left", "right", "roots", "share"])
def test_arrays_that_would_never_end_or_point_nowhere_are_refused(part):
    """A path that goes back would hang; one that leaves the nodes would crash."""
    arrays = fit_forest(*data(), RankerSettings(trees=2)).to_arrays()
    changed = {"left": np.zeros_like(arrays["left"]), "right": arrays["right"] + 10**6, "roots": arrays["roots"] - 1}
    arrays[part] = changed.get(part, arrays["share"][:-1])
    with pytest.raises(InputError, match="no forest"):
        Forest.from_arrays(arrays)


@pytest.mark.parametrize(
    "wrong", [{"trees": 0}, {"folds": 1}, {"share_of_features": 0.0}, {"share_of_features": 1.5}, {"seed": -1}]
)
def test_settings_out_of_range_are_refused(wrong):
    """The message names the setting."""
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        RankerSettings(**wrong)
