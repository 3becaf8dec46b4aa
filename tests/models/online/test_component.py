"""What the metrics of a component add up to equals plain linear algebra, carried from row to row."""

import numpy as np
import pandas as pd
import pytest

from models.online import component
from models.online.component import LEVEL_ROWS, MOST, N_FIGURES, NOISE, SMOOTH_ROWS, Carried, Pattern
from models.online.residuals import MID, SIZE, SLOW, WILD

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
        units=np.array([3.0, 2.0, 4.0]),
        levels=np.array([0.3, 0.1, 0.2]),
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
    carried = Carried(np.full(M, np.nan), np.full(M, np.nan), np.full(N_FIGURES, np.nan))
    raws, shares = [], []
    for first in range(0, values.shape[1], size):
        part = np.ascontiguousarray(values[:, first : first + size])
        raw, share = np.empty(part.shape[1]), np.empty(part.shape, dtype=np.float32)
        rows = features[:, first : first + size].copy()
        component.advance(pattern, carried, part, rows, raw, share, component.room(M))
        raws.append(raw)
        shares.append(share)
    return np.concatenate(raws), np.concatenate(shares, axis=1)


def _squares(pattern: Pattern, values: np.ndarray, features: np.ndarray) -> np.ndarray:
    """What each metric has beyond noise, squared: (3, m, n_rows)."""
    filled = pd.DataFrame(values.T).ffill().to_numpy()
    scaled = np.clip((filled - pattern.centre) / pattern.unit, -MOST, MOST)
    scaled = np.where(np.isnan(filled), 0.0, scaled) - pattern.middle
    rest = (scaled - scaled @ pattern.axes @ pattern.axes.T) / pattern.usual
    beyond = np.nan_to_num(np.maximum(np.abs(features.astype(float)) - NOISE, 0.0)) ** 2
    of_pattern = np.maximum(np.log1p(np.abs(rest)) - NOISE, 0.0) ** 2
    return np.stack([beyond[:, :, [SLOW, SIZE]].sum(axis=2), beyond[:, :, [MID, WILD]].sum(axis=2), of_pattern.T])


@pytest.mark.parametrize("seed", range(4))
def test_scores_and_shares_equal_those_of_linear_algebra(seed: int) -> None:
    """Last values seen, scaled, capped, projected; three lengths less their risen levels; an exponential average."""
    pattern, values, features = _rows(seed)
    raw, share = _judge(pattern, values, features)
    known = ~np.isnan(values).all(axis=0)
    squares = _squares(pattern, values, features)[:, :, known]
    lengths = np.sqrt(squares.sum(axis=1))
    now, level = [], pattern.levels.copy()
    for length in (lengths / pattern.units[:, None]).T:
        now.append(np.maximum(length - np.maximum(level - pattern.levels, 0), 0).sum())
        level += (np.minimum(length, 1) - level) / LEVEL_ROWS
    with np.errstate(invalid="ignore"):
        added = np.nan_to_num(squares / (lengths * pattern.units[:, None])[:, None]).sum(axis=0)
    alpha = 2 / (SMOOTH_ROWS + 1)
    np.testing.assert_allclose(raw[known], pd.Series(now).ewm(alpha=alpha, adjust=False).mean(), rtol=1e-6)
    np.testing.assert_allclose(
        share[:, known].T, pd.DataFrame(added.T).ewm(alpha=alpha, adjust=False).mean(), rtol=1e-5
    )
    assert np.isnan(raw[~known]).all()
    assert np.isnan(share[:, ~known]).all()


@pytest.mark.parametrize("size", [1, 7])
def test_batches_are_the_stream(size: int) -> None:
    """However the rows are cut, scores and shares have the same bits."""
    pattern, values, features = _rows(9)
    for whole, parts in zip(_judge(pattern, values, features), _judge(pattern, values, features, size), strict=True):
        np.testing.assert_array_equal(whole, parts)


def test_noise_that_stays_is_taken_off() -> None:
    """Days after the noise of all metrics has doubled, the score is nearer to what it was; a jump is still seen."""
    rng = np.random.default_rng(2)
    pattern, n = _pattern(rng), 5 * LEVEL_ROWS
    values = np.repeat(pattern.centre[:, None], n, axis=1)
    features = rng.normal(size=(M, n, 12)).astype(np.float32)
    features[:, 100:] *= 2
    features[:, -10:, SLOW] = 12.0
    raw, _ = _judge(pattern, values, features)
    assert np.median(raw[-LEVEL_ROWS:-20]) < 0.7 * np.median(raw[120:220])
    assert raw[-1] > 1.5 * raw[100:-20].max()
