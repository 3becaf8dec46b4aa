"""Mistakes in files of strategies and boundaries: each with its place in the text and a remedy, several at one time."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from models.errors import ConfigurationError, FaultlineError
from models.shaping.yaml_reader import Document, Path, Span, read_yaml
from service.recovery.entries import Entry, fields_at
from service.recovery.syntax import ConditionError

Value = TypeVar("Value")
File = TypeVar("File", bound=Entry)

MAX_CHARACTERS = 1_000_000
MAX_SHOWN = 10
MAX_KEPT = 200
MEND = "docs/strategies.md tells what may stand there"
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\r?\n[ \t]*|.)")
_HEADER = re.compile(r"[|>][^\n]*\n")
_EXPECTED = {
    "string_type": "text is",
    "list_type": "a list is",
    "tuple_type": "a list is",
    "dict_type": "fields are",
    "model_type": "fields are",
}
_REMEDIES = {
    "number": "write a plain number, without unit and quotes; times are in seconds",
    "parameter": "write a number, or text in quotes",
    "string_type": "write text; put it in quotes",
    "list_type": "write a list: one item a line with - before it, or [a, b]",
    "tuple_type": "write a list: one item a line with - before it, or [a, b]",
    "dict_type": "write fields: name: value",
    "model_type": "write fields: name: value",
    "int_from_float": "write a whole number",
    "int_parsing_size": "write a smaller number",
    "finite_number": "write a finite number",
    "string_too_short": "write something here",
    "too_short": "write at least one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong in a file.

    Parameters
    ----------
    source
        The file.
    path
        Where in it, as people write it; empty for the whole.
    problem
        What is wrong.
    remedy
        What the writer can do.
    span
        Where in the text; None if there is no text.
    """

    source: str
    path: str
    problem: str
    remedy: str
    span: Span | None

    @property
    def at(self) -> tuple[int, int]:
        """Line and column, one-based; 0 if there is no text."""
        return (self.span.line, self.span.column) if self.span else (0, 0)

    def __str__(self) -> str:
        line, column = self.at
        place = f"{self.source}: line {line}, column {column}" if line else self.source
        stop = "" if self.problem.endswith((".", "!", "?")) else "."
        return f"{place}: {self.path}{': ' if self.path else ''}{self.problem}{stop} Remedy: {self.remedy}"


class DocumentError(ConfigurationError):
    """A file holds mistakes; nothing of it is in force.

    Parameters
    ----------
    mistakes
        At least one. The message shows the first ten in the order of the file.

    Attributes
    ----------
    mistakes : tuple of Mistake
        All, in the order of the file.
    """

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes, key=lambda mistake: mistake.at))
        more = len(self.mistakes) - MAX_SHOWN
        lines = [str(mistake) for mistake in self.mistakes[:MAX_SHOWN]]
        super().__init__("\n".join([*lines, f"... and {more} more"] if more > 0 else lines))
        self.remedy = self.mistakes[0].remedy


