"""Health checks and their results."""

from pydantic import AwareDatetime, Field

from service.api.schemas.base import Moment, Number, Schema, example, example_of
from service.recovery import checkup as domain
from service.recovery.checkup import CheckPhase, CheckType
from service.recovery.health import HealthStatus


class Check(Schema):
    """A health check at this moment."""

    model_config = example(
        id="orders-http",
        component="orders",
        type="HTTP_ENDPOINT",
        status="HEALTHY",
        phase="SETTLED",
        reason="",
        latest="HEALTHY",
        streak=0,
        age_s=12.5,
        duration_s=0.021,
        values={"latency_s": 0.02, "body_bytes": 16.0},
        flap_rate=0.0,
        is_flapping=False,
        is_hung=False,
        runs=120,
        bad_runs=2,
        timeouts=0,
        depends_on=["orders-db"],
        maintenance_until=None,
    )

    id: str
    component: str
    type: CheckType
    status: HealthStatus = Field(description="What is believed; UNKNOWN if that is stale or suppressed.")
    phase: CheckPhase = Field(
        description="WAITING for its first run, SETTLED, PENDING (results say otherwise, not often enough yet), STALE, "
        "SUPPRESSED (a check that it depends on is not well) or MAINTENANCE."
    )
    reason: str = Field(description="Empty if all is well.")
    latest: HealthStatus = Field(description="What the latest result says by itself.")
    streak: int = Field(description="Results in a row that say otherwise than the status.")
    age_s: Number = Field(description="Of the latest result.")
    duration_s: Number = Field(description="Of the latest run.")
    values: dict[str, Number] = Field(description="Measured by the latest run, in base units.")
    flap_rate: Number = Field(description="Share of recent results that differ from the one before.")
    is_flapping: bool
    is_hung: bool = Field(description="A run that ran out of time has not ended.")
    runs: int
    bad_runs: int
    timeouts: int
    depends_on: list[str]
    maintenance_until: AwareDatetime | None

    @classmethod
    def of(cls, view: domain.CheckView) -> "Check":
        """Map the engine's value."""
        return cls(**{name: getattr(view, name) for name in cls.model_fields})


class CheckSummary(Schema):
    """All health checks together."""

    model_config = example(
        status="DEGRADED",
        worst="orders-db",
        reason="latency_s is 0.4 s, the warning threshold is 0.25 s",
        counts={"HEALTHY": 4, "DEGRADED": 1, "UNHEALTHY": 0, "UNKNOWN": 0},
        warnings=["the breaker of payments-db is open"],
    )

    status: HealthStatus = Field(description="The worst that counts; an open breaker is DEGRADED, never worse.")
    worst: str = Field(description="Which check, or component with an open breaker, is worst; empty if all are well.")
    reason: str
    counts: dict[HealthStatus, int] = Field(description="How many checks are in each status.")
    warnings: list[str] = Field(description="Open breakers, a refused file, results that could not be kept.")

    @classmethod
    def of(cls, overview: domain.CheckOverview) -> "CheckSummary":
        """Map the engine's value."""
        return cls(**{name: getattr(overview, name) for name in cls.model_fields})


class CheckPage(Schema):
    """All health checks; there is only one page."""

    model_config = example(items=[example_of(Check)], next_cursor=None, overall=example_of(CheckSummary), hung=0)

    items: list[Check]
    next_cursor: None = None
    overall: CheckSummary
    hung: int = Field(description="Runs that ran out of time and have not ended.")


class CheckResult(Schema):
    """One result of a health check."""

    model_config = example(
        seq=4711,
        at="2026-03-01T12:05:10Z",
        status="UNHEALTHY",
        reason="the status is 503, not 200 to 299",
        believed="HEALTHY",
        is_timeout=False,
        duration_s=0.021,
        values={"latency_s": 0.02},
    )

    seq: int
    at: AwareDatetime
    status: HealthStatus = Field(description="What this run says by itself.")
    reason: str
    believed: HealthStatus = Field(description="What was believed of the check after it.")
    is_timeout: bool
    duration_s: Number
    values: dict[str, Number]

    @classmethod
    def of(cls, result: domain.CheckResult) -> "CheckResult":
        """Map the engine's value."""
        return cls(
            seq=result.seq,
            at=result.at,
            status=result.status,
            reason=result.reason,
            believed=result.believed,
            is_timeout=result.reading.is_timeout,
            duration_s=result.reading.duration_s,
            values=dict(result.reading.values),
        )


class CheckHistory(Schema):
    """Results of a health check, newest first."""

    model_config = example(items=[example_of(CheckResult)], next_cursor=None)

    items: list[CheckResult]
    next_cursor: str | None


class MaintenanceOrder(Schema):
    """Until when a check is expected to fail."""

    model_config = example(until="2026-03-01T14:00:00Z")

    until: Moment | None = Field(description="Null ends it.")
