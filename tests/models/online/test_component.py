"""What a pattern leaves unexplained equals plain linear algebra, carried from row to row."""

import numpy as np
import pandas as pd
import pytest

from models.online import component
from models.online.component import MOST, SMOOTH_ROWS, Pattern
from models.online.residuals import MID, SIZE, SLOW

M, ROWS = 4, 60


def _pattern(rng: np.random.Generator) -> Pattern:
    axes = np.zeros((M, 12))
    axes[:, :2] = np.linalg.qr(rng.normal(size=(M, 2)))[0]
    return Pattern(
        centre=rng.normal(size=M) * 5,
        unit=rng.uniform(0.5, 2, size=M),
        middle=rng.normal(size=M) * 0.1,
        axes=axes,
        usual=rng.uniform(0.1, 0.5, size=M),
        halves=np.array([3.0, 2.0]),
    )


def _rows(seed: int) -> tuple[Pattern, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    pattern = _pattern(rng)
    values = pattern.centre[:, None] + rng.normal(size=(M, ROWS)) * 2
    values[2, 10] = 1e9
    values[rng.random(values.shape) < 0.2] = np.nan
    values[:, 20:23] = np.nan
    features = (rng.normal(size=(M, ROWS, 12)) * 2).astype(np.float32)
    features[np.isnan(values)] = np.nan
    return pattern, values, features


def _judge(
    pattern: Pattern, values: np.ndarray, features: np.ndarray, size: int = ROWS
) -> tuple[np.ndarray, np.ndarray]:
    last, smooth, raws, lefts = np.full(M, np.nan), np.full(1, np.nan), [], []
    for first in range(0, ROWS, size):
        part = np.ascontiguousarray(values[:, first : first + size])
        raw, left = np.empty(part.shape[1]), np.empty(part.shape)
        component.advance(pattern, last, smooth, part, features[:, first : first + size].copy(), raw, left)
        raws.append(raw)
        lefts.append(left)
    return np.concatenate(raws), np.concatenate(lefts, axis=1)


@pytest.mark.parametrize("seed", range(4))
def test_scores_and_shares_equal_those_of_linear_algebra(seed: int) -> None:
    """Last values seen, scaled, capped, projected, compressed; the two halves; an exponential average of both."""
    pattern, values, features = _rows(seed)
    raw, left = _judge(pattern, values, features)
    filled = pd.DataFrame(values.T).ffill().to_numpy()
    scaled = np.clip((filled - pattern.centre) / pattern.unit, -MOST, MOST)
    scaled = np.where(np.isnan(filled), 0.0, scaled) - pattern.middle
    rest = scaled - scaled @ pattern.axes @ pattern.axes.T
    shares = np.sign(rest) * np.log1p(np.abs(rest / pattern.usual))
    own = np.sqrt(np.nansum(features[:, :, [SLOW, SIZE, MID]].astype(float) ** 2, axis=(0, 2)))
    now = own / pattern.halves[0] + np.linalg.norm(shares, axis=1) / pattern.halves[1]
    known = ~np.isnan(values).all(axis=0)
    average = pd.Series(now[known]).ewm(alpha=2 / (SMOOTH_ROWS + 1), adjust=False).mean()
    np.testing.assert_allclose(raw[known], average, rtol=1e-6)
    np.testing.assert_allclose(left.T[known], shares[known], rtol=1e-6, atol=1e-9)
    assert np.isnan(raw[~known]).all()
    assert np.isnan(left[:, ~known]).all()


@pytest.mark.parametrize("size", [1, 7])
def test_batches_are_the_stream(size: int) -> None:
    """However the rows are cut, scores and shares have the same bits."""
    pattern, values, features = _rows(9)
    for whole, parts in zip(_judge(pattern, values, features), _judge(pattern, values, features, size), strict=True):
        np.testing.assert_array_equal(whole, parts)
