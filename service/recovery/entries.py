"""What the files of strategies and boundaries may hold: the one place for their fields, ranges and JSON Schemas.

Only what a value can be by itself is said here; what must fit together is checked when the values are made.
"""

from typing import Annotated, Any, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from service.ports import ActionKind
from service.recovery.boundaries import IsolationType
from service.recovery.strategies import RecoveryType, StepType
from service.recovery.syntax import MAX_LENGTH

LONGEST_S = 30 * 86400.0
"""No time in a file is longer, seconds."""


def _number(value: Any) -> Any:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("number", "it is no number")


def _parameter(value: Any) -> Any:
    if isinstance(value, int | float | str) and not isinstance(value, bool):
        return value
    raise PydanticCustomError("parameter", "it is neither a number nor text")


Name = Annotated[str, Field(min_length=1, max_length=200)]
_NUMERIC = BeforeValidator(_number)
"""The last of an annotation, so that the ranges before it are in the schema, too."""
Seconds = Annotated[float, Field(gt=0, le=LONGEST_S), _NUMERIC]
Wait = Annotated[float, Field(ge=0, le=86400), _NUMERIC]
Share = Annotated[float, Field(gt=0, le=1), _NUMERIC]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000), _NUMERIC]
ConditionText = Annotated[str, Field(min_length=1, max_length=MAX_LENGTH)]
Parameters = Annotated[dict[Name, Annotated[float | str, BeforeValidator(_parameter)]], Field(max_length=50)]
Description = Annotated[str, Field(max_length=2000)]


