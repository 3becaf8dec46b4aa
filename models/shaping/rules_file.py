"""The file of rules: read, checked whole on load, and described by a JSON Schema.

::

    version: 1
    rules:
      - component: "*"              # later rules override earlier ones, option by option
        metric: "*latency*"
        direction: above
        least_deviation: 20
      - component: "batch-*"
        stuck_after_s: never
    excluded_windows:
      - {component: "orders*", start: 2026-03-01T22:00:00Z, end: 2026-03-02T02:00:00Z}
      - {weekdays: [sat, sun], start: "01:00", end: "03:00", time_zone: Europe/Berlin}
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from models.errors import ConfigurationError
from models.shaping import yaml_reader
from models.shaping.options import OPTIONS, nearest, shown
from models.shaping.rules import LONGEST_GLOB, Selector, SeriesRule, check_glob
from models.shaping.windows import WEEKDAYS, ExcludedWindow, FixedWindow, WeeklyWindow, clock

VERSION = 1
LARGEST_FILE = 1 << 20
"""Bytes."""
MOST_ENTRIES = 1000
"""Rules, and windows, in a file; more are a sign that a glob is wanted."""

_TOP = ("version", "rules", "excluded_windows")
_SELECTOR = ("component", "metric")
_WINDOW = (*_SELECTOR, "start", "end", "weekdays", "time_zone")
_CLOCK = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ShapingRules:
    """All that a file of rules says.

    Parameters
    ----------
    rules
        In their order.
    windows
        In their order.
    """

    rules: tuple[SeriesRule, ...] = ()
    windows: tuple[ExcludedWindow, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """What ``rules_from_document`` makes the same rules of, to keep them with a bundle.

        Returns
        -------
        dict
            Of plain values; an infinite ``least_value`` or ``most_value`` is a float that ``json`` writes as Infinity.
        """
        return {
            "version": VERSION,
            "rules": [_rule_document(rule) for rule in self.rules],
            "excluded_windows": [_window_document(window) for window in self.windows],
        }


def load_rules(path: Path) -> ShapingRules:
    """Read a file of rules.

    Parameters
    ----------
    path
        Of a YAML file in UTF-8.

    Returns
    -------
    ShapingRules
        Checked; whether every rule matches a series is found by ``resolve``.

    Raises
    ------
    ConfigurationError
        If it cannot be read, exceeds 1 MiB, or breaks a rule of the format; the message names file, line, place and
        remedy.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path} is no file.", remedy="give the path of a file of rules")
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}."
        raise ConfigurationError(problem, remedy="check its permissions") from error
    return parse_rules(data, str(path))


def parse_rules(data: bytes, source: str) -> ShapingRules:
    """Read the content of a file of rules.

    Parameters
    ----------
    data
        YAML in UTF-8; untrusted.
    source
        Name of the file, for messages.

    Returns
    -------
    ShapingRules
        Checked.

    Raises
    ------
    ConfigurationError
        As for ``load_rules``.
    """
    if len(data) > LARGEST_FILE:
        remedy = "let globs select more series a rule"
        raise ConfigurationError(f"{source} is larger than {LARGEST_FILE >> 20} MiB.", remedy=remedy)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        problem = f"{source} is not UTF-8: byte {error.start} is {data[error.start]:#04x}."
        raise ConfigurationError(problem, remedy="save it as UTF-8") from None
    document = yaml_reader.read_yaml(text, source)
    return rules_from_document(document.content, source, lines=document.lines)


