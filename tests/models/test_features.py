"""Window features equal their slow, obvious oracles."""

import numpy as np
import pytest

from models.features import lagged, medians, previous_level, quantiles, signed_log, trailing_mean


def _gappy(seed: int = 0, shape: tuple[int, int] = (60, 3)) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < 0.3, np.nan, rng.normal(size=shape))


def test_lagged_moves_rows_and_says_nan_before_the_batch() -> None:
    """A lag of two gives the value two rows earlier, and NaN where there is none."""
    x = np.arange(8.0).reshape(4, 2)
    assert np.array_equal(lagged(x, 2), [[np.nan] * 2, [np.nan] * 2, [0, 1], [2, 3]], equal_nan=True)
    assert np.isnan(lagged(x, 9)).all()


@pytest.mark.parametrize("first_lag", [0, 1])
def test_trailing_mean_equals_a_loop(first_lag: int) -> None:
    """The vectorised mean is that of a plain loop over rows, gaps included."""
    x, rows = _gappy(), 5
    expected = np.full_like(x, np.nan)
    for row in range(rows + first_lag - 1, len(x)):
        window = x[row - first_lag - rows + 1 : row - first_lag + 1]
        for column in range(x.shape[1]):
            present = window[:, column][~np.isnan(window[:, column])]
            if 2 * len(present) >= rows:
                expected[row, column] = present.mean()
    assert np.allclose(trailing_mean(x, rows, first_lag=first_lag), expected, equal_nan=True)


def test_trailing_mean_has_the_same_bits_in_any_batch() -> None:
    """A row's mean does not depend on where the batch began."""
    x = _gappy(shape=(200, 4)) * 1e8
    whole = trailing_mean(x, 30)
    part = trailing_mean(x[100:], 30)
    assert np.array_equal(whole[129:], part[29:], equal_nan=True)


def test_windows_longer_than_the_batch_are_unknown() -> None:
    """A batch shorter than the window gives NaN, not an error."""
    assert np.isnan(trailing_mean(np.ones((3, 1)), 30)).all()
    assert np.isnan(previous_level(np.ones((2, 1)))).all()


def test_previous_level_is_the_median_of_three() -> None:
    """Without gaps it is the median; with gaps one of the values that are there."""
    x = np.random.default_rng(1).normal(size=(50, 2))
    oracle = np.array([np.median(x[row - 3 : row], axis=0) for row in range(3, 50)])
    assert np.array_equal(previous_level(x)[3:], oracle)
    gappy = _gappy(2)
    level = previous_level(gappy)
    for row in range(3, len(gappy)):
        for column in range(gappy.shape[1]):
            window = gappy[row - 3 : row, column]
            present = window[~np.isnan(window)]
            assert np.isnan(level[row, column]) if not len(present) else level[row, column] in present


def test_medians_and_quantiles_equal_numpy() -> None:
    """Sorted medians are numpy's nanmedian; quantiles are its lower ones; nothing gives NaN."""
    x = _gappy(3, (7, 51))
    x[2] = np.nan
    assert np.allclose(medians(x[[0, 1, 3]]), np.nanmedian(x[[0, 1, 3]], axis=1))
    assert np.isnan(medians(x)[2])
    assert np.isnan(quantiles(x, 0.9)[2])
    assert np.allclose(quantiles(x[:2], 0.9), np.nanquantile(x[:2], 0.9, axis=1, method="lower"))
    assert np.isnan(medians(np.empty((2, 0)))).all()


def test_medians_of_huge_values_do_not_overflow() -> None:
    """The middle of two values next to the largest double is finite."""
    assert np.isfinite(medians(np.array([[1.7e308, 1.7e308]]))).all()


def test_signed_log_keeps_sign_and_order() -> None:
    """It is odd and rising, and NaN stays NaN."""
    x = np.array([-5.0, -1.0, 0.0, 1.0, 5.0])
    assert np.array_equal(signed_log(x), -signed_log(-x))
    assert (np.diff(signed_log(x)) > 0).all()
    assert np.isnan(signed_log(np.array([np.nan])))[0]
