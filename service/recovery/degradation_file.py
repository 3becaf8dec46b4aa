"""Reads levels of reduced function from YAML; every mistake is refused with file, line, place and remedy."""

from collections.abc import Callable, Iterable
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import ConfigurationError, FaultlineError
from models.shaping.yaml_reader import Document, Path, place, read_yaml
from service.recovery.conditions import Condition
from service.recovery.degradation import Ladder, Level
from service.recovery.facts import DEGRADATION_FACTS

Value = TypeVar("Value")


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class LevelEntry(_Entry):
    """One step down."""

    name: str = Field(min_length=1, max_length=100, description="Unique in its component; not `full`.")
    gives_up: tuple[str, ...] = Field(description="Features that are not offered from here on.")
    enter: str = Field(description="Condition, looked at while the component is one level higher.")
    leave: str = Field(description="Condition, looked at while the component is at this level.")
    enter_hold_s: float = Field(default=60.0, description="So long `enter` must hold without a break, seconds.")
    leave_hold_s: float = Field(default=300.0, description="So long `leave` must hold without a break, seconds.")
    description: str = Field(default="", max_length=1000, description="For people.")


class LadderEntry(_Entry):
    """The levels of one component."""

    component: str = Field(min_length=1, description="Whose.")
    levels: tuple[LevelEntry, ...] = Field(description="The mildest first.")


class DegradationFile(_Entry):
    """Levels of reduced function of Faultline."""

    degradations: tuple[LadderEntry, ...]


def degradation_schema() -> dict[str, Any]:
    """Describe the file.

    Returns
    -------
    dict of str to Any
        JSON Schema.
    """
    return DegradationFile.model_json_schema()


def read_degradations(text: str, *, source: str, components: Iterable[str] | None = None) -> tuple[Ladder, ...]:
    """Read a file of levels.

    Parameters
    ----------
    text
        YAML; untrusted.
    source
        Name for messages.
    components
        Those that there are; another one is refused. None accepts any.

    Returns
    -------
    tuple of Ladder
        One a component, in the order of the file; ConfigurationError with file, line, place and remedy, if anything is
        wrong.
    """
    reader = _Reader(read_yaml(text, source), source)
    content = reader.validated()
    known = None if components is None else tuple(components)
    ladders: dict[str, Ladder] = {}
    for number, entry in enumerate(content.degradations):
        path: Path = ("degradations", number)
        if entry.component in ladders:
            reader.fail((*path, "component"), f"{entry.component!r} is declared twice", "keep one of them")
        if known is not None and entry.component not in known:
            near = get_close_matches(entry.component, known, n=1)
            remedy = f"did you mean {near[0]}?" if near else f"use one of: {', '.join(sorted(known))}"
            reader.fail((*path, "component"), f"there is no component {entry.component!r}", remedy)
        levels = tuple(reader.level((*path, "levels", i), level) for i, level in enumerate(entry.levels))
        make = _ladder(entry.component, levels)
        ladders[entry.component] = reader.placed((*path, "levels"), make)
    return tuple(ladders.values())


def _ladder(component: str, levels: tuple[Level, ...]) -> Callable[[], Ladder]:
    return lambda: Ladder(component=component, levels=levels)


class _Reader:
    """Gives every mistake its place."""

    def __init__(self, document: Document, source: str) -> None:
        self._document = document
        self._source = source

    def validated(self) -> DegradationFile:
        try:
            return DegradationFile.model_validate(self._document.content)
        except ValidationError as error:
            first = error.errors()[0]
            what = "an unknown field" if first["type"] == "extra_forbidden" else first["msg"]
            remedy = "see `faultline degradation schema`"
            self.fail(first["loc"], what, remedy)

    def level(self, path: Path, entry: LevelEntry) -> Level:
        enter = self.placed((*path, "enter"), lambda: Condition.of(entry.enter, DEGRADATION_FACTS))
        leave = self.placed((*path, "leave"), lambda: Condition.of(entry.leave, DEGRADATION_FACTS))
        values = {name: value for name, value in entry if name not in {"enter", "leave"}}
        return self.placed(path, lambda: Level(**values, enter=enter, leave=leave))

    def placed(self, path: Path, make: Callable[[], Value]) -> Value:
        try:
            return make()
        except FaultlineError as error:
            remedy = "" if error.remedy else "mend the file"  # the message of the error ends with its own
            raise ConfigurationError(f"{self._where(path)}: {error}", remedy=remedy) from error

    def fail(self, path: Path, problem: str, remedy: str) -> NoReturn:
        raise ConfigurationError(f"{self._where(path)}: {problem}.", remedy=remedy)

    def _where(self, path: Path) -> str:
        lines = self._document.lines
        line = next((lines[path[:end]] for end in range(len(path), -1, -1) if path[:end] in lines), 1)
        return f"{self._source}: line {line}: {place(path) or 'the file'}"
