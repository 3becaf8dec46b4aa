"""The switch and the guards, levels of reduced function, figures of strategies, and the chain of the ledger."""

from typing import Annotated, Any

from pydantic import AwareDatetime, Field

from service.api.schemas.base import Number, Schema, example, example_of
from service.degradations import DegradationStatus
from service.recovery.figures import StrategyFigures
from service.safety_desk import ActionsStatus
from service.store import audit

Who = Annotated[str, Field(min_length=1, max_length=200, strict=True, pattern=r"\S")]
Why = Annotated[str, Field(min_length=1, max_length=500, strict=True, pattern=r"\S")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
_DIGEST = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Order(Schema):
    """Who asks, and why."""

    model_config = example(by="kim", reason="the database is being moved")

    by: Who = Field(description="For the ledger.")
    reason: Why = Field(description="For the ledger.")


class Actions(Schema):
    """Whether and how far the service acts by itself."""

    model_config = example(
        is_acting=True,
        is_stopped=True,
        since="2026-03-01T12:05:00Z",
        by="kim",
        reason="the database is being moved",
        recent=2,
        guard={"max_fleet_actions": 12, "max_out_share": 0.1},
    )

    is_acting: bool = Field(description="False in a dry run.")
    is_stopped: bool
    since: AwareDatetime | None = Field(description="Null if actions are not stopped.")
    by: str
    reason: str
    recent: int = Field(description="Actions that count for the limit of the fleet at this moment.")
    guard: dict[str, Any] = Field(description="The numbers of the guards, by name.")

    @classmethod
    def of(cls, status: ActionsStatus) -> "Actions":
        """Map the engine's value."""
        stop = status.stopped
        return cls(
            is_acting=status.is_acting,
            is_stopped=stop is not None,
            since=stop.at if stop else None,
            by=stop.who if stop else "",
            reason=stop.reason if stop else "",
            recent=status.recent,
            guard=status.guard,
        )


class Degradation(Schema):
    """Where one component stands on its ladder of reduced function."""

    model_config = example(
        component="checkout",
        level=1,
        levels=2,
        name="no-recommendations",
        gives_up=["recommendations"],
        since="2026-03-01T12:05:00Z",
        reason="breaker_open holds: breaker_open = True",
    )

    component: str
    level: int = Field(description="0 is full function.")
    levels: int = Field(description="So many there are below full function.")
    name: str = Field(description="`full` at level 0.")
    gives_up: list[str] = Field(description="Features that are not to be offered now.")
    since: AwareDatetime | None = Field(description="Null if it was always there.")
    reason: str

    @classmethod
    def of(cls, status: DegradationStatus) -> "Degradation":
        """Map the engine's value."""
        plain = {name: getattr(status, name) for name in cls.model_fields if name != "gives_up"}
        return cls(**plain, gives_up=list(status.gives_up))


class DegradationPage(Schema):
    """All components with levels, by name."""

    model_config = example(items=[example_of(Degradation)], next_cursor=None)

    items: list[Degradation]
    next_cursor: None = None


class Strategy(Schema):
    """How well one strategy works, by the latest thousand runs."""

    model_config = example(
        strategy_id="restart", completed=7, failed=1, cancelled=0, success_rate=0.875, time_to_recover_s=212.5
    )

    strategy_id: str
    completed: int
    failed: int
    cancelled: int
    success_rate: Number = Field(description="Completed among completed and failed; null if the operator does it.")
    time_to_recover_s: Number = Field(description="Mean of completed runs, from the request to the end, seconds.")

    @classmethod
    def of(cls, figures: StrategyFigures) -> "Strategy":
        """Map the engine's value."""
        return cls(**{name: getattr(figures, name) for name in cls.model_fields})


class StrategyPage(Schema):
    """All strategies with finished runs, by id."""

    model_config = example(items=[example_of(Strategy)], next_cursor=None)

    items: list[Strategy]
    next_cursor: None = None


class Head(Schema):
    """The newest record of the ledger: keep it elsewhere."""

    model_config = example(seq=42, digest=_DIGEST)

    seq: int = Field(ge=0, lt=2**63)
    digest: Digest


class AuditRequest(Schema):
    """Heads that were kept elsewhere."""

    model_config = example(anchors=[example_of(Head)])

    anchors: list[Head] = Field(default=[], max_length=1000)


class Verdict(Schema):
    """What a check of the ledger found."""

    model_config = example(
        is_intact=False,
        checked=16,
        head=example_of(Head),
        broken_seq=17,
        reason="its content, its number or the record before it is not what it was",
        checkpoint_seq=0,
        anchors=0,
    )

    is_intact: bool
    checked: int = Field(description="Records checked before the end or the first broken one.")
    head: Head
    broken_seq: int | None = Field(description="The first record that is broken or missing; null if intact.")
    reason: str
    checkpoint_seq: int = Field(description="Records up to this one were removed on purpose; 0 for none.")
    anchors: int = Field(description="Heads kept elsewhere that were found in the chain.")

    @classmethod
    def of(cls, verdict: audit.Verdict) -> "Verdict":
        """Map the store's value."""
        plain = {name: getattr(verdict, name) for name in cls.model_fields if name != "head"}
        head = Head(seq=verdict.head.seq, digest=verdict.head.digest or "0" * 64)
        return cls(**plain, head=head)
