"""Units of what checks measure: which of them measure the same, and how they convert."""

from types import MappingProxyType

from models.errors import ConfigurationError

BASE_OF = MappingProxyType(
    {
        "s": ("s", 1.0),
        "ms": ("s", 1e-3),
        "min": ("s", 60.0),
        "h": ("s", 3600.0),
        "days": ("s", 86400.0),
        "B": ("B", 1.0),
        "KiB": ("B", 1024.0),
        "MiB": ("B", 1024.0**2),
        "GiB": ("B", 1024.0**3),
        "TiB": ("B", 1024.0**4),
        "ratio": ("ratio", 1.0),
        "percent": ("ratio", 0.01),
        "count": ("count", 1.0),
        "cores": ("cores", 1.0),
    }
)
"""Unit to the one in which values of its kind are kept, and its size in that."""


def in_base(value: float, unit: str, base: str) -> float:
    """Convert a value to the unit in which a metric is kept.

    Parameters
    ----------
    value
        In ``unit``.
    unit
        One of ``BASE_OF``.
    base
        In which the metric is kept.

    Returns
    -------
    float
        In ``base``.

    Raises
    ------
    ConfigurationError
        If the unit is unknown, or measures something else.
    """
    found = BASE_OF.get(unit)
    if found is None or found[0] != base:
        fitting = ", ".join(name for name, (kept, _) in BASE_OF.items() if kept == base)
        what = "is unknown" if found is None else f"measures something else than {base}"
        raise ConfigurationError(f"The unit {unit[:60]!r} {what}.", remedy=f"use one of: {fitting}")
    return value * found[1]