class Reading:
    """A file that is being read: collects its mistakes, and gives them all at the end.

    Parameters
    ----------
    document
        The content and where it stands.
    source
        Name for messages.
    text
        What was read; None if it was no text.
    """

    def __init__(self, document: Document, source: str, text: str | None = None) -> None:
        self._document = document
        self._source = source
        self._text = text
        self._mistakes: list[Mistake] = []

    @classmethod
    def of_text(cls, text: str, source: str) -> "Reading":
        """Parse YAML; ConfigurationError with the line if it is none.

        Parameters
        ----------
        text
            Untrusted.
        source
            Name for messages.

        Returns
        -------
        Reading
            Without mistakes so far.

        Raises
        ------
        DocumentError
            If it is too long, or holds what no file of text does.
        """
        text = text.removeprefix("\ufeff")
        if len(text) > MAX_CHARACTERS:
            problem = f"it has {len(text):,} characters, {MAX_CHARACTERS:,} are read"
            span = Span(line=1, column=1, start=0, end=0)
            raise DocumentError([Mistake(source=source, path="", problem=problem, remedy="split the file", span=span)])
        bad = _FORBIDDEN.search(text)
        if bad:
            span = _span_at(text, bad.start())
            problem = f"the character {bad.group()!r} is no text"
            remedy = "remove it; write the file in UTF-8"
            raise DocumentError([Mistake(source=source, path="", problem=problem, remedy=remedy, span=span)])
        return cls(read_yaml(text, source), source, text)

    def validated(self, model: type[File], at: Path = ()) -> File:
        """Check fields, types and ranges; DocumentError with all mistakes if there are any.

        Parameters
        ----------
        model
            Of the content.
        at
            Where the content stands.

        Returns
        -------
        Entry
            Of the model.
        """
        try:
            return model.model_validate(self._document.content)
        except ValidationError as error:
            for detail in error.errors(include_url=False)[:MAX_KEPT]:
                self._note_detail(model, (*at, *detail["loc"]), detail)
            self.fail()

    def placed(self, path: Path, make: Callable[[], Value]) -> Value | None:
        """Make a value; an error of it becomes a mistake.

        Parameters
        ----------
        path
            Where it comes from.
        make
            May raise a FaultlineError.

        Returns
        -------
        object or None
            None if it cannot be made.
        """
        try:
            return make()
        except ConditionError as error:
            self.note(path, error.problem, error.remedy, offset=error.position)
        except FaultlineError as error:
            self.note(_named(path, self._document, str(error)), _problem(error), error.remedy)
        return None

    def note(self, path: Path, problem: str, remedy: str, *, offset: int | None = None) -> None:
        """Keep a mistake.

        Parameters
        ----------
        path
            Where.
        problem
            What is wrong.
        remedy
            What the writer can do.
        offset
            Character of the text at the path; None for its beginning.
        """
        words = place_of(path, self._document.content)
        if offset is not None:
            words += f", character {offset + 1}"
        span = self._span(path, offset)
        self._mistakes.append(
            Mistake(source=self._source, path=words, problem=problem, remedy=remedy or MEND, span=span)
        )

    def finish(self) -> None:
        """Raise DocumentError if there are mistakes."""
        if self._mistakes:
            self.fail()

    def fail(self) -> NoReturn:
        """Give up; DocumentError with all mistakes so far.

        Raises
        ------
        DocumentError
            Always.
        """
        raise DocumentError(self._mistakes)

    def _note_detail(self, model: type[Entry], path: Path, detail: ErrorDetails) -> None:
        kind, context = detail["type"], detail.get("ctx", {})
        if kind == "extra_forbidden":
            known = fields_at(model, path[:-1])
            self.note(path, f"there is no field {str(path[-1])[:60]!r}", suggestion(str(path[-1]), known))
        elif kind == "missing":
            self.note(path, "it is missing", f"add a line {path[-1]}: ..." if path else "write the file")
        elif kind == "enum":
            words = re.findall(r"'([^']*)'", str(context.get("expected", "")))
            self.note(path, f"{_short(detail['input'])} is not known", suggestion(str(detail["input"])[:60], words))
        else:
            self.note(path, f"{_said(detail)}: {_short(detail['input'])}", _remedy(kind, context))

    def _value(self, path: Path) -> str:
        content = self._document.content
        for part in path:
            content = content[part]
        return str(content)

    def _span(self, path: Path, offset: int | None) -> Span | None:
        spans, keys = self._document.spans, self._document.keys
        if self._text is None:
            return None
        if offset is not None and path in spans:
            start, value = spans[path].start, self._value(path)
            return _span_at(self._text, _position(self._text[start : spans[path].end], value, offset, start))
        for end in range(len(path), -1, -1):
            at = path[:end]
            if at in keys or at in spans:
                return keys.get(at) or spans[at]
        return Span(line=1, column=1, start=0, end=0)


def _short(value: Any) -> str:
    return repr(value)[:60] if isinstance(value, str | int | float | bool | None) else f"a {type(value).__name__}"


