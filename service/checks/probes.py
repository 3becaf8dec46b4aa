"""What every kind of check has in common: it looks once, within a time, and says what it measured or what is wrong."""

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Protocol

from models.errors import FaultlineError
from service.recovery.checkup import CheckType, Reading
from service.recovery.health import Direction

LONGEST_REASON = 300

_ABOVE, _BELOW = Direction.ABOVE, Direction.BELOW
METRICS: Mapping[CheckType, Mapping[str, tuple[str, Direction]]] = MappingProxyType(
    {
        CheckType.HTTP_ENDPOINT: {
            "latency_s": ("s", _ABOVE),
            "body_bytes": ("B", _ABOVE),
            "redirects": ("count", _ABOVE),
            "certificate_left_s": ("s", _BELOW),
        },
        CheckType.DATABASE_QUERY: {
            "latency_s": ("s", _ABOVE),
            "rows": ("count", _ABOVE),
            "value": ("count", _ABOVE),
        },
        CheckType.FILE_SYSTEM: {
            "free_ratio": ("ratio", _BELOW),
            "free_bytes": ("B", _BELOW),
            "free_inodes_ratio": ("ratio", _BELOW),
            "size_bytes": ("B", _ABOVE),
            "age_s": ("s", _ABOVE),
        },
        CheckType.MEMORY_USAGE: {
            "used_ratio": ("ratio", _ABOVE),
            "available_bytes": ("B", _BELOW),
            "swap_used_ratio": ("ratio", _ABOVE),
            "resident_bytes": ("B", _ABOVE),
            "processes": ("count", _BELOW),
        },
        CheckType.CPU_USAGE: {
            "used_ratio": ("ratio", _ABOVE),
            "load_per_core": ("ratio", _ABOVE),
            "used_cores": ("cores", _ABOVE),
            "processes": ("count", _BELOW),
        },
        CheckType.CUSTOM: {},
    }
)
"""What each type measures: the unit in which it is kept, and the bad side. A custom check declares its own."""


class CheckFailedError(FaultlineError):
    """What is checked is not well.

    Parameters
    ----------
    reason
        One sentence.
    values
        What was measured all the same.
    """

    def __init__(self, reason: str, values: Mapping[str, float] | None = None) -> None:
        super().__init__(reason)
        self.values = dict(values or {})


class CheckTroubleError(FaultlineError):
    """The check itself cannot look; how well it is remains unknown."""


class Probe(Protocol):
    """Looks once. Called in a thread of its own; two calls never overlap."""

    def measure(self, budget_s: float) -> Mapping[str, float]:
        """Give the measured values in base units; raises CheckFailedError or CheckTroubleError."""


def read(probe: Probe, budget_s: float, monotonic_s: Callable[[], float]) -> Reading:
    """Look once, whatever happens.

    Parameters
    ----------
    probe
        Looks.
    budget_s
        Its time, seconds; it may break that, the caller then stops listening.
    monotonic_s
        The clock of durations.

    Returns
    -------
    Reading
        An unexpected error is trouble of the check, not a failure of what is checked. Values that are no numbers are
        NaN.
    """
    began = monotonic_s()
    values: Mapping[str, float] = {}
    failure = trouble = ""
    try:
        values = probe.measure(budget_s)
    except CheckFailedError as error:
        values, failure = error.values, brief(str(error))
    except CheckTroubleError as error:
        trouble = brief(str(error))
    except BaseException as error:  # noqa: BLE001  # a registered function may raise anything, and the run must end
        trouble = brief(f"the check itself failed: {type(error).__name__}: {error}")
    return Reading(values=numbers(values), failure=failure, trouble=trouble, duration_s=max(monotonic_s() - began, 0.0))


def numbers(values: object) -> dict[str, float]:
    """Keep what is a finite number by name.

    Parameters
    ----------
    values
        Of a probe; may be anything.

    Returns
    -------
    dict of str to float
        NaN for what is none.
    """
    if not isinstance(values, Mapping):
        return {}
    kept: dict[str, float] = {}
    for name, value in values.items():
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        kept[str(name)] = number if math.isfinite(number) else math.nan
    return kept


def brief(text: str) -> str:
    """Make one short line of a text that others wrote.

    Parameters
    ----------
    text
        Any.

    Returns
    -------
    str
        At most 300 characters, printable.
    """
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 10 * LONGEST_REASON]).split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 3]}..."
