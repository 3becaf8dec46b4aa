"""What the engine needs from the outside world, as small protocols; adapters are picked in bootstrap only."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from models.errors import FaultlineError
from models.frames import MetricFrame
from service.records import Record


class TransientError(FaultlineError):
    """A port failed in a way that may pass.

    Parameters
    ----------
    message
        What failed.
    retry_after_s
        When to try again, seconds; None leaves it to the retry policy.
    """

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PermanentError(FaultlineError):
    """A port failed in a way that a repetition does not mend."""


class InDoubtError(FaultlineError):
    """Nobody can tell whether what was asked for happened: the peer took it and then fell silent."""


class ActionKind(StrEnum):
    """What an actuator can be asked to do: the six isolation actions, their reversals, and the repair of a deploy."""

    ISOLATE_COMPONENT = "ISOLATE_COMPONENT"
    REDIRECT_TRAFFIC = "REDIRECT_TRAFFIC"
    SCALE_UP = "SCALE_UP"
    SCALE_DOWN = "SCALE_DOWN"
    RESTART_COMPONENT = "RESTART_COMPONENT"
    ENABLE_BACKUP = "ENABLE_BACKUP"
    RELEASE_COMPONENT = "RELEASE_COMPONENT"
    RESTORE_TRAFFIC = "RESTORE_TRAFFIC"
    DISABLE_BACKUP = "DISABLE_BACKUP"
    ROLLBACK_DEPLOY = "ROLLBACK_DEPLOY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do to one component.

    Parameters
    ----------
    key
        Idempotency key, ``run:step:attempt`` or the like; the same key is done at most once.
    kind
        What to do.
    component
        To whom.
    parameters
        JSON-ready details, for example ``{"replicas": 3}``.
    asked_at
        When it was first asked for, UTC: a probe tells by it whether a restart came before or after. None if unknown.
    """

    key: str
    kind: ActionKind
    component: str
    parameters: dict[str, Any] = field(default_factory=dict)
    asked_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionOutcome:
    """What an actuator did.

    Parameters
    ----------
    is_changed
        False if the system was in the wanted state already (an idempotent success).
    detail
        One sentence for the ledger.
    """

    is_changed: bool
    detail: str


class Clock(Protocol):
    """The only reader of time."""

    def now(self) -> datetime:
        """Wall time, UTC, for records."""

    def monotonic_s(self) -> float:
        """Seconds that never run backwards, for durations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that people or machines changed: a deploy, a configuration.

    Parameters
    ----------
    at
        UTC.
    component
        What was changed.
    name
        What it was, for example ``deploy v7``.
    """

    at: datetime
    component: str
    name: str


class MetricSource(Protocol):
    """Where metrics and changes come from."""

    def read(self) -> MetricFrame | None:
        """Rows that appeared since the last call, in time order; None if there are none yet."""

    def changes(self) -> tuple[Change, ...]:
        """Changes that became known since the last call, in time order."""

    @property
    def edges(self) -> tuple[tuple[str, str], ...] | None:
        """Caller and callee as the source knows them; None if it does not."""


class Actuator(Protocol):
    """The hand that acts on the system. Not every pair of its kinds and components need go together."""

    @property
    def kinds(self) -> frozenset[ActionKind]:
        """What it can do."""

    @property
    def components(self) -> frozenset[str]:
        """On what it can act."""

    def refusal(self, kind: ActionKind, component: str) -> str:
        """Why it will never do this, known without asking anybody; empty if it may."""

    def rehearse(self, action: Action) -> str:
        """Say what perform would do, after asking what can be asked; changes nothing, raises as perform does."""

    def perform(self, action: Action) -> ActionOutcome:
        """Do it and verify it; raises TransientError, PermanentError or InDoubtError."""

    def probe(self, action: Action) -> bool | None:
        """Whether the action's effect is in place; None if that cannot be told."""


class EventSink(Protocol):
    """Who wants to hear of every record."""

    def publish(self, record: Record) -> None:
        """Take one record; must not block."""
