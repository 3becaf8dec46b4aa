"""The consensus of k-means models."""

import numpy as np
from numpy.testing import assert_allclose

from benchmarks.rivals.kmeans_consensus import LAG, MODELS, QUANTILE, SMOOTH, consensus, score
from tests.benchmarks.rivals.made_series import SPIKE_ROW, TRAIN_ROWS, made_series

WIDTH = 72


def features_of(values):
    """The last six differences, smoothed, newest first; zeros where the past is too short."""
    rows = []
    for row in range(len(values)):
        smooth = [
            np.mean(np.diff(values[at - SMOOTH : at + 1])) if at >= SMOOTH else 0.0
            for at in range(row, row - LAG - 1, -1)
        ]
        rows.append(smooth)
    return np.array(rows)


def train_slowly(rows):
    """Plain Lloyd with two centres from either side of the median."""
    side = rows.sum(axis=1) > np.median(rows.sum(axis=1))
    for _ in range(100):
        centres = np.array([rows[side == k].mean(axis=0) for k in (False, True)])
        to = np.linalg.norm(rows[:, None] - centres, axis=2)
        nearer = to[:, 1] < to[:, 0]
        if (nearer == side).all():
            break
        side = nearer
    return centres, np.quantile(to.mean(axis=1), QUANTILE)


def test_it_equals_the_slow_one():
    """The compiled consensus is what the obvious program gives."""
    values = made_series().values[:500, 0]
    ends = np.arange(WIDTH + SMOOTH + LAG, len(values), WIDTH // 2)
    features, models, expected = features_of(values), [], []
    for row in range(len(values)):
        if row in ends:
            models.append(train_slowly(features[row - WIDTH : row]))
        ratios = [np.linalg.norm(features[row] - centres, axis=1).mean() / limit for centres, limit in models[-MODELS:]]
        expected.append(min(ratios, default=0.0))
    assert_allclose(consensus(values, ends, WIDTH), expected, rtol=1e-9)


def test_all_models_must_agree():
    """A jump that one of the models has seen is no anomaly, and one that none has seen is."""
    values = made_series(spike=0.0).values[:600, 0].copy()
    ends = np.arange(WIDTH + SMOOTH + LAG, len(values), WIDTH // 2)
    values[550] += 30.0
    unseen = consensus(values, ends, WIDTH)[550]
    values[500:504] += [30.0, -30.0, 30.0, -30.0]
    assert unseen > 1.0
    assert consensus(values, ends, WIDTH)[550] < unseen


def test_the_score_is_the_share_of_bits():
    """With one of four metrics out, the share passes 20 % where the spike is, and the quiet rows stay below."""
    scores = score(made_series(4), TRAIN_ROWS)
    assert scores[SPIKE_ROW] >= 1.25
    assert np.median(scores[TRAIN_ROWS:]) < 0.01
