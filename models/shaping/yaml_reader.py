"""A small, safe part of YAML: maps, lists and scalars, with the line of each.

Refused, because nobody needs them in a file of rules and each has been an attack or a trap: aliases and anchors, tags,
several documents, a key twice, keys that are no text, deep nesting. Of unquoted scalars only null, true, false and
decimal numbers are not text: ``no`` is Norway, 22:00 is a time of day and 2026-12-24 stays as it is written.
"""

import math
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from models.errors import ConfigurationError
from models.shaping.options import shown

Path = tuple[str | int, ...]

DEEPEST = 8
_LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False, ".inf": math.inf, "-.inf": -math.inf}
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Where something stands in the text.

    Parameters
    ----------
    line, column
        Of its beginning, one-based.
    start, end
        Characters of the text, zero-based; the end is exclusive.
    """

    line: int
    column: int
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a file says, and where.

    Parameters
    ----------
    content
        Of dict, list, str, float, bool and None.
    lines
        One-based line of each value, by its path of keys and indices.
    spans
        Of each value likewise; that of a map or list ends where it begins.
    keys
        Span of the key of each value of a map.
    """

    content: Any
    lines: dict[Path, int]
    spans: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)


def read_yaml(text: str, source: str) -> Document:
    """Read one document.

    Parameters
    ----------
    text
        YAML; untrusted.
    source
        Name of the file, for messages.

    Returns
    -------
    Document
        An empty text has the content None.

    Raises
    ------
    ConfigurationError
        If it is not YAML, or not of the part that is read.
    """
    tree = _Tree(source)
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            tree.take(event)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f" line {mark.line + 1}:" if mark else ""
        problem = f"{source}:{line} not YAML: {error.problem or error.context}."
        raise ConfigurationError(problem, remedy="check quotes, colons and indentation there") from None
    except yaml.YAMLError as error:
        problem = f"{source}: not YAML: {' '.join(str(error).split())[:200]}."
        raise ConfigurationError(problem, remedy="remove control characters") from None
    return Document(content=tree.content, lines=tree.lines, spans=tree.spans, keys=tree.keys)


def place(path: Path) -> str:
    """A path as people write it.

    Parameters
    ----------
    path
        Keys and indices.

    Returns
    -------
    str
        For example ``rules[2].direction``; a key that is no plain word stands in quotes.
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            word = part if part.isidentifier() and len(part) < 60 else shown(part)
            text += f".{word}" if text else word
    return text


@dataclass(slots=True)
class _Open:
    """A map or list that has begun but not ended."""

    path: Path
    value: dict[str, Any] | list[Any]
    key: str | None = None


@dataclass(slots=True)
class _Tree:
    source: str
    content: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    spans: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)
    open: list[_Open] = field(default_factory=list)
    documents: int = 0

    def take(self, event: yaml.Event) -> None:
        self._refuse(event)
        if isinstance(event, yaml.MappingStartEvent):
            self._begin({}, event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._begin([], event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            self.open.pop()
        elif isinstance(event, yaml.ScalarEvent):
            self._scalar(event)

    def _refuse(self, event: yaml.Event) -> None:
        if isinstance(event, yaml.DocumentStartEvent):
            self.documents += 1
            if self.documents > 1:
                self._fail(event, "a second document", "keep one document a file")
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            self._fail(event, "anchors (&) and aliases (*) are not read", "write it out, or put the text in quotes")
        tag = getattr(event, "tag", None)
        if tag is not None:
            self._fail(event, f"the tag {shown(tag)} is not read", "remove it")

    def _begin(self, value: dict[str, Any] | list[Any], event: yaml.Event) -> None:
        if len(self.open) >= DEEPEST:
            self._fail(event, f"nested deeper than {DEEPEST}", "rules are flat")
        if self.open and isinstance(self.open[-1].value, dict) and self.open[-1].key is None:
            self._fail(event, "a key that is no text", "put a text before the colon")
        self.open.append(_Open(self._put(value, event), value))

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        inner = self.open[-1] if self.open else None
        if inner is None or isinstance(inner.value, list) or inner.key is not None:
            self._put(_plain(event.value) if event.implicit[0] else event.value, event)
            return
        if event.value in inner.value:
            where = place((*inner.path, event.value))
            first = self.lines[(*inner.path, event.value)]
            self._fail(event, f"{where} is there already, from line {first}", "keep one of them")
        inner.key = event.value
        self.keys[(*inner.path, event.value)] = _span(event)

    def _put(self, value: Any, event: yaml.Event) -> Path:
        path: Path = ()
        if not self.open:
            self.content = value
        elif isinstance(self.open[-1].value, list):
            path = (*self.open[-1].path, len(self.open[-1].value))
            self.open[-1].value.append(value)
        elif self.open[-1].key is not None:
            path = (*self.open[-1].path, self.open[-1].key)
            self.open[-1].value[self.open[-1].key] = value
            self.open[-1].key = None
        self.lines[path] = _line(event)
        self.spans[path] = _span(event)
        return path

    def _fail(self, event: yaml.Event, problem: str, remedy: str) -> None:
        raise ConfigurationError(f"{self.source}: line {_line(event)}: {problem}.", remedy=remedy)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _span(event: yaml.Event) -> Span:
    begin, end = event.start_mark, event.end_mark
    if begin is None or end is None:
        return Span(line=1, column=1, start=0, end=0)
    return Span(line=begin.line + 1, column=begin.column + 1, start=begin.index, end=end.index)


def _plain(text: str) -> Any:
    if text in _WORDS:
        return _WORDS[text]
    return float(text) if _NUMBER.fullmatch(text) else text
