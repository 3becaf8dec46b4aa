"""What each option of a rule may be: one table that checks values, names remedies and writes the JSON Schema."""

import difflib
import functools
import math
import re
import reprlib
import zoneinfo
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from numbers import Real
from typing import Any, Protocol

from models.errors import ConfigurationError

MOST_HOLIDAYS = 10_000
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_COUNTRY = re.compile(r"[A-Z]{2}(-.{1,60})?")
_BRIEF = reprlib.Repr()
_BRIEF.maxstring = _BRIEF.maxother = 60
_LONGEST_SHOWN = 120


class OptionKind(Protocol):
    """What values an option takes."""

    def check(self, name: str, value: object) -> Any:
        """Give the value in its one form, or raise ConfigurationError naming ``name``, the value and the remedy."""

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value."""


def shown(value: object) -> str:
    """A value for a message, never long and never more than one line.

    Parameters
    ----------
    value
        Anything, hostile input as well.

    Returns
    -------
    str
        Its abbreviated ``repr``.
    """
    if isinstance(value, int) and not -(10**60) < value < 10**60:
        return "a huge integer"  # repr itself refuses those of thousands of digits
    text = _BRIEF.repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def nearest(name: str, known: Iterable[str]) -> str:
    """A remedy that names the known word nearest to a wrong one.

    Parameters
    ----------
    name
        The wrong word.
    known
        The valid ones.

    Returns
    -------
    str
        Names the nearest, or all of them if none is near.
    """
    words = sorted(known)
    near = difflib.get_close_matches(name[:60], words, n=1)
    return f"the nearest is {near[0]!r}" if near else f"use one of: {', '.join(words)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number in a range, or one of some words.

    Parameters
    ----------
    least, most
        The range; both ends are allowed, an infinite end only if ``endless`` says so.
    above
        True if ``least`` itself is too small.
    endless
        The infinity that is allowed and means "no limit"; 0 for none.
    words
        Allowed instead of a number.
    """

    least: float = -math.inf
    most: float = math.inf
    above: bool = False
    endless: float = 0.0
    words: tuple[str, ...] = ()

    def check(self, name: str, value: object) -> float | str:
        """Check a value.

        Parameters
        ----------
        name
            Of the option.
        value
            To check.

        Returns
        -------
        float or str
            The number, or one of the words.

        Raises
        ------
        ConfigurationError
            If it is neither.
        """
        if isinstance(value, str) and value in self.words:
            return value
        if isinstance(value, bool) or not isinstance(value, Real):
            raise ConfigurationError(f"{name} is {shown(value)}, not a number.", remedy=self._remedy())
        try:
            number = float(value)
        except OverflowError:
            raise ConfigurationError(f"{name} is too large a number.", remedy=self._remedy()) from None
        endless = math.isinf(number) and number == self.endless
        too_low = number < self.least or (self.above and number <= self.least)
        if not endless and (not math.isfinite(number) or too_low or number > self.most):
            raise ConfigurationError(f"{name} is {number:g}.", remedy=self._remedy())
        return number

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value.

        Returns
        -------
        dict
            A number in the range, or one of the words.
        """
        number: dict[str, Any] = {"type": "number"}
        if math.isfinite(self.least):
            number["exclusiveMinimum" if self.above else "minimum"] = self.least
        if math.isfinite(self.most):
            number["maximum"] = self.most
        return {"anyOf": [number, {"enum": list(self.words)}]} if self.words else number

    def _remedy(self) -> str:
        lower = f" {'above' if self.above else 'of at least'} {self.least:g}" if math.isfinite(self.least) else ""
        upper = f", at most {self.most:g}" if math.isfinite(self.most) else ""
        return f"give {'a finite' if not self.endless else 'a'} number{lower}{upper}" + "".join(
            f", or {word!r}" for word in self.words
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]

    def check(self, name: str, value: object) -> str:
        """Check a value.

        Parameters
        ----------
        name
            Of the option.
        value
            To check.

        Returns
        -------
        str
            One of the words.

        Raises
        ------
        ConfigurationError
            If it is none of them.
        """
        if not isinstance(value, str) or value not in self.words:
            raise ConfigurationError(f"{name} is {shown(value)}.", remedy=f"use one of: {', '.join(self.words)}")
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value.

        Returns
        -------
        dict
            An enumeration.
        """
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    def check(self, name: str, value: object) -> bool:
        """Check a value.

        Parameters
        ----------
        name
            Of the option.
        value
            To check.

        Returns
        -------
        bool
            The value.

        Raises
        ------
        ConfigurationError
            If it is no boolean.
        """
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} is {shown(value)}, not a boolean.", remedy="use true or false")
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value.

        Returns
        -------
        dict
            A boolean.
        """
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Zone:
    """A time zone by its IANA name."""

    def check(self, name: str, value: object) -> str:
        """Check a value.

        Parameters
        ----------
        name
            Of the option.
        value
            To check.

        Returns
        -------
        str
            A zone that ``zoneinfo`` knows.

        Raises
        ------
        ConfigurationError
            If it knows none of that name.
        """
        if not isinstance(value, str) or value not in _zones():
            word = value if isinstance(value, str) else ""
            near = difflib.get_close_matches(word[:60], _zones(), n=1)
            remedy = f"the nearest is {near[0]!r}" if near else "use an IANA name such as Europe/Berlin or UTC"
            raise ConfigurationError(f"{name} is {shown(value)}, not a known time zone.", remedy=remedy)
        return value

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value.

        Returns
        -------
        dict
            A string; the list of zones is that of the machine and not part of the schema.
        """
        return {"type": "string", "minLength": 1, "description": "IANA time zone, for example Europe/Berlin"}


