"""The strategies and boundaries in force, and the routes between components."""

from pydantic import AwareDatetime, Field

from service.api.schemas.base import Schema, example
from service.policies import PolicyView
from service.recovery.boundaries import IsolationType
from service.recovery.routes import RouteBlockedError, RouteTable
from service.recovery.strategies import RecoveryType


class StrategySummary(Schema):
    """One plan."""

    id: str
    name: str
    type: RecoveryType = Field(description="Who decides that it is carried out.")
    priority: int
    condition: str = Field(description="When it applies.")
    steps: list[str] = Field(description="In the order in which they are taken.")


class BoundarySummary(Schema):
    """One boundary."""

    id: str
    name: str
    type: IsolationType
    components: list[str]
    rules: list[str] = Field(description="Ids of its rules.")
    recovery_strategy: str = Field(description="Looked at first; empty if the conditions choose.")


class Policy(Schema):
    """What is in force."""

    model_config = example(
        version="5f0c9e0d6b1f",
        since=None,
        refused="",
        strategies_from="shipped with Faultline",
        boundaries_from="shipped with Faultline",
        default="hand-to-operator",
        strategies=[],
        boundaries=[],
    )

    version: str = Field(description="Digest of both files; the same texts give the same version.")
    since: AwareDatetime | None = Field(description="Null since the start of the service.")
    refused: str = Field(description="Why the latest reload was refused; empty if it was not.")
    strategies_from: str
    boundaries_from: str
    default: str = Field(description="The strategy that is taken when no other applies.")
    strategies: list[StrategySummary]
    boundaries: list[BoundarySummary]

    @classmethod
    def of(cls, view: PolicyView) -> "Policy":
        """Map the engine's value."""
        policy = view.policy
        return cls(
            version=policy.version,
            since=view.since,
            refused=view.refused,
            strategies_from=policy.strategies_from,
            boundaries_from=policy.boundaries_from,
            default=policy.strategies.default_id,
            strategies=[
                StrategySummary(
                    id=one.id,
                    name=one.name,
                    type=one.type,
                    priority=one.priority,
                    condition=one.condition.text,
                    steps=list(one.plan),
                )
                for one in policy.strategies.all
            ],
            boundaries=[
                BoundarySummary(
                    id=one.id,
                    name=one.name,
                    type=one.type,
                    components=list(one.components),
                    rules=[rule.id for rule in one.rules],
                    recovery_strategy=one.recovery_strategy,
                )
                for one in policy.boundaries.all
            ],
        )


class RouteAnswer(Schema):
    """Whether one call may be made."""

    model_config = example(
        caller="cart", callee="orders", is_open=False, boundary="shop", reason="boundary shop blocks it"
    )

    caller: str
    callee: str
    is_open: bool
    boundary: str = Field(description="That closes it; empty if it is open.")
    reason: str = Field(description="Empty if it is open.")

    @classmethod
    def of(cls, caller: str, callee: str, objection: RouteBlockedError | None) -> "RouteAnswer":
        """Map the engine's value."""
        return cls(
            caller=caller,
            callee=callee,
            is_open=objection is None,
            boundary=objection.boundary if objection else "",
            reason=objection.reason if objection else "",
        )


class RoutePair(Schema):
    """Caller and callee; * for any."""

    caller: str
    callee: str


class BoundaryRoutes(Schema):
    """What one boundary says of routes."""

    boundary: str
    components: list[str]
    allowed: list[RoutePair] = Field(description="If there are any, a call across the boundary must match one.")
    blocked: list[RoutePair] = Field(description="Refused even if allowed.")


class Routes(Schema):
    """All that decides which calls are open at this moment; enough to decide without asking again."""

    model_config = example(
        isolated=["orders"],
        boundaries=[{"boundary": "shop", "components": ["cart", "orders"], "allowed": [], "blocked": []}],
    )

    isolated: list[str] = Field(description="Components that are cut off.")
    boundaries: list[BoundaryRoutes]

    @classmethod
    def of(cls, table: RouteTable) -> "Routes":
        """Map the engine's value."""
        return cls(
            isolated=sorted(table.isolated),
            boundaries=[
                BoundaryRoutes(
                    boundary=rules.boundary,
                    components=sorted(rules.components),
                    allowed=[RoutePair(caller=caller, callee=callee) for caller, callee in rules.allowed],
                    blocked=[RoutePair(caller=caller, callee=callee) for caller, callee in rules.blocked],
                )
                for rules in table.rules
            ],
        )