def rules_from_document(
    document: object, source: str, *, lines: Mapping[yaml_reader.Path, int] | None = None
) -> ShapingRules:
    """Make rules of plain values, such as JSON gives.

    Parameters
    ----------
    document
        As the schema of ``rules_schema`` says; untrusted.
    source
        Where it comes from, for messages.
    lines
        Line of each value, for messages; None = there are none.

    Returns
    -------
    ShapingRules
        Checked.
    """
    reader = _Reader(source=source, lines=lines or {})
    top = reader.mapping((), document, _TOP)
    if top.get("version") != VERSION or isinstance(top.get("version"), bool):
        reader.fail(("version",), f"is {shown(top.get('version'))}", f"begin the file with version: {VERSION}")
    return ShapingRules(
        rules=tuple(reader.rule(path, entry) for path, entry in reader.entries(top, "rules")),
        windows=tuple(reader.window(path, entry) for path, entry in reader.entries(top, "excluded_windows")),
    )


def rules_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, for editors and forms.

    Returns
    -------
    dict
        It cannot say all that is checked on load: known zones and countries, ends before starts, empty data ranges.
    """
    glob = {"type": "string", "minLength": 1, "maxLength": LONGEST_GLOB}
    selector = {name: dict(glob) for name in _SELECTOR}
    fixed = {name: {"type": "string", "format": "date-time"} for name in ("start", "end")}
    weekly = {name: {"type": "string", "pattern": f"^{_CLOCK.pattern}$"} for name in ("start", "end")}
    weekdays = {"type": "array", "items": {"enum": list(WEEKDAYS)}, "minItems": 1}
    rule = _object({**selector, **{name: kind.schema() for name, kind in OPTIONS.items()}})
    windows = [
        _object({**selector, **fixed}, required=("start", "end")),
        _object(
            {**selector, **weekly, "weekdays": weekdays, "time_zone": OPTIONS["time_zone"].schema()},
            required=("weekdays", "start", "end"),
        ),
    ]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Faultline shaping rules",
        **_object(
            {
                "version": {"const": VERSION},
                "rules": {
                    "type": "array",
                    "maxItems": MOST_ENTRIES,
                    "items": {**rule, "minProperties": 2, "anyOf": [{"required": [name]} for name in _SELECTOR]},
                },
                "excluded_windows": {"type": "array", "maxItems": MOST_ENTRIES, "items": {"anyOf": windows}},
            },
            required=("version",),
        ),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    source: str
    lines: Mapping[yaml_reader.Path, int] = field(default_factory=dict)

    def fail(self, path: yaml_reader.Path, problem: str, remedy: str) -> NoReturn:
        raise ConfigurationError(f"{self._where(path)} {problem}.", remedy=remedy)

    def _where(self, path: yaml_reader.Path) -> str:
        known = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in self.lines), None)
        line = f"line {self.lines[known]}: " if known is not None else ""
        return f"{self.source}: {line}{yaml_reader.place(path) or 'the file'}"

    def located(self, path: yaml_reader.Path, make: Callable[[], _T]) -> _T:
        """Put the place before what a check complains of."""
        try:
            return make()
        except ConfigurationError as error:
            problem = str(error).removesuffix(f" Remedy: {error.remedy}")
            raise ConfigurationError(f"{self._where(path)}: {problem}", remedy=error.remedy) from error

    def mapping(self, path: yaml_reader.Path, value: object, known: Sequence[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(path, f"is {shown(value)}, not a mapping", f"write keys and values, of: {', '.join(known)}")
        for key in value:
            if key not in known:
                self.fail((*path, str(key)), "is an unknown key", nearest(str(key), known))
            if value[key] is None:
                self.fail((*path, key), "has no value", "give one, or remove the key")
        return value

    def entries(self, top: Mapping[str, Any], name: str) -> list[tuple[yaml_reader.Path, object]]:
        listed = top.get(name, [])
        if not isinstance(listed, list):
            self.fail((name,), f"is {shown(listed)}, not a list", "begin each entry with a dash")
        if len(listed) > MOST_ENTRIES:
            remedy = f"write at most {MOST_ENTRIES}; let globs select more series a rule"
            self.fail((name,), f"has {len(listed)} entries", remedy)
        return [((name, place), entry) for place, entry in enumerate(listed)]

    def rule(self, path: yaml_reader.Path, entry: object) -> SeriesRule:
        given = self.mapping(path, entry, (*_SELECTOR, *OPTIONS))
        if not given.keys() & set(_SELECTOR):
            self.fail(path, "selects nothing", "give component, metric or both; '*' is every name")
        options = {name: self._option(path, name, value) for name, value in given.items() if name in OPTIONS}
        selector = self._selector(path, given)
        return self.located(path, lambda: SeriesRule(selector=selector, **options))

    def window(self, path: yaml_reader.Path, entry: object) -> ExcludedWindow:
        given = self.mapping(path, entry, _WINDOW)
        for name in ("start", "end"):
            if name not in given:
                self.fail(path, f"has no {name}", f"give {name}")
        selector = self._selector(path, given)
        if "weekdays" in given:
            return self._weekly(path, given, selector)
        if "time_zone" in given:
            remedy = "add weekdays, or remove it and state the zone in start and end"
            self.fail((*path, "time_zone"), "is for weekly windows", remedy)
        start, end = (self._moment((*path, name), given[name]) for name in ("start", "end"))
        return self.located(path, lambda: FixedWindow(selector=selector, start=start, end=end))

    def _option(self, path: yaml_reader.Path, name: str, value: object) -> Any:
        return OPTIONS[name].check(self._where((*path, name)), value)

    def _selector(self, path: yaml_reader.Path, given: Mapping[str, Any]) -> Selector:
        component, metric = (check_glob(self._where((*path, name)), given.get(name, "*")) for name in _SELECTOR)
        return Selector(component=component, metric=metric)

    def _weekly(self, path: yaml_reader.Path, given: Mapping[str, Any], selector: Selector) -> WeeklyWindow:
        days = given["weekdays"]
        if not isinstance(days, list) or len(days) > MOST_ENTRIES or not all(isinstance(day, str) for day in days):
            remedy = f"list some of: {', '.join(WEEKDAYS)}"
            self.fail((*path, "weekdays"), f"is {shown(days)}, not a list of days", remedy)
        start_s, end_s = (self._clock((*path, name), given[name]) for name in ("start", "end"))
        zone = self._option(path, "time_zone", given.get("time_zone", "UTC"))
        return self.located(
            path,
            lambda: WeeklyWindow(
                selector=selector, weekdays=frozenset(days), start_s=start_s, end_s=end_s, time_zone=zone
            ),
        )

    def _clock(self, path: yaml_reader.Path, value: object) -> int:
        match = _CLOCK.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            self.fail(path, f"is {shown(value)}, not a time of day", 'write "HH:MM", from "00:00" to "24:00"')
        hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return hours * 3600 + minutes * 60 + seconds

    def _moment(self, path: yaml_reader.Path, value: object) -> datetime:
        remedy = "write for example 2026-03-01T22:00:00Z"
        if not isinstance(value, str):
            self.fail(path, f"is {shown(value)}, not a time", remedy)
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            self.fail(path, f"is {shown(value)}, not a time", remedy)


def _object(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    schema = {"type": "object", "additionalProperties": False, "properties": dict(properties)}
    return {**schema, "required": list(required)} if required else schema


def _rule_document(rule: SeriesRule) -> dict[str, Any]:
    options = dict(rule.options)
    if isinstance(options.get("holidays"), tuple):
        options["holidays"] = [day.isoformat() for day in options["holidays"] if isinstance(day, date)]
    return {**_selector_document(rule.selector), **options}


def _window_document(window: ExcludedWindow) -> dict[str, Any]:
    selector = _selector_document(window.selector)
    if isinstance(window, FixedWindow):
        return {**selector, "start": window.start.isoformat(), "end": window.end.isoformat()}
    return {
        **selector,
        "weekdays": [day for day in WEEKDAYS if day in window.weekdays],
        "start": clock(window.start_s),
        "end": clock(window.end_s),
        "time_zone": window.time_zone,
    }


def _selector_document(selector: Selector) -> dict[str, Any]:
    return {"component": selector.component, "metric": selector.metric}