@dataclass(frozen=True, slots=True)
class Holidays:
    """A country (``DE``), a part of one (``DE-BY``), or a list of dates."""

    def check(self, name: str, value: object) -> str | tuple[date, ...]:
        """Check a value.

        Parameters
        ----------
        name
            Of the option.
        value
            To check; dates as ``datetime.date`` or as ``YYYY-MM-DD``.

        Returns
        -------
        str or tuple of date
            A code that the ``holidays`` package knows, or the dates, sorted and each once.

        Raises
        ------
        ConfigurationError
            If it is neither.
        """
        if isinstance(value, str):
            return _country(name, value)
        if not isinstance(value, (list, tuple)):
            remedy = "give a country code such as DE or DE-BY, or a list of dates"
            raise ConfigurationError(f"{name} is {shown(value)}.", remedy=remedy)
        if len(value) > MOST_HOLIDAYS:
            raise ConfigurationError(f"{name} lists {len(value)} dates.", remedy=f"list at most {MOST_HOLIDAYS}")
        return tuple(sorted({_date(name, day) for day in value}))

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the value.

        Returns
        -------
        dict
            A code or an array of dates.
        """
        dates = {"type": "array", "maxItems": MOST_HOLIDAYS, "items": {"type": "string", "format": "date"}}
        return {"anyOf": [{"type": "string", "pattern": f"^{_COUNTRY.pattern}$"}, dates]}


def _country(name: str, code: str) -> str:
    country, _, part = code.partition("-")
    known = _countries()
    if not _COUNTRY.fullmatch(code) or country not in known:
        remedy = "use a code such as DE or DE-BY, or list the dates"
        raise ConfigurationError(f"{name} is {shown(code)}, not a known country code.", remedy=remedy)
    if part and part not in known[country]:
        remedy = nearest(part, known[country]) if known[country] else f"use {country}"
        raise ConfigurationError(f"{name} is {code!r}, but {country} has no part {part!r}.", remedy=remedy)
    return code


def _date(name: str, day: object) -> date:
    if type(day) is date:
        return day
    if isinstance(day, str) and _DATE.fullmatch(day):
        try:
            return date.fromisoformat(day)
        except ValueError:
            pass
    raise ConfigurationError(f"{name} lists {shown(day)}, not a date.", remedy="write dates as YYYY-MM-DD")


@functools.cache
def _zones() -> frozenset[str]:
    # The zone named localtime is whatever the machine is set to.
    return frozenset(zoneinfo.available_timezones() - {"localtime"})


@functools.cache
def _countries() -> Mapping[str, tuple[str, ...]]:
    try:
        from holidays import list_supported_countries
    except ImportError as error:
        problem = "Holidays by country need the package holidays."
        raise ConfigurationError(problem, remedy="install it, or list the dates") from error
    return {code: tuple(parts) for code, parts in list_supported_countries().items()}


_MAGNITUDE = Number(least=0.0)
_SILENCE = Number(least=0.0, above=True, words=("auto", "never"))

OPTIONS: Mapping[str, OptionKind] = {
    "direction": Choice(("both", "above", "below")),
    "least_deviation": _MAGNITUDE,
    "least_relative_deviation": _MAGNITUDE,
    "least_value": Number(endless=-math.inf),
    "most_value": Number(endless=math.inf),
    "false_alarms_per_day": Number(least=0.0, above=True, most=86_400.0),
    "missing_after_s": _SILENCE,
    "stuck_after_s": _SILENCE,
    "refractory_s": _MAGNITUDE,
    "merge_s": _MAGNITUDE,
    "excluded": Flag(),
    "time_zone": Zone(),
    "holidays": Holidays(),
}
"""Every option of a rule, by the name of its field in ``models.shaping.rules.SeriesRule``."""
