"""The file of health checks: read, checked whole on load, and described by a JSON Schema.

::

    version: 1
    checks:
      - id: orders-http
        component: orders
        type: HTTP_ENDPOINT
        url: http://127.0.0.1:8080/healthz
        body_contains: ok
        interval_s: 30
        thresholds:
          - {metric: latency_s, unit: ms, warning: 250, critical: 1000}
        depends_on: [orders-db]
        trips_breaker: true
      - id: orders-db
        component: orders-db
        type: DATABASE_QUERY
        database: orders          # a URL of the settings, or write url
        query: SELECT 1
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError

from models.errors import ConfigurationError, FaultlineError
from models.shaping import yaml_reader
from models.shaping.options import nearest
from service.checks.custom import CheckFunction
from service.checks.document import CheckFile, CommonEntry, CustomEntry, ThresholdEntry, targets
from service.checks.probes import METRICS
from service.ports import Clock
from service.recovery.checkup import Check, CheckPolicy, CheckSet, CheckType, Maintenance, find_cycle
from service.recovery.health import Direction, MetricThreshold
from service.recovery.units import BASE_OF, in_base

VERSION = 1
LARGEST_FILE = 1 << 20
"""Bytes."""
_PACE = ("interval_s", "retry_interval_s", "max_retries", "successes", "timeout_s", "jitter", "stale_after_s")

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What checks may name.

    Parameters
    ----------
    clock
        Of the machine.
    commands
        Allowed argument lists by name.
    databases
        URLs by name.
    functions
        Registered functions by name.
    breakers
        Components that have a breaker; None if that is not known here.
    """

    clock: Clock
    commands: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    databases: Mapping[str, str] = field(default_factory=dict)
    functions: Mapping[str, CheckFunction] = field(default_factory=dict)
    breakers: frozenset[str] | None = None


def load_checks(path: Path, context: CheckContext) -> CheckSet:
    """Read a file of checks.

    Parameters
    ----------
    path
        Of a YAML file in UTF-8.
    context
        What they may name.

    Returns
    -------
    CheckSet
        Checked whole; the target of each is the probe that looks.

    Raises
    ------
    ConfigurationError
        If it cannot be read, exceeds 1 MiB, or holds any mistake; the message names file, line, place and remedy.
    """
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        problem = f"{path} cannot be read: {error.strerror}."
        raise ConfigurationError(problem, remedy="give the path of a file of checks") from error
    return parse_checks(data, str(path), context)


def parse_checks(data: bytes, source: str, context: CheckContext) -> CheckSet:
    """Read the content of a file of checks.

    Parameters
    ----------
    data
        YAML in UTF-8; untrusted.
    source
        Name of the file, for messages.
    context
        What the checks may name.

    Returns
    -------
    CheckSet
        As ``load_checks`` gives it.

    Raises
    ------
    ConfigurationError
        As for ``load_checks``.
    """
    if len(data) > LARGEST_FILE:
        problem = f"{source} is larger than {LARGEST_FILE >> 20} MiB."
        raise ConfigurationError(problem, remedy="keep fewer checks")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{source} is not UTF-8 at byte {error.start}.", remedy="save it as UTF-8") from None
    document = yaml_reader.read_yaml(text, source)
    return _Reader(source=source, lines=document.lines, context=context).read(document.content)


