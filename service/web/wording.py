"""How the page says numbers, times and names: a value in the unit that its metric's name states, a time in UTC."""

import math
import re
from datetime import datetime, timedelta
from types import MappingProxyType

from analysis.findings import CauseCategory

_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_BINARY = ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"), (1.0, "B"))
_UNIT_OF_SUFFIX = (
    (re.compile(r"_ms$"), "ms"),
    (re.compile(r"_(s|seconds)$"), "s"),
    (re.compile(r"(_bytes|_b)$"), "B"),
    (re.compile(r"(_percent|_pct)$"), "percent"),
    (re.compile(r"(_ratio|_share|(^|_)error_rate)$"), "ratio"),
    (re.compile(r"(_rps|_per_s|(^|_)request_rate)$"), "/s"),
)
_UNIT_AT_END = re.compile(r"_(ms|s|seconds|bytes|b|percent|pct|per_s|rps)$", re.IGNORECASE)
_NBSP = "\u00a0"  # a number and its unit stay on one line
CATEGORY_WORDS = MappingProxyType(
    {
        CauseCategory.RESOURCE: "resource exhaustion",
        CauseCategory.DEPENDENCY: "failing dependency",
        CauseCategory.DEPLOY: "bad deploy",
        CauseCategory.CONFIGURATION: "configuration change",
        CauseCategory.TRAFFIC: "traffic surge",
        CauseCategory.NETWORK: "network trouble",
        CauseCategory.DATA_STORE: "data store trouble",
        CauseCategory.EXTERNAL: "outside cause",
        CauseCategory.UNKNOWN: "kind unknown",
    }
)
"""What a category is called in a headline."""


def unit_of(metric: str) -> str:
    """Read the unit off a metric's name.

    Parameters
    ----------
    metric
        Any name; units are expected as its last part.

    Returns
    -------
    str
        ``s``, ``ms``, ``B``, ``ratio``, ``percent``, ``/s``, or empty where the name does not tell.
    """
    lowered = metric.lower()
    return next((unit for pattern, unit in _UNIT_OF_SUFFIX if pattern.search(lowered)), "")


def without_unit(metric: str) -> str:
    """Take the unit off a metric's name, for use beside a value that states it.

    Parameters
    ----------
    metric
        Any name.

    Returns
    -------
    str
        For example ``latency_p99`` for ``latency_p99_s``; a name that is nothing but a unit stays.
    """
    return _UNIT_AT_END.sub("", metric) or metric


def quantity(value: float, metric: str = "") -> str:
    """Say a value with three significant digits and its unit.

    Parameters
    ----------
    value
        In the metric's own unit; NaN means missing.
    metric
        The name that tells the unit; empty for a bare number.

    Returns
    -------
    str
        For example ``412 ms`` or ``7.3 %``; ``no value`` for NaN.
    """
    if not math.isfinite(value):
        return "no value"
    if abs(value) > 1e300:  # times a hundred it may be infinite
        return f"{value:.3g}"
    unit = unit_of(metric)
    if unit in {"ratio", "percent"}:
        return f"{_digits(value * 100 if unit == 'ratio' else value)}{_NBSP}%"
    if unit == "B":
        return _scaled(value, _BINARY)
    if unit in {"s", "ms"}:
        return span(value if unit == "s" else value / 1e3)
    return _scaled(value, _SCALES) + (f"{_NBSP}{unit}" if unit else "")


def _digits(value: float) -> str:
    if value == 0:
        return "0"
    if abs(value) >= 1e6 or abs(value) < 1e-4:
        return f"{value:.3g}"
    decimals = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scaled(value: float, scales: tuple[tuple[float, str], ...]) -> str:
    """Three digits and a prefix; a size between 1 and 10,000 keeps its plain digits."""
    is_binary = scales is _BINARY
    if not is_binary and abs(value) < 1e4:
        return _digits(value)
    factor, prefix = next(((f, p) for f, p in scales if abs(value) >= f), scales[-1])
    return f"{_digits(value / factor)}{_NBSP if prefix else ''}{prefix}"


def span(seconds: float) -> str:
    """Say a duration.

    Parameters
    ----------
    seconds
        Any sign; NaN means unknown.

    Returns
    -------
    str
        For example ``85 ms``, ``1.84 s``, ``6 min 30 s``, ``3 h 5 min``, ``2 d 4 h``.
    """
    if not math.isfinite(seconds):
        return "unknown"
    if seconds < 0:
        return f"-{span(-seconds)}"
    whole = round(seconds)
    if whole < 60:
        return _below_a_minute(seconds)
    scales = ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s"))
    size, unit, below, small = next(scale for scale in scales if whole >= scale[0])
    rest = (whole % size) // below
    return f"{whole // size}{_NBSP}{unit}" + (f" {rest}{_NBSP}{small}" if rest else "")


def _below_a_minute(seconds: float) -> str:
    factor, unit = (1.0, "s") if seconds >= 1 or seconds == 0 else (1e3, "ms") if seconds >= 1e-3 else (1e6, "µs")
    return f"{_digits(seconds * factor)}{_NBSP}{unit}"


def since(later: datetime, earlier: datetime) -> str:
    """Say the time between two moments.

    Parameters
    ----------
    later
        UTC.
    earlier
        UTC.

    Returns
    -------
    str
        As ``span`` says it, never below a second.
    """
    return span(round(max((later - earlier) / timedelta(seconds=1), 0.0)))


def clock(moment: datetime | None) -> str:
    """Time of day.

    Parameters
    ----------
    moment
        UTC, or None.

    Returns
    -------
    str
        ``10:42:30``, or a dash.
    """
    return moment.strftime("%H:%M:%S") if moment else "–"


def day_and_clock(moment: datetime | None) -> str:
    """Day and time of day.

    Parameters
    ----------
    moment
        UTC, or None.

    Returns
    -------
    str
        ``2026-11-23 10:42:30 UTC``, or a dash.
    """
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "–"


def percent(share: float) -> str:
    """Say a probability.

    Parameters
    ----------
    share
        In [0, 1]; NaN means unknown.

    Returns
    -------
    str
        Whole percent, except that nothing short of certain is called 100 % and nothing possible 0 %.
    """
    if not math.isfinite(share):
        return "unknown"
    if 0 < share < 0.01:
        return f"<1{_NBSP}%"
    if 0.99 < share < 1:
        return f">99{_NBSP}%"
    return f"{share * 100:.0f}{_NBSP}%"


def shortened(name: str, length: int) -> str:
    """Cut a name in its middle, where names differ least.

    Parameters
    ----------
    name
        Any text.
    length
        The most characters to keep, at least 5.

    Returns
    -------
    str
        The name itself if it is short enough.
    """
    if len(name) <= length:
        return name
    tail = (length - 1) // 2
    return f"{name[: length - 1 - tail]}…{name[-tail:]}"


def plain(word: str) -> str:
    """Turn a wire spelling into words.

    Parameters
    ----------
    word
        For example ``CIRCUIT_BREAKER_TRIPPED``.

    Returns
    -------
    str
        For example ``circuit breaker tripped``.
    """
    return word.replace("_", " ").lower()
