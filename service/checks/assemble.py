"""Makes a runner of the settings: the file of checks, what it may name, and when it changed."""

from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

from service.check_config import CheckConfig
from service.checks.custom import CheckFunction
from service.checks.file import CheckContext, load_checks
from service.checks.runner import CheckRunner, RunnerSettings
from service.clock import SystemClock
from service.records import Record
from service.recovery.checkup import CheckSet
from service.store.checks import CheckStore
from service.store.database import Database


def context_of(
    config: CheckConfig,
    *,
    functions: Mapping[str, CheckFunction] | None = None,
    breakers: frozenset[str] | None = None,
) -> CheckContext:
    """Collect what a file of checks may name.

    Parameters
    ----------
    config
        In force.
    functions
        Registered by the application, by name.
    breakers
        Components that have a breaker; None if that is not known.

    Returns
    -------
    CheckContext
        Of the machine that this runs on.
    """
    return CheckContext(
        clock=SystemClock(),
        commands=config.commands,
        databases={name: url.get_secret_value() for name, url in config.databases.items()},
        functions=dict(functions or {}),
        breakers=breakers,
    )


def runner_of(
    config: CheckConfig,
    context: CheckContext,
    *,
    database: Database,
    now: Callable[[], datetime],
    publish: Callable[[Record], None],
    trip: Callable[[str, str], None] | None = None,
) -> CheckRunner:
    """Make the runner; it does not run before it is entered.

    Parameters
    ----------
    config
        In force; without a file there are no checks.
    context
        What the file may name.
    database
        Where results are kept.
    now
        Wall time of the records, UTC.
    publish
        Told of every change.
    trip
        Opens the breaker of a component, for a reason; None if there are none.

    Returns
    -------
    CheckRunner
        ConfigurationError if the file is wrong.
    """
    file = config.file
    pace_s = config.reload_s if file is not None else 0.0
    return CheckRunner(
        lambda: CheckSet() if file is None else load_checks(file, context),
        store=CheckStore(database, config.history),
        clock=context.clock,
        now=now,
        publish=publish,
        settings=RunnerSettings(max_running=config.max_running, seed=config.seed, reload_s=pace_s),
        trip=trip,
        version=None if file is None else lambda: _version(file),
    )


def _version(file: Path) -> object:
    found = file.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
