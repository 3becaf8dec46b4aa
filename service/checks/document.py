"""What each kind of entry of the file of checks may hold, and the probe that it becomes."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, RootModel

from models.errors import ConfigurationError
from models.shaping.options import nearest
from service.checks.custom import CommandProbe, FunctionProbe
from service.checks.database import DatabaseProbe
from service.checks.filesystem import FileSystemProbe
from service.checks.http import HttpProbe
from service.checks.machine import CpuProbe, MemoryProbe, Processes
from service.checks.probes import Probe
from service.recovery.checkup.definitions import MOST_CHECKS
from service.recovery.checkup.policy import LONGEST_S, MOST_IN_A_ROW
from service.recovery.health import Direction

if TYPE_CHECKING:
    from service.checks.file import CheckContext

Seconds = Annotated[float, Field(ge=0.01, le=LONGEST_S)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
Text = Annotated[str, Field(min_length=1, max_length=1000)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ThresholdEntry(_Entry):
    """From where on a measured metric is bad; at least one limit is needed."""

    metric: Text
    unit: str = Field(description="Of both limits; converted, if it measures the same.")
    warning: float | None = Field(default=None, description="From here on the check is DEGRADED.")
    critical: float | None = Field(default=None, description="From here on the check is UNHEALTHY.")
    direction: Direction | None = Field(default=None, description="The bad side; each metric has a usual one.")


class MaintenanceEntry(_Entry):
    """A time in which the check may fail."""

    start: AwareDatetime
    end: AwareDatetime
    reason: str = ""


class CommonEntry(_Entry):
    """What every check has."""

    id: Name = Field(description="Unique.")
    component: Text = Field(description="Whose health it tells.")
    interval_s: Seconds | None = Field(default=None, description="Between runs; 30 if not given.")
    retry_interval_s: Seconds | None = Field(default=None, description="While a change is pending; 5 if not given.")
    max_retries: int | None = Field(
        default=None, ge=0, le=MOST_IN_A_ROW, description="Looks again before a bad result is believed; 2 if not given."
    )
    successes: int | None = Field(
        default=None, ge=1, le=MOST_IN_A_ROW, description="Better results in a row that are believed; 2 if not given."
    )
    timeout_s: Seconds | None = Field(default=None, description="Longest run; 10 if not given.")
    jitter: float | None = Field(default=None, ge=0, le=0.5, description="Share of the interval; 0.1 if not given.")
    stale_after_s: Seconds | None = Field(
        default=None, description="Older results tell nothing; three intervals and the timeout if not given."
    )
    thresholds: list[ThresholdEntry] = Field(default=[], max_length=20)
    depends_on: list[Name] = Field(default=[], max_length=50, description="Checks without which this tells nothing.")
    trips_breaker: bool = Field(default=False, description="Open the component's breaker when it is UNHEALTHY.")
    maintenance: list[MaintenanceEntry] = Field(default=[], max_length=100)


class HttpEntry(CommonEntry):
    """One request to an endpoint."""

    type: Literal["HTTP_ENDPOINT"]
    url: str = Field(pattern=r"^https?://[^\s/]+", max_length=2000)
    method: Literal["GET", "HEAD"] = "GET"
    headers: dict[str, str] = {}
    statuses: list[Annotated[int, Field(ge=100, le=599)]] = Field(default=[], description="200 to 299 if not given.")
    body_contains: str = Field(default="", max_length=1000)
    max_body_bytes: int = Field(default=1 << 20, ge=1, le=1 << 26)
    follow_redirects: bool = False
    max_redirects: int = Field(default=5, ge=0, le=20)
    verify_tls: bool = True
    ca_file: str = ""


class DatabaseEntry(CommonEntry):
    """One query that only reads; give url, or the name of a URL of the settings."""

    type: Literal["DATABASE_QUERY"]
    url: str = ""
    database: str = Field(default="", description="Name of a URL in the settings: the file holds no password then.")
    query: Text = "SELECT 1"
    at_least_rows: int = Field(default=0, ge=0, le=1000)


class FileSystemEntry(CommonEntry):
    """A path and the file system that it lies on."""

    type: Literal["FILE_SYSTEM"]
    path: Annotated[str, Field(pattern="^/", max_length=4000)]
    writable: bool = Field(default=False, description="Write, flush and remove a small file there.")


class _OfProcesses(CommonEntry):
    process_name: str = Field(default="", max_length=200, description="The whole machine if not given.")
    pid_file: str = Field(default="", max_length=4000)


class MemoryEntry(_OfProcesses):
    """Memory of the machine or of processes."""

    type: Literal["MEMORY_USAGE"]


class CpuEntry(_OfProcesses):
    """Processor time of the machine or of processes."""

    type: Literal["CPU_USAGE"]
    sample_s: float = Field(default=0.5, ge=0.05, le=60)


class CustomEntry(CommonEntry):
    """A command that the settings allow, or a function that the application registered."""

    type: Literal["CUSTOM"]
    command: str = ""
    function: str = ""
    metrics: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")], str] = Field(
        default={}, description="What it measures: name to unit. Values are given in the base unit."
    )


class CheckEntry(
    RootModel[
        Annotated[
            HttpEntry | DatabaseEntry | FileSystemEntry | MemoryEntry | CpuEntry | CustomEntry,
            Field(discriminator="type"),
        ]
    ]
):
    """One check."""


class CheckFile(_Entry):
    """A file of health checks."""

    version: Literal[1]
    checks: list[CheckEntry] = Field(min_length=1, max_length=MOST_CHECKS)


ENTRIES: Mapping[str, type[CommonEntry]] = {
    "HTTP_ENDPOINT": HttpEntry,
    "DATABASE_QUERY": DatabaseEntry,
    "FILE_SYSTEM": FileSystemEntry,
    "MEMORY_USAGE": MemoryEntry,
    "CPU_USAGE": CpuEntry,
    "CUSTOM": CustomEntry,
}


def targets(entry: CommonEntry, context: "CheckContext") -> Probe:
    """Make the probe of an entry.

    Parameters
    ----------
    entry
        Valid by itself.
    context
        What it may name.

    Returns
    -------
    Probe
        Two equal entries give equal probes.

    Raises
    ------
    ConfigurationError
        If it names what is not there, or says two things at once.
    """
    if isinstance(entry, HttpEntry):
        return _http(entry, context)
    if isinstance(entry, DatabaseEntry):
        return _database(entry, context)
    if isinstance(entry, FileSystemEntry):
        return FileSystemProbe(path=entry.path, clock=context.clock, writable=entry.writable)
    if isinstance(entry, CustomEntry):
        return _custom(entry, context)
    if isinstance(entry, MemoryEntry):
        return MemoryProbe(processes=_processes(entry))
    if isinstance(entry, CpuEntry):
        return CpuProbe(clock=context.clock, processes=_processes(entry), sample_s=entry.sample_s)
    raise ConfigurationError(f"There is no check of the kind {type(entry).__name__}.", remedy="register it here")


def _http(entry: HttpEntry, context: "CheckContext") -> HttpProbe:
    names = ("url", "method", "body_contains", "max_body_bytes", "follow_redirects", "max_redirects", "ca_file")
    if entry.method == "HEAD" and entry.body_contains:
        raise ConfigurationError("HEAD has no body to look at.", remedy="use GET, or remove body_contains")
    return HttpProbe(
        clock=context.clock,
        headers=tuple(entry.headers.items()),
        statuses=tuple(entry.statuses),
        verify_tls=entry.verify_tls,
        **{name: getattr(entry, name) for name in names},
    )


def _database(entry: DatabaseEntry, context: "CheckContext") -> DatabaseProbe:
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    if bool(entry.url) is bool(entry.database):
        raise ConfigurationError("One of url and database is needed, and only one.", remedy="give one of them")
    if entry.database and entry.database not in context.databases:
        remedy = f"add it to checks.databases of the settings; {nearest(entry.database, context.databases)}"
        raise ConfigurationError(f"The database {entry.database!r} is not in the settings.", remedy=remedy)
    url = entry.url or context.databases[entry.database]
    try:
        kind = make_url(url).get_backend_name()
    except ArgumentError:
        raise ConfigurationError("The URL of the database cannot be read.", remedy="write sqlite:////path") from None
    if kind not in {"sqlite", "postgresql"} or (kind == "sqlite" and not make_url(url).database):
        remedy = "use a SQLite file or PostgreSQL: only there can it be made sure that nothing is written"
        raise ConfigurationError(f"A query cannot be asked of {kind} without a file.", remedy=remedy)
    return DatabaseProbe(url=url, query=entry.query, clock=context.clock, at_least_rows=entry.at_least_rows)


def _custom(entry: CustomEntry, context: "CheckContext") -> Probe:
    if bool(entry.command) is bool(entry.function):
        raise ConfigurationError("One of command and function is needed, and only one.", remedy="give one of them")
    metrics = tuple(entry.metrics)
    if entry.function:
        if entry.function not in context.functions:
            raise ConfigurationError(
                f"The function {entry.function!r} is not registered.", remedy="register it in code before loading"
            )
        return FunctionProbe(name=entry.function, function=context.functions[entry.function], metrics=metrics)
    if entry.command not in context.commands:
        remedy = "add its argument list to checks.commands of the settings"
        raise ConfigurationError(f"The command {entry.command!r} is not allowed.", remedy=remedy)
    return CommandProbe(name=entry.command, argv=tuple(context.commands[entry.command]), metrics=metrics)


def _processes(entry: _OfProcesses) -> Processes:
    if entry.process_name and entry.pid_file:
        raise ConfigurationError("Both process_name and pid_file are given.", remedy="give one of them")
    return Processes(name=entry.process_name, pid_file=entry.pid_file)