class Entry(BaseModel):
    """Strict: an unknown field is a mistake."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class RetryEntry(Entry):
    """How often an action is tried."""

    attempts: Annotated[int, Field(ge=1, le=20), _NUMERIC] = Field(default=1, description="Tries in all.")
    backoff_s: Wait = Field(default=5.0, description="Wait before the second try, seconds.")
    factor: Annotated[float, Field(ge=1, le=10), _NUMERIC] = Field(
        default=2.0, description="Each wait is so much longer."
    )
    max_backoff_s: Wait = Field(default=300.0, description="No wait is longer, seconds.")
    jitter: Annotated[float, Field(ge=0, le=1), _NUMERIC] = Field(
        default=0.2, description="Share that a wait may lose."
    )


class StepEntry(Entry):
    """One step of a plan."""

    id: Name = Field(description="Unique in its strategy.")
    type: StepType = Field(description="What it is for; it decides which actions are possible.")
    action: ActionKind | None = Field(default=None, description="What to do; none for DIAGNOSTIC and VERIFY.")
    success: ConditionText | None = Field(default=None, description="Condition over fresh facts; VERIFY needs it.")
    timeout_s: Seconds = Field(default=300.0, description="How long success may take, seconds.")
    retry: RetryEntry = Field(default=RetryEntry(), description="Of the action, or of the step without success.")
    rollback: ActionKind | None = Field(default=None, description="Takes the action back when a later step fails.")
    release_after_s: Seconds | None = Field(default=None, description="The action ends by itself after it, seconds.")
    component: Annotated[str, Field(max_length=200)] = Field(default="", description="On whom; empty: the accused.")
    parameters: Parameters = Field(default={}, description="For the actuator.")
    description: Description = Field(default="", description="For the operator.")


class StrategyEntry(Entry):
    """A plan."""

    id: Name = Field(description="Unique.")
    name: Name = Field(description="For people.")
    type: RecoveryType = Field(description="Who decides that it is carried out.")
    condition: ConditionText = Field(description="When it applies, over the facts of a finding.")
    steps: list[StepEntry] = Field(min_length=1, max_length=100, description="In the order in which they are taken.")
    priority: Priority = Field(default=0, description="The highest that applies is taken.")
    approvals: Annotated[int, Field(ge=1, le=100), _NUMERIC] = Field(default=1, description="People who must agree.")
    approval_timeout_s: Seconds = Field(default=1800.0, description="After it the run is cancelled, seconds.")
    metrics: tuple[Name, ...] = Field(default=("success_rate", "time_to_recover_s"), description="For reports.")


class StrategyFile(Entry):
    """A file of strategies."""

    default: Name = Field(description="Id of the strategy that is taken when no other applies.")
    strategies: list[StrategyEntry] = Field(min_length=1, max_length=1000)


class RuleEntry(Entry):
    """When to do what to the accused component."""

    id: Name = Field(description="Unique among all boundaries.")
    condition: ConditionText = Field(description="Over the facts of a finding.")
    action: ActionKind = Field(description="What to do.")
    priority: Priority = Field(default=0, description="The highest goes first.")
    timeout_s: Seconds | None = Field(default=None, description="The action ends by itself after it, seconds.")
    parameters: Parameters = Field(default={}, description="For the actuator.")


class RouteEntry(Entry):
    """A call from one component to another."""

    caller: Name = Field(description="Who calls; * for any.")
    callee: Name = Field(description="Who is called; * for any.")


class PropagationEntry(Entry):
    """How failures may spread: routes and the breaker of each component."""

    allowed_routes: list[RouteEntry] = Field(default=[], description="If any, a call across must match one.")
    blocked_routes: list[RouteEntry] = Field(default=[], description="Refused even if allowed.")
    breaker_threshold: Annotated[int, Field(ge=1, le=1_000_000), _NUMERIC] | None = Field(
        default=5, description="Failures that open it."
    )
    failure_rate: Share | None = Field(default=None, description="Share of failures that opens it.")
    slow_call_s: Seconds | None = Field(default=None, description="A call that takes longer is slow, seconds.")
    slow_call_rate: Share = Field(default=1.0, description="Share of slow calls that opens it.")
    minimum_calls: Annotated[int, Field(ge=1, le=1_000_000), _NUMERIC] = Field(
        default=20, description="Shares mean nothing below."
    )
    window_calls: Annotated[int, Field(ge=1, le=1_000_000), _NUMERIC] = Field(
        default=100, description="Calls looked at."
    )
    monitoring_period_s: Seconds = Field(default=60.0, description="How long a call counts, seconds.")
    reset_timeout_s: Seconds = Field(default=30.0, description="How long it stays open, seconds.")
    reset_growth: Annotated[float, Field(ge=1), _NUMERIC] = Field(
        default=2.0, description="Longer after each failed probe."
    )
    max_reset_timeout_s: Seconds = Field(default=300.0, description="It never stays open longer, seconds.")
    reset_jitter: Annotated[float, Field(ge=0, lt=1), _NUMERIC] = Field(
        default=0.1, description="The open time varies so."
    )
    call_timeout_s: Seconds | None = Field(default=None, description="A longer call is a failure, seconds.")
    half_open_probes: Annotated[int, Field(ge=1, le=1_000_000), _NUMERIC] = Field(
        default=1, description="Calls let through half open."
    )
    max_half_open_s: Seconds | None = Field(default=None, description="Probes may take so long, seconds.")


class BulkheadEntry(Entry):
    """How many calls a boundary takes."""

    max_running: Annotated[int, Field(ge=1, le=1_000_000), _NUMERIC] = Field(default=10, description="At one time.")
    max_waiting: Annotated[int, Field(ge=0, le=1_000_000), _NUMERIC] = Field(
        default=0, description="So many callers wait."
    )
    max_wait_s: Seconds = Field(default=1.0, description="No caller waits longer, seconds.")


class BoundaryEntry(Entry):
    """Components that are protected together."""

    id: Name = Field(description="Unique.")
    name: Name = Field(description="For people.")
    type: IsolationType = Field(description="What kind of boundary.")
    components: list[Name] = Field(min_length=1, max_length=20_000, description="* for all that nobody else names.")
    rules: list[RuleEntry] = Field(default=[], max_length=1000, description="What to do when.")
    failure_propagation: PropagationEntry = Field(default=PropagationEntry(), description="Routes and breaker.")
    bulkhead: BulkheadEntry | None = Field(default=None, description="None bounds nothing.")
    recovery_strategy: Annotated[str, Field(max_length=200)] = Field(
        default="", description="Id of the strategy to look at first; empty: the conditions choose."
    )


class BoundaryFile(Entry):
    """A file of isolation boundaries."""

    boundaries: list[BoundaryEntry] = Field(min_length=1, max_length=5000)


def strategy_schema() -> dict[str, Any]:
    """Describe the file of strategies.

    Returns
    -------
    dict of str to Any
        JSON Schema; conditions and what must fit together are beyond it.
    """
    return StrategyFile.model_json_schema()


def boundary_schema() -> dict[str, Any]:
    """Describe the file of boundaries.

    Returns
    -------
    dict of str to Any
        JSON Schema; conditions and what must fit together are beyond it.
    """
    return BoundaryFile.model_json_schema()


def fields_at(model: type[Entry], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Name the fields of the map at a place of a file.

    Parameters
    ----------
    model
        Of the file.
    path
        Keys and indices.

    Returns
    -------
    tuple of str
        In order; empty if anything may stand there.
    """
    found: type[Entry] | None = model
    for part in path:
        if isinstance(part, str) and found is not None:
            field = found.model_fields.get(part)
            found = None if field is None else _entry_in(field.annotation)
    return () if found is None else tuple(found.model_fields)


def _entry_in(annotation: Any) -> type[Entry] | None:
    """The entry that a field holds, alone or as one of several."""
    if isinstance(annotation, type) and issubclass(annotation, Entry):
        return annotation
    return next((entry for part in get_args(annotation) if (entry := _entry_in(part))), None)
