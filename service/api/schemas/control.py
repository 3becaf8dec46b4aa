"""Circuit breakers and recovery runs."""

from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from service.api import backend as domain
from service.api.schemas.base import Number, Schema, example, example_of
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.recovery.runs import RecoveryStatus
from service.recovery.strategies import RecoveryType, StepType

Reason = Annotated[str, Field(min_length=1, max_length=500, strict=True)]


class Breaker(Schema):
    """A circuit breaker at this moment."""

    model_config = example(
        name="payments-db",
        state="OPEN",
        failure_count=7,
        success_count=120,
        rejected_count=3,
        late_count=0,
        slow_count=9,
        opened_count=1,
        recent_calls=60,
        recent_failures=5,
        recent_slow=3,
        failure_rate=0.083,
        slow_rate=0.05,
        last_failure="timeout after 2 s",
        opened_at="2026-03-01T12:05:00Z",
        reason="root cause of inc-20260301T120400-1",
        retry_after_s=28.5,
    )

    name: str
    state: CircuitState
    failure_count: int
    success_count: int
    rejected_count: int
    late_count: int
    slow_count: int
    opened_count: int
    recent_calls: int
    recent_failures: int
    recent_slow: int
    failure_rate: Number
    slow_rate: Number
    last_failure: str
    opened_at: AwareDatetime | None
    reason: str
    retry_after_s: Number

    @classmethod
    def of(cls, snapshot: BreakerSnapshot) -> "Breaker":
        """Map the engine's value."""
        return cls(**{name: getattr(snapshot, name) for name in cls.model_fields})


class BreakerPage(Schema):
    """All circuit breakers."""

    model_config = example(items=[example_of(Breaker)], next_cursor=None)

    items: list[Breaker]
    next_cursor: None = None


class BreakerOrder(Schema):
    """What to do to which breaker; names are opaque and therefore not part of a path."""

    model_config = example(name="payments-db", reason="maintenance of the database")

    name: Annotated[str, Field(max_length=1000, strict=True)]
    reason: Reason = Field(description="For the ledger.")


class BreakerForce(BreakerOrder):
    """Which breaker is put into which forced state."""

    model_config = example(name="payments-db", state="DISABLED", reason="drill of the database")

    state: Literal["FORCED_OPEN", "DISABLED", "METRICS_ONLY"] = Field(
        description="FORCED_OPEN refuses all calls, DISABLED lets all pass uncounted, METRICS_ONLY counts, never opens."
    )


class RunStep(Schema):
    """One step of a recovery run."""

    model_config = example(
        name="restart",
        type="RESTART",
        status="SUCCEEDED",
        attempts=1,
        detail="payments-db restarted",
        started_at="2026-03-01T12:05:10Z",
        finished_at="2026-03-01T12:05:40Z",
    )

    name: str
    type: StepType
    status: str = Field(
        description="PENDING, RUNNING, SKIPPED, or how the latest try ended: SUCCEEDED, FAILED, IN_DOUBT, ROLLED_BACK, "
        "ROLLBACK_FAILED or LEFT_TO_OPERATOR."
    )
    attempts: int
    detail: str
    started_at: AwareDatetime | None
    finished_at: AwareDatetime | None

    @classmethod
    def of(cls, step: domain.StepSummary) -> "RunStep":
        """Map the engine's value."""
        return cls(**{name: getattr(step, name) for name in cls.model_fields})


class Run(Schema):
    """One recovery run."""

    model_config = example(
        id="run-20260301T120505-1",
        strategy="restart-component",
        type="AUTOMATIC",
        status="RUNNING",
        component="payments-db",
        incident_id="inc-20260301T120400-1",
        reason="",
        created_at="2026-03-01T12:05:05Z",
        updated_at="2026-03-01T12:05:40Z",
        approval_expires_at=None,
        approvals=["kim"],
        approvals_needed=0,
        plan=["Restart it", "The component's metrics are normal again"],
        steps=[example_of(RunStep)],
    )

    id: str
    strategy: str
    type: RecoveryType
    status: RecoveryStatus
    component: str
    incident_id: str
    reason: str
    created_at: AwareDatetime
    updated_at: AwareDatetime
    approval_expires_at: AwareDatetime | None
    approvals: list[str] = Field(description="Who approved so far.")
    approvals_needed: int = Field(description="So many different people must approve; 0 if none.")
    plan: list[str] = Field(description="The steps in words, for an operator.")
    steps: list[RunStep]

    @classmethod
    def of(cls, run: domain.RunSummary) -> "Run":
        """Map the engine's value."""
        plain: dict[str, Any] = {name: getattr(run, name) for name in cls.model_fields}
        plain |= {"approvals": list(run.approvals), "plan": list(run.plan)}
        return cls(**plain | {"steps": [RunStep.of(step) for step in run.steps]})


class RunPage(Schema):
    """Recovery runs, newest first."""

    model_config = example(items=[example_of(Run)], next_cursor=None)

    items: list[Run]
    next_cursor: str | None


class Approval(Schema):
    """Who lets a run go on."""

    model_config = example(by="kim")

    by: Annotated[str, Field(min_length=1, max_length=200, strict=True)]


class Cancellation(Schema):
    """Why a run is to end."""

    model_config = example(reason="the database team is already on it", by="kim")

    reason: Reason
    by: Annotated[str, Field(max_length=200, strict=True)] = Field(default="", description="Who; for the ledger.")