def place_of(path: Path, content: Any) -> str:
    """Write a place of a file with the ids of its entries in place of their numbers.

    Parameters
    ----------
    path
        Keys and indices.
    content
        Of the file.

    Returns
    -------
    str
        For example ``strategies.'restart'.steps.'verify'.success``.
    """
    words = []
    for part in path:
        try:
            content = content[part]
        except (LookupError, TypeError):
            content = None
        name = content.get("id") if isinstance(content, dict) and isinstance(part, int) else None
        words.append(repr(name)[:80] if name is not None else str(part)[:80])
    return ".".join(words)


def suggestion(name: str, known: Sequence[str]) -> str:
    """Say what could have been meant.

    Parameters
    ----------
    name
        That nobody knows.
    known
        What there is.

    Returns
    -------
    str
        The nearest, or all; at most twenty.
    """
    close = get_close_matches(name[:60], known, n=1) or get_close_matches(name[:60].upper(), known, n=1)
    close = close or [word for word in known if name and word.startswith(name)]
    listed = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    return f"did you mean {close[0]}?" if close else f"use one of: {listed}"


def _said(detail: ErrorDetails) -> str:
    if detail["type"] in _EXPECTED:
        return f"{_EXPECTED[detail['type']]} expected here"
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _remedy(kind: str, context: dict[str, Any]) -> str:
    for name, words in (("ge", "at least"), ("gt", "more than"), ("le", "at most"), ("lt", "less than")):
        if name in context:
            return f"give {words} {context[name]:g}"
    if "max_length" in context:
        return f"at most {context['max_length']} are read"
    return _REMEDIES.get(kind, "see the JSON Schema: faultline strategies schema, faultline boundaries schema")


def _problem(error: FaultlineError) -> str:
    """The message without its remedy, which is told apart."""
    return str(error).removesuffix(f" Remedy: {error.remedy}") if error.remedy else str(error)


def _named(path: Path, document: Document, message: str) -> Path:
    """The field that a message speaks of, if the map at the path has it."""
    below = {at[len(path)] for at in _under(path, document)}
    words = [word for word in re.findall(r"[a-z_]+", message) if word in below]
    return (*path, words[0]) if words else path


def _under(path: Path, document: Document) -> Iterator[Path]:
    return (at for at in document.keys if len(at) == len(path) + 1 and at[:-1] == path)


def _position(raw: str, value: str, offset: int, start: int) -> int:
    """Where a character of a scalar's value stands in the text: white space may differ, all else is the same."""
    at, quote = _begin(raw), raw[:1] if raw[:1] in {"'", '"'} else ""
    ahead = sum(not character.isspace() for character in value[:offset])
    is_to_skip = offset >= len(value) or not value[offset].isspace()
    while at < len(raw):
        width = _width(raw, at, quote)
        if not _is_space(raw[at : at + width]):
            if not ahead:
                break
            ahead -= 1
        elif not ahead and not is_to_skip:
            break
        at += width
    return start + min(at, max(len(raw.rstrip()) - 1, 0))


def _is_space(unit: str) -> bool:
    return unit.isspace() or unit in {"\\n", "\\t", "\\r", "\\ "} or unit.startswith(("\\\n", "\\\r"))


def _begin(raw: str) -> int:
    header = _HEADER.match(raw)
    if header:
        body = raw[header.end() :]
        return header.end() + len(body) - len(body.lstrip())
    return 1 if raw[:1] in {"'", '"'} else 0


def _width(raw: str, at: int, quote: str) -> int:
    if quote == "'" and raw.startswith("''", at):
        return 2
    escape = _ESCAPE.match(raw, at) if quote == '"' else None
    return len(escape.group()) if escape else 1


def _span_at(text: str, index: int) -> Span:
    before = text[:index].replace("\r\n", "\n")
    line = before.count("\n") + 1
    return Span(line=line, column=len(before) - before.rfind("\n"), start=index, end=index)
