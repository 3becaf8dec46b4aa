"""How the service itself is."""

from typing import Literal

from pydantic import AwareDatetime, Field

from service.api.schemas.base import Number, Schema, example, example_of
from service.api.schemas.checks import CheckSummary

Verdict = Literal["HEALTHY", "DEGRADED", "UNHEALTHY", "UNKNOWN"]
"""How the service is; the spelling on the wire is fixed."""


class Alive(Schema):
    """The process answers."""

    model_config = example(status="alive")

    status: Literal["alive"] = "alive"


class Ready(Schema):
    """The service watches and its store answers."""

    model_config = example(status="ready")

    status: Literal["ready"] = "ready"


class Health(Schema):
    """How the loop is, in figures."""

    model_config = example(
        status="HEALTHY",
        reason="",
        now="2026-03-01T12:09:30Z",
        bundle_version="v1",
        rows_read=2880,
        last_row_at="2026-03-01T12:09:00Z",
        lag_s=30.0,
        last_step_at="2026-03-01T12:09:29Z",
        error_count=0,
        is_acting=True,
        checks=example_of(CheckSummary),
        warnings=["the breaker of payments-db is open"],
    )

    status: Verdict
    reason: str = Field(description="Empty if all is well.")
    now: AwareDatetime = Field(description="The engine's time: of the machine, or of the replay.")
    bundle_version: str
    rows_read: int
    last_row_at: AwareDatetime | None
    lag_s: Number = Field(description="Age of the newest metric row.")
    last_step_at: AwareDatetime | None
    error_count: int
    is_acting: bool = Field(description="False in a dry run.")
    checks: CheckSummary | None = Field(description="All health checks together; null if there is none.")
    warnings: list[str] = Field(description="Open breakers, trouble with checks: they never make the service unready.")