def checks_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file, for editors and forms.

    Returns
    -------
    dict
        It cannot say all that is checked on load: units of metrics, order of limits, known names, circles.
    """
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **CheckFile.model_json_schema()}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    source: str
    lines: Mapping[yaml_reader.Path, int]
    context: CheckContext

    def read(self, content: object) -> CheckSet:
        if not isinstance(content, dict):
            self.fail((), "is no mapping", f"begin it with version: {VERSION}")
        try:
            file = CheckFile.model_validate(content)
        except ValidationError as error:
            self._refuse(error, content)
        entries = [(("checks", place), entry.root) for place, entry in enumerate(file.checks)]
        self._check_ids(entries)
        checks = [self._check(path, entry) for path, entry in entries]
        return self.located(("checks",), lambda: CheckSet(checks))

    def fail(self, path: yaml_reader.Path, problem: str, remedy: str) -> NoReturn:
        raise ConfigurationError(f"{self._where(path)} {problem}.", remedy=remedy)

    def located(self, path: yaml_reader.Path, make: Callable[[], _T]) -> _T:
        """Put the place before what a check complains of."""
        try:
            return make()
        except FaultlineError as error:
            problem = str(error).removesuffix(f" Remedy: {error.remedy}")
            raise ConfigurationError(f"{self._where(path)}: {problem}", remedy=error.remedy) from error

    def _where(self, path: yaml_reader.Path) -> str:
        known = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in self.lines), None)
        line = f"line {self.lines[known]}: " if known is not None else ""
        return f"{self.source}: {line}{yaml_reader.place(path) or 'the file'}"

    def _refuse(self, error: ValidationError, content: Any) -> NoReturn:
        """Tell the first problem, at its place in the file: names of types in the path are not part of that."""
        problem = error.errors()[0]
        path: list[str | int] = []
        for part in problem["loc"]:
            if (isinstance(content, dict) and part in content) or (isinstance(content, list) and isinstance(part, int)):
                path.append(part)
                content = content[part]  # type: ignore[index]  # looked at in the line above
        if problem["type"] == "missing":
            path.append(problem["loc"][-1])
        remedy = "print the format with: faultline checks schema"
        if problem["type"] == "extra_forbidden":
            remedy = f"remove it; {nearest(str(path[-1]), _known_fields(problem['loc']))}"
        raise ConfigurationError(f"{self._where(tuple(path))}: {problem['msg']}.", remedy=remedy)

    def _check_ids(self, entries: Iterable[tuple[yaml_reader.Path, CommonEntry]]) -> None:
        first: dict[str, yaml_reader.Path] = {}
        for path, entry in entries:
            if entry.id in first:
                line = self.lines.get((*first[entry.id], "id"))
                self.fail((*path, "id"), f"is {entry.id!r} as in line {line}", "rename one")
            first[entry.id] = path
        parents: dict[str, list[str]] = {}
        for path, entry in entries:
            parents[entry.id] = entry.depends_on
            for place, parent in enumerate(entry.depends_on):
                if parent not in first:
                    self.fail((*path, "depends_on", place), f"is {parent!r}, no check", nearest(parent, first))
        cycle = find_cycle(parents)
        if cycle:
            path = (*first[cycle[0]], "depends_on")
            self.fail(path, f"closes a circle: {' -> '.join(cycle)}", "remove one of these dependencies")

    def _check(self, path: yaml_reader.Path, entry: CommonEntry) -> Check:
        kind = CheckType(entry.type)  # type: ignore[attr-defined]  # every kind of entry has one
        pace = {name: value for name in _PACE if (value := getattr(entry, name)) is not None}
        policy = self.located(path, lambda: CheckPolicy(**pace))
        metrics = METRICS[kind]
        if isinstance(entry, CustomEntry):
            metrics = {name: (self._base(path, name, unit), Direction.ABOVE) for name, unit in entry.metrics.items()}
        listed = enumerate(entry.thresholds)
        limits = tuple(self._threshold((*path, "thresholds", place), one, metrics) for place, one in listed)
        windows = enumerate(entry.maintenance)
        known = self.context.breakers
        if entry.trips_breaker and known is not None and entry.component not in known:
            problem = f"is asked for, but {entry.component!r} has no breaker"
            self.fail((*path, "trips_breaker"), problem, nearest(entry.component, known))
        return Check(
            id=entry.id,
            component=entry.component,
            type=kind,
            policy=policy,
            thresholds=limits,
            depends_on=tuple(entry.depends_on),
            trips_breaker=entry.trips_breaker,
            maintenance=tuple(
                self.located((*path, "maintenance", i), lambda one=one: Maintenance(**dict(one)))  # type: ignore[misc]  # bound here
                for i, one in windows
            ),
            target=self.located(path, lambda: targets(entry, self.context)),
        )

    def _base(self, path: yaml_reader.Path, name: str, unit: str) -> str:
        if unit not in BASE_OF:
            self.fail((*path, "metrics", name), f"is {unit!r}, no unit", nearest(unit, BASE_OF))
        return BASE_OF[unit][0]

    def _threshold(
        self, path: yaml_reader.Path, entry: ThresholdEntry, metrics: Mapping[str, tuple[str, Direction]]
    ) -> MetricThreshold:
        if entry.metric not in metrics:
            remedy = nearest(entry.metric, metrics) if metrics else "declare it under metrics"
            self.fail((*path, "metric"), f"is {entry.metric!r}, which this type does not measure", remedy)
        base, usual = metrics[entry.metric]
        limits = [
            None
            if limit is None
            else self.located((*path, "unit"), lambda limit=limit: in_base(limit, entry.unit, base))  # type: ignore[misc]  # bound here
            for limit in (entry.warning, entry.critical)
        ]
        return self.located(
            path,
            lambda: MetricThreshold(
                metric=entry.metric,
                warning=limits[0],
                critical=limits[1],
                direction=entry.direction or usual,
                unit=base,
            ),
        )


def _known_fields(location: tuple[int | str, ...]) -> list[str]:
    """Names that could have been meant at a place that holds an unknown one."""
    from service.checks.document import ENTRIES

    if len(location) <= 1:
        return list(CheckFile.model_fields)
    if "thresholds" in location:
        return list(ThresholdEntry.model_fields)
    kind = next((ENTRIES[part] for part in location if isinstance(part, str) and part in ENTRIES), CommonEntry)
    return list(kind.model_fields)
