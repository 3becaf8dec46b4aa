"""Small inputs that several tests of shaping use."""

from typing import Any

import numpy as np

from models.frames import SeriesKey
from models.shaping.resolve import ResolvedRules, resolve
from models.shaping.rules import Selector, SeriesRule


def rule(component: str = "*", metric: str = "*", **options: Any) -> SeriesRule:
    """A rule without ceremony."""
    return SeriesRule(selector=Selector(component=component, metric=metric), **options)


def keys(*names: str) -> tuple[SeriesKey, ...]:
    """Keys of ``component/metric``."""
    return tuple(SeriesKey(*name.split("/", 1)) for name in names)


def numbered(n_series: int) -> tuple[SeriesKey, ...]:
    """Keys ``c0/m``, ``c1/m`` and so on."""
    return tuple(SeriesKey(f"c{place}", "m") for place in range(n_series))


def resolved(n_series: int = 1, **options: Any) -> ResolvedRules:
    """One rule, if there are options, for all of some series."""
    return resolve([rule(**options)] if options else [], numbered(n_series))


def column(*values: float) -> np.ndarray:
    """One series, shape (n_rows, 1)."""
    return np.array(values, dtype=np.float64)[:, None]
