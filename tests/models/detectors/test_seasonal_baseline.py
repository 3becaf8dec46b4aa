"""STATISTICAL_OUTLIER: distance to the baseline."""

import numpy as np
import pytest

from models.baseline import Baseline
from models.detectors.seasonal_baseline import SeasonalBaseline
from models.errors import NotFittedError
from tests.models.histories import DAY, changed, shop


def test_the_score_is_the_size_of_the_deviation() -> None:
    """Up and down are equally strange, and the sign stays in the deviation."""
    history = shop()
    baseline = Baseline()
    detector = SeasonalBaseline().fit(baseline.fit_apply(history))
    frame = changed(history, ("store", "memory"), slice(DAY, DAY + 1), -20.0)
    scores = detector.score(baseline.apply(frame))
    column = 5
    assert scores.deviation[DAY, column] < -10
    assert scores.score[DAY, column] == -scores.deviation[DAY, column]
    assert np.allclose(frame.values, scores.expected + scores.deviation * scores.scale)


def test_unfitted_says_so() -> None:
    """score() before fit() names the remedy."""
    with pytest.raises(NotFittedError, match="call fit"):
        SeasonalBaseline().score(Baseline().fit_apply(shop()))
