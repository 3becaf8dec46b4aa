"""Rules of alert shaping as values: for which series, and what is to be told of them.

Several rules may match a series; a later one overrides an earlier one option by option, whatever is more specific.
"""

import fnmatch
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from models.errors import ConfigurationError
from models.frames import SeriesKey
from models.shaping.options import OPTIONS, shown

Direction = Literal["both", "above", "below"]
Silence = float | Literal["auto", "never"]
LONGEST_GLOB = 256

Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selector:
    """Series by glob: ``*``, ``?``, ``[ab]``, ``[!ab]``; case counts, and the whole name must match.

    Parameters
    ----------
    component, metric
        Globs of at most 256 characters, not empty; ``*`` matches every name, also one with a slash. ``[*]`` is a star.

    Raises
    ------
    ConfigurationError
        If one is no such text.

    Examples
    --------
    >>> Selector(component="orders-*", metric="cpu").matches([SeriesKey("orders-1", "cpu"), SeriesKey("x", "cpu")])
    array([ True, False])
    """

    component: str = "*"
    metric: str = "*"

    def __post_init__(self) -> None:
        check_glob("component", self.component)
        check_glob("metric", self.metric)

    def __str__(self) -> str:
        return f"{self.component}/{self.metric}"

    def matches(self, keys: Sequence[SeriesKey]) -> Bools:
        """Which series are selected.

        Parameters
        ----------
        keys
            The series.

        Returns
        -------
        ndarray of bool, shape (n_series,)
            True where both globs match.
        """
        components = _matching(self.component, {key.component for key in keys})
        metrics = _matching(self.metric, {key.metric for key in keys})
        return np.array([key.component in components and key.metric in metrics for key in keys], dtype=bool)


def check_glob(name: str, glob: object) -> str:
    """Refuse what cannot select.

    Parameters
    ----------
    name
        What it selects by, for the message.
    glob
        To check.

    Returns
    -------
    str
        The glob.

    Raises
    ------
    ConfigurationError
        If it is no text of 1 to 256 characters.
    """
    if not isinstance(glob, str) or not 0 < len(glob) <= LONGEST_GLOB:
        remedy = f"give a glob of 1 to {LONGEST_GLOB} characters in quotes, for example '*'"
        raise ConfigurationError(f"{name} is {shown(glob)}, not a selector.", remedy=remedy)
    return glob


def _matching(glob: str, names: set[str]) -> set[str]:
    if glob == "*":
        return names
    match = re.compile(fnmatch.translate(glob)).match
    return {name for name in names if match(name)}


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesRule:
    """What is to be told of some series. An option that is None leaves what earlier rules, or the default, say.

    Parameters
    ----------
    selector
        Which series.
    direction
        ``above`` (``below``): only values above (below) the expectation alarm. Default and neutral: ``both``.
    least_deviation
        Smaller |value - expected| do not alarm, in the metric's unit. Default and neutral: 0.
    least_relative_deviation
        Smaller |value - expected| / |expected| do not alarm, a fraction. At an expectation of 0 any deviation is large
        enough: use ``least_deviation`` beside it, both minima must then be reached. Default and neutral: 0.
    least_value, most_value
        A value outside is an alarm in itself, DATA_OUT_OF_RANGE, whatever the other options say, in the metric's unit.
        Neutral: -inf and +inf, the defaults.
    false_alarms_per_day
        Budget of each of these series, above 0; overrides the default of the training.
    missing_after_s
        MISSING_DATA once a series was missing for so long. ``never``, or ``auto`` (default): see
        ``models.shaping.silence``.
    stuck_after_s
        STUCK_VALUE once a value did not change for so long although the series' history changes more often; a series
        that was constant in history never raises it. ``never``, or ``auto`` (default).
    refractory_s
        After an alarm of a series none of it for so long.
    merge_s
        Alarms of a series at most so far apart are one.
    excluded
        True: never judged, never an alarm. Default and neutral: False.
    time_zone
        IANA name of the zone in which these series have their days. Default: that of the training.
    holidays
        Days that are not like their weekday: a country (``DE``), a part of one (``DE-BY``) or dates. Neutral: ``()``.

    Raises
    ------
    ConfigurationError
        If an option is of another type or outside its range, none is set, or ``least_value`` exceeds ``most_value``.
    """

    selector: Selector
    direction: Direction | None = None
    least_deviation: float | None = None
    least_relative_deviation: float | None = None
    least_value: float | None = None
    most_value: float | None = None
    false_alarms_per_day: float | None = None
    missing_after_s: Silence | None = None
    stuck_after_s: Silence | None = None
    refractory_s: float | None = None
    merge_s: float | None = None
    excluded: bool | None = None
    time_zone: str | None = None
    holidays: str | tuple[date, ...] | None = None

    def __post_init__(self) -> None:
        for name, value in self.options.items():
            object.__setattr__(self, name, OPTIONS[name].check(name, value))
        if not self.options:
            remedy = f"set at least one of: {', '.join(OPTIONS)}"
            raise ConfigurationError(f"The rule for {self.selector} sets nothing.", remedy=remedy)
        check_range(self.least_value, self.most_value)

    @property
    def options(self) -> Mapping[str, Any]:
        """The options that are set, by name, in the order of the fields."""
        return {name: getattr(self, name) for name in OPTIONS if getattr(self, name) is not None}


def check_range(least_value: float | None, most_value: float | None, of: str = "") -> None:
    """Refuse a data range that no value can be in.

    Parameters
    ----------
    least_value
        Lower end of the range; None or NaN = no limit.
    most_value
        Upper end.
    of
        Whose range, for the message.

    Raises
    ------
    ConfigurationError
        If the lower limit exceeds the upper one.
    """
    if least_value is not None and most_value is not None and least_value > most_value:
        problem = f"least_value {least_value:g} exceeds most_value {most_value:g}{' for ' if of else ''}{of}."
        raise ConfigurationError(problem, remedy="exchange them, or set the one that should not hold to infinity")
