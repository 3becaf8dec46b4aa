"""The strategies and boundaries in force: read from files, read again while running, asked for routes."""

import hashlib
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from models.errors import ConfigurationError
from service.records import Record, RecordKind
from service.recovery import defaults
from service.recovery.boundaries import Boundaries
from service.recovery.documents import read_boundaries, read_strategies
from service.recovery.isolations import Isolations
from service.recovery.mistakes import MAX_CHARACTERS
from service.recovery.routes import RouteTable
from service.recovery.strategies import Strategies

_MOST_BYTES = 4 * MAX_CHARACTERS
SHIPPED = "shipped with Faultline"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Strategies and boundaries that were read together.

    Parameters
    ----------
    strategies
        To choose from.
    boundaries
        With their rules and routes.
    strategies_from, boundaries_from
        The files, or that they are the shipped ones.
    version
        Digest of both texts: the same texts give the same version.
    """

    strategies: Strategies
    boundaries: Boundaries
    strategies_from: str
    boundaries_from: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """What is in force, and since when.

    Parameters
    ----------
    policy
        The strategies and boundaries.
    since
        UTC; None since the start of the service.
    refused
        Why the latest reload was refused; empty if it was not.
    """

    policy: PolicySet
    since: datetime | None = None
    refused: str = ""


def load_policies(strategies: Path | None, boundaries: Path | None, components: Collection[str]) -> PolicySet:
    """Read both files, or the shipped ones.

    Parameters
    ----------
    strategies
        YAML; None takes those that ship.
    boundaries
        YAML; None takes the one that ships.
    components
        Of the system.

    Returns
    -------
    PolicySet
        Checked, also against each other; ConfigurationError with file, line and remedy if anything is wrong.
    """
    plans, rules = read_file(strategies, "strategies.yaml"), read_file(boundaries, "boundaries.yaml")
    known = read_strategies(plans, source=str(strategies or "strategies.yaml"))
    source = str(boundaries or "boundaries.yaml")
    return PolicySet(
        strategies=known,
        boundaries=read_boundaries(rules, source=source, components=components, strategies=known),
        strategies_from=str(strategies or SHIPPED),
        boundaries_from=str(boundaries or SHIPPED),
        version=hashlib.sha256(f"{plans}\0{rules}".encode("utf-8", "surrogatepass")).hexdigest()[:12],
    )


def read_file(file: Path | None, shipped: str) -> str:
    """Read the text of a file.

    Parameters
    ----------
    file
        In UTF-8; None takes the shipped one.
    shipped
        Name of that.

    Returns
    -------
    str
        As it stands there.

    Raises
    ------
    ConfigurationError
        If it cannot be read, is too large or is no UTF-8; it names the line of the first wrong byte.
    """
    if file is None:
        return files(defaults).joinpath(shipped).read_text("utf-8")
    try:
        with file.open("rb") as opened:
            content = opened.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = error.strerror or error
        raise ConfigurationError(f"{file}: cannot be read: {reason}.", remedy="give a YAML file in UTF-8") from error
    if len(content) > _MOST_BYTES:
        raise ConfigurationError(f"{file}: line 1: it has over {_MOST_BYTES:,} bytes.", remedy="split the file")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = f"{file}: line {line}: the byte {content[error.start]:#04x} is no UTF-8."
        raise ConfigurationError(problem, remedy="save the file in UTF-8") from error


class PolicyDesk:
    """Answers from any thread what is in force, and replaces it as a whole or not at all.

    Parameters
    ----------
    policy
        In force at the start.
    load
        Reads the files again; ConfigurationError if anything is wrong.
    check
        Refuses with ConfigurationError what nobody could carry out.
    use
        Puts a new set in force, between two steps of the loop.
    isolations
        Gives what is isolated at this moment.
    now
        Gives the engine's time, UTC.
    publish
        Takes the record of each reload.
    """

    def __init__(
        self,
        policy: PolicySet,
        *,
        load: Callable[[], PolicySet],
        check: Callable[[PolicySet], None],
        use: Callable[[PolicySet], None],
        isolations: Callable[[], Isolations],
        now: Callable[[], datetime],
        publish: Callable[[Record], object],
    ) -> None:
        self._view = PolicyView(policy=policy)
        self._load, self._check, self._use = load, check, use
        self._isolations, self._now, self._publish = isolations, now, publish
        self._lock = threading.Lock()

    @property
    def view(self) -> PolicyView:
        """What is in force."""
        return self._view

    @property
    def routes(self) -> RouteTable:
        """Which calls are open at this moment."""
        return self._view.policy.boundaries.route_table(self._isolations())

    def reload(self) -> PolicyView:
        """Read the files again and put them in force; runs that are under way keep the plan they began with.

        Returns
        -------
        PolicyView
            What is in force now.

        Raises
        ------
        ConfigurationError
            If anything is wrong; then all that was in force stays. Both outcomes are recorded.
        """
        with self._lock:
            before = self._view
            try:
                policy = self._load()
                check_breakers(before.policy.boundaries, policy.boundaries)
                self._check(policy)
            except ConfigurationError as error:
                self._view = replace(before, refused=str(error))
                self._publish(_record(self._now(), RecordKind.POLICY_REFUSED, before.policy, str(error)))
                raise
            self._use(policy)
            self._view = PolicyView(policy=policy, since=self._now())
            self._publish(_record(self._now(), RecordKind.POLICY_RELOADED, policy, _said(before.policy, policy)))
            return self._view


def check_breakers(before: Boundaries, after: Boundaries) -> None:
    """Refuse a set whose breakers differ: those in force hold counts and states that applications rely on.

    Parameters
    ----------
    before
        In force.
    after
        To be put in force.

    Raises
    ------
    ConfigurationError
        If a component's breaker settings are others; it names the first.
    """
    old, new = before.breaker_settings(), after.breaker_settings()
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if changed:
        more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
        raise ConfigurationError(
            f"The breaker of {changed[0]}{more} would change, which a reload cannot do.",
            remedy="restart the service to change breakers or which components have one",
        )


def _said(before: PolicySet, after: PolicySet) -> str:
    if before.version == after.version:
        return f"the strategies and boundaries were read again, nothing changed (version {after.version})"
    return f"new strategies and boundaries are in force: version {after.version}, before {before.version}"


def _record(at: datetime, kind: RecordKind, policy: PolicySet, message: str) -> Record:
    data = {
        "version": policy.version,
        "strategies": [strategy.id for strategy in policy.strategies.all],
        "boundaries": [boundary.id for boundary in policy.boundaries.all],
        "strategies_from": policy.strategies_from,
        "boundaries_from": policy.boundaries_from,
    }
    said = message if kind is RecordKind.POLICY_RELOADED else f"a reload was refused, {policy.version} stays: {message}"
    return Record(at=at, kind=kind, subject="policy", message=said[:4000], data=data)
