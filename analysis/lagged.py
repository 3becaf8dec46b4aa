"""Lagged dependence: what the past of one series tells of another beyond that one's own past (Granger, 1969).

The steps of the test; which series are compared, and what follows from it, is decided by those who call it.
"""

import warnings
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.rootcause.kinds import MetricKind, classify
from analysis.rootcause.robust import median, presence_of, units_of
from models.frames import MetricFrame

Values = NDArray[np.float64]

_LARGEST = 10.0
_LEAST_PRESENCE = 0.5
_EXACT = 1e-9


def residuals(frame: MetricFrame, window_rows: int) -> Values:
    """Take the slow movement off every series.

    Parameters
    ----------
    frame
        Any; NaN means missing.
    window_rows
        Of the centred rolling median.

    Returns
    -------
    Values
        Shape (rows, series): what the median leaves, in robust deviations, cut at ten; NaN throughout for a series
        without spread, or with fewer than half of its values.
    """
    series = pd.DataFrame(frame.values / units_of(frame.values))
    rolling = series.rolling(window_rows, center=True, min_periods=window_rows // 3)
    rest = (series - rolling.median()).to_numpy()
    scale = 1.4826 * median(np.abs(rest))
    rest = np.clip(rest / np.where(scale > _EXACT, scale, np.nan), -_LARGEST, _LARGEST)
    rest[:, presence_of(rest) < _LEAST_PRESENCE] = np.nan
    return rest


def common_load(frame: MetricFrame, window_rows: int) -> Values | None:
    """What drives all components alike.

    Parameters
    ----------
    frame
        Any; NaN means missing.
    window_rows
        Of the centred rolling median.

    Returns
    -------
    Values or None
        Shape (rows,): the median traffic of every row, 0 where it is missing; None without traffic that varies.
    """
    traffic = residuals(frame.where(lambda key: classify(key.metric) is MetricKind.TRAFFIC), window_rows)
    return None if np.isnan(traffic).all() else np.nan_to_num(median(traffic.T))


def lagged(column: Values, first: int, last: int) -> Values:
    """Lay the past of a series beside it.

    Parameters
    ----------
    column
        Shape (rows,).
    first
        Fewest rows before.
    last
        Most rows before.

    Returns
    -------
    Values
        Shape (rows - last, last - first + 1): the values ``first`` to ``last`` rows before.
    """
    return np.column_stack([column[last - lag : len(column) - lag] for lag in range(first, last + 1)])


def fit_of(wanted: Values, known: Values) -> Any:
    """Fit least squares; two columns with the same values make it ambiguous, which changes no residual.

    Parameters
    ----------
    wanted
        Shape (rows,); no NaN.
    known
        Shape (rows, columns); no NaN.

    Returns
    -------
    Any
        The results of statsmodels.
    """
    from statsmodels.regression.linear_model import OLS
    from statsmodels.tools.sm_exceptions import SingularMatrixWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SingularMatrixWarning)
        return OLS(wanted, known).fit()


def f_test(fit: Any, past: Values) -> tuple[float, float, int] | None:
    """Test what further columns explain of what a fit leaves over.

    By the theorem of Frisch, Waugh and Lovell the target is fitted once; each further past then explains the rest.

    Parameters
    ----------
    fit
        From ``fit_of``.
    past
        Shape (rows, lags): the past of another series, lag 1 first.

    Returns
    -------
    tuple of (float, float, int) or None
        p-value of the F-test, explained share of the rest in (0, 1], and the lag that weighs most. None if the fit is
        exact, the columns bring nothing new, they lower the target, or no row is left to tell.
    """
    from scipy.stats import f

    new = past - fit.model.exog @ (fit.model.pinv_wexog @ past)
    is_new = (np.square(new).sum(axis=0) > _EXACT * np.square(past).sum(axis=0)).all()
    if not is_new or not fit.ssr > _EXACT * fit.nobs:
        return None
    together = new.T @ fit.resid
    weights = np.linalg.pinv(new.T @ new, hermitian=True) @ together
    share = min(float(weights @ together) / float(fit.ssr), 1.0)
    n_free = fit.df_resid - new.shape[1]
    if n_free < 1 or weights.sum() <= 0:
        return None
    ratio = share / max(1 - share, np.finfo(float).tiny) * n_free / new.shape[1]
    return float(f.sf(ratio, new.shape[1], n_free)), share, int(np.argmax(weights)) + 1
