"""The guards before every automatic action: each says no with its figures, or nothing. Pure.

All are asked about the world as it would be after the planned action: a share that is counted before lets one too many
through.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from service.ports import ActionKind
from service.recovery.boundaries import Boundaries
from service.recovery.breakers.events import BreakerSnapshot
from service.recovery.capability import Refuses, nothing_refused, plan_refusals
from service.recovery.facts import FINDING_FACTS, Facts
from service.recovery.guard_settings import GuardSettings
from service.recovery.isolations import REVERSALS, Isolations
from service.recovery.strategies import RecoveryStrategy

TAKES_OUT = frozenset(
    {
        ActionKind.ISOLATE_COMPONENT,
        ActionKind.REDIRECT_TRAFFIC,
        ActionKind.SCALE_DOWN,
        ActionKind.RESTART_COMPONENT,
        ActionKind.ROLLBACK_DEPLOY,
    }
)
"""Actions under which a component serves nobody, or fewer, for a while."""
_CUT = frozenset({"OPEN", "FORCED_OPEN"})
_REVERSIBLE = frozenset({*REVERSALS, *REVERSALS.values()})


class Guard(StrEnum):
    """Who says no; the spelling on the wire is fixed."""

    KILL_SWITCH = "KILL_SWITCH"
    SCOPE = "SCOPE"
    CONFIDENCE = "CONFIDENCE"
    UNHEALTHY_SHARE = "UNHEALTHY_SHARE"
    COOL_DOWN = "COOL_DOWN"
    CRASH_LOOP = "CRASH_LOOP"
    ONCE_WITHIN = "ONCE_WITHIN"
    RATE_LIMIT = "RATE_LIMIT"
    BLAST_RADIUS = "BLAST_RADIUS"
    REVERSIBLE_ONLY = "REVERSIBLE_ONLY"
    CAPABILITY = "CAPABILITY"
    TRIES = "TRIES"
    ALREADY = "ALREADY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Objection:
    """What one guard has against something.

    Parameters
    ----------
    guard
        Who.
    reason
        One sentence with the figures.
    figures
        The same for machines, JSON-ready.
    """

    guard: Guard
    reason: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something that is not done.

    Parameters
    ----------
    what
        In words.
    objections
        Of the guards that spoke against it, at least one.
    """

    what: str
    objections: tuple[Objection, ...]

    def __str__(self) -> str:
        return f"{self.what}: {'; '.join(objection.reason for objection in self.objections)}"

    @property
    def data(self) -> dict[str, Any]:
        """The same for machines, JSON-ready."""
        told = [{"guard": o.guard.value, "reason": o.reason, "figures": dict(o.figures)} for o in self.objections]
        return {"what": self.what, "objections": told}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """All actions are stopped.

    Parameters
    ----------
    at
        Since when, UTC.
    who
        By whom.
    reason
        Why.
    """

    at: datetime
    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAction:
    """Something that was done, as far as it matters for the next decision.

    Parameters
    ----------
    component
        To whom.
    at
        UTC; of one that is still to act, when it was asked for.
    incident_id
        In which incident.
    strategy_id
        By which strategy.
    has_acted
        Whether the system was touched; a plan handed to an operator starts no cool-down.
    is_pending
        Whether it may still act: it counts as if it acted now.
    """

    component: str
    at: datetime
    incident_id: str
    strategy_id: str
    has_acted: bool = True
    is_pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is in force when a decision is made.

    Parameters
    ----------
    now
        UTC.
    busy
        Components with an unfinished run.
    breakers
        Component to its breaker.
    isolations
        In force.
    past
        What was done to the component; older than all windows matters only within the same incident.
    recent
        What was done to all components within the window of the rate limit, and what may still act.
    stopped
        Whether somebody stopped all actions; None if not.
    unhealthy
        Components whose health is bad.
    refuses
        What the actuators will never do.
    """

    now: datetime
    busy: Collection[str] = ()
    breakers: Mapping[str, BreakerSnapshot]
    isolations: Isolations = field(default_factory=Isolations)
    past: tuple[PastAction, ...] = ()
    recent: tuple[PastAction, ...] = ()
    stopped: Stop | None = None
    unhealthy: Collection[str] = ()
    refuses: Refuses = nothing_refused


class Judge:
    """Judges the plans of one decision, one after the other: what is accepted counts for the next.

    Parameters
    ----------
    facts
        Of the finding.
    component
        The one held responsible.
    boundaries
        All of them.
    state
        What is in force.
    settings
        What is allowed.
    """

    def __init__(
        self, facts: Facts, component: str, boundaries: Boundaries, state: State, settings: GuardSettings
    ) -> None:
        self._facts = facts
        self._component = component
        self._boundaries = boundaries
        self._state = state
        self._settings = settings
        self._out = _out_now(state) & set(boundaries.components)
        self._accepted = 0

    def of_breaker(self) -> tuple[Objection, ...]:
        """Judge opening the breaker: it takes the component out, but is no action on the system itself.

        Returns
        -------
        tuple of Objection
            Empty if nothing speaks against it.
        """
        return (*self._of_anything(), *self._blast_radius({self._component}))

    def of(self, plan: RecoveryStrategy) -> tuple[Objection, ...]:
        """Judge a plan that is to be carried out automatically.

        Parameters
        ----------
        plan
            A strategy, or that of a rule.

        Returns
        -------
        tuple of Objection
            Empty if nothing speaks against it.
        """
        targets = _targets(plan, self._component)
        return (
            *self._of_anything(),
            *self._capability(plan),
            *self._scope(targets - {self._component}),
            *self._cool_down(),
            *self._crash_loop(),
            *self._once_within(plan.id),
            *self._rate(),
            *self._blast_radius(taken_out(plan, self._component)),
            *self._reversible(plan),
        )

    def accept(self, plan: RecoveryStrategy) -> None:
        """Count a plan that will be carried out.

        Parameters
        ----------
        plan
            Judged before.
        """
        self._accepted += 1
        self._out |= taken_out(plan, self._component)

    def accept_breaker(self) -> None:
        """Count the breaker as open."""
        self._out.add(self._component)

    def _of_anything(self) -> Iterator[Objection]:
        yield from self._kill_switch()
        yield from self._scope({self._component})
        yield from self._confidence()
        yield from self._unhealthy_share()

    def _kill_switch(self) -> Iterator[Objection]:
        stopped = self._state.stopped
        if stopped is not None:
            reason = (
                f"all actions are stopped since {stopped.at:%Y-%m-%d %H:%M:%S} UTC by {stopped.who}: {stopped.reason}"
            )
            figures = {"since": stopped.at.isoformat(), "who": stopped.who, "reason": stopped.reason}
            yield Objection(guard=Guard.KILL_SWITCH, reason=reason, figures=figures)

    def _capability(self, plan: RecoveryStrategy) -> Iterator[Objection]:
        """A plan whose later steps nobody can do is not begun."""
        for reason in plan_refusals(plan, self._component, self._state.refuses):
            yield Objection(guard=Guard.CAPABILITY, reason=reason, figures={"strategy": plan.id})

    def _scope(self, targets: Collection[str]) -> Iterator[Objection]:
        for target in sorted(targets):
            if not self._settings.is_in_scope(target):
                reason = f"{target} is outside of what may be acted on automatically"
                figures = {"act_on": list(self._settings.act_on), "leave_alone": list(self._settings.leave_alone)}
                yield Objection(guard=Guard.SCOPE, reason=reason, figures={"component": target, **figures})

    def _confidence(self) -> Iterator[Objection]:
        confidence, least = self._facts.get("confidence"), self._settings.min_confidence
        if least <= 0:
            return
        if not FINDING_FACTS["confidence"].is_known(confidence) or not isinstance(confidence, int | float):
            figures: dict[str, Any] = {"confidence": None, "min_confidence": least}
            yield Objection(guard=Guard.CONFIDENCE, reason="the confidence is unknown", figures=figures)
        elif confidence < least:
            reason = f"the confidence {confidence:.2f} is below {least:.2f}"
            figures = {"confidence": confidence, "min_confidence": least}
            yield Objection(guard=Guard.CONFIDENCE, reason=reason, figures=figures)

    def _unhealthy_share(self) -> Iterator[Objection]:
        fleet, most = set(self._boundaries.components), self._settings.max_unhealthy_share
        ill = len(fleet & set(self._state.unhealthy))
        if most <= 0 or len(fleet) < self._settings.min_fleet or ill < most * len(fleet) - 1e-9:
            return
        reason = f"{ill} of {len(fleet)} components are unhealthy; from {most:.0%} on an operator has to look"
        figures = {"unhealthy": ill, "components": len(fleet), "max_unhealthy_share": most}
        yield Objection(guard=Guard.UNHEALTHY_SHARE, reason=reason, figures=figures)

    def _cool_down(self) -> Iterator[Objection]:
        acted = self._acts()
        if not acted:
            return
        incidents = max(len(self._incidents()), 1)
        wait_s = self._settings.backed_off_s(incidents)
        passed_s = (self._state.now - max(p.at for p in acted)).total_seconds()
        if passed_s < wait_s:
            often = f", after {incidents} incidents" if incidents > 1 else ""
            reason = f"it was acted on {passed_s:.0f} s ago, the cool-down is {wait_s:g} s{often}"
            figures = {"passed_s": passed_s, "cooldown_s": wait_s, "incidents": incidents}
            yield Objection(guard=Guard.COOL_DOWN, reason=reason, figures=figures)

    def _crash_loop(self) -> Iterator[Objection]:
        most, flaps = self._settings.max_flaps, len(self._incidents())
        if 0 < most <= flaps:
            window_s = self._settings.flap_window_s
            reason = f"it flaps: it was acted on in {flaps} incidents within {window_s:g} s, {most} are the limit"
            figures = {"incidents": flaps, "max_flaps": most, "flap_window_s": window_s}
            yield Objection(guard=Guard.CRASH_LOOP, reason=reason, figures=figures)

    def _once_within(self, strategy_id: str) -> Iterator[Objection]:
        latest = max((p.at for p in self._acts() if p.strategy_id == strategy_id), default=None)
        if latest is None or self._settings.once_within_s <= 0:
            return
        passed_s = (self._state.now - latest).total_seconds()
        if passed_s < self._settings.once_within_s:
            limit_s = self._settings.once_within_s
            reason = f"{strategy_id} acted on it {passed_s:.0f} s ago, once within {limit_s:g} s is allowed"
            figures = {"passed_s": passed_s, "once_within_s": limit_s, "strategy": strategy_id}
            yield Objection(guard=Guard.ONCE_WITHIN, reason=reason, figures=figures)

    def _rate(self) -> Iterator[Objection]:
        counted = self._counted()
        of_component = sum(p.component == self._component for p in counted)
        limits = (
            ("the component", of_component, self._settings.max_component_actions),
            ("the fleet", len(counted), self._settings.max_fleet_actions),
        )
        for whose, done, most in limits:
            after = done + self._accepted + 1
            if 0 < most < after:
                window_s = self._settings.rate_window_s
                reason = f"it would be action {after} on {whose} within {window_s:g} s, {most} are allowed"
                figures = {"actions": after, "max_actions": most, "rate_window_s": window_s, "scope": whose[4:]}
                yield Objection(guard=Guard.RATE_LIMIT, reason=reason, figures=figures)

    def _blast_radius(self, targets: Collection[str]) -> Iterator[Objection]:
        if not targets:
            return
        after = self._out | set(targets)
        for name, members in self._groups(targets):
            out, allowed = len(after & members), allowed_out(len(members), self._settings.max_out_share)
            if out > allowed:
                reason = (
                    f"{out} of {len(members)} components of {name} would be out, {allowed} may be"
                    f" ({self._settings.max_out_share:.0%})"
                )
                figures = {"out": out, "components": len(members), "allowed": allowed, "group": name}
                share = {"max_out_share": self._settings.max_out_share, "would_be_out": sorted(after & members)}
                yield Objection(guard=Guard.BLAST_RADIUS, reason=reason, figures=figures | share)

    def _groups(self, targets: Collection[str]) -> Iterator[tuple[str, set[str]]]:
        fleet = set(self._boundaries.components)
        yield "the fleet", fleet | set(targets)
        for boundary in self._boundaries.all:
            members = set(boundary.components)
            if members != fleet and members & set(targets):
                yield f"boundary {boundary.id}", members
        for zone in sorted({zone for target in targets for zone in self._settings.zones_of(target)}):
            yield f"zone {zone}", {name for name in fleet if zone in self._settings.zones_of(name)}

    def _reversible(self, plan: RecoveryStrategy) -> Iterator[Objection]:
        final = sorted({step.action.value for step in plan.steps if step.action and step.action not in _REVERSIBLE})
        if self._settings.is_reversible_only and final:
            reason = f"{', '.join(final)} cannot be taken back, and only reversible actions are automatic"
            yield Objection(guard=Guard.REVERSIBLE_ONLY, reason=reason, figures={"actions": final})

    def _acts(self) -> list[PastAction]:
        return [p for p in self._state.past if p.component == self._component and p.has_acted]

    def _incidents(self) -> set[str]:
        since = self._state.now - timedelta(seconds=self._settings.flap_window_s)
        return {p.incident_id for p in self._acts() if p.at > since}

    def _counted(self) -> list[PastAction]:
        since = self._state.now - timedelta(seconds=self._settings.rate_window_s)
        return [p for p in self._state.recent if p.is_pending or (p.has_acted and p.at > since)]


def allowed_out(members: int, max_share: float) -> int:
    """Tell how many of a group may be out at one time.

    Parameters
    ----------
    members
        Size of the group.
    max_share
        0 to 1.

    Returns
    -------
    int
        At least one, so that small groups can be helped; of several at most all but one, unless the share is 1.
    """
    if max_share >= 1:
        return members
    return max(1, min(int(max_share * members + 1e-9), members - 1))


def taken_out(plan: RecoveryStrategy, component: str) -> set[str]:
    """Name the components that a plan puts out of service, if only for a while.

    Parameters
    ----------
    plan
        Any.
    component
        On which it is carried out.

    Returns
    -------
    set of str
        May be empty.
    """
    return {step.target(component) for step in plan.steps if step.action in TAKES_OUT}


def _targets(plan: RecoveryStrategy, component: str) -> set[str]:
    return {step.target(component) for step in plan.steps if step.action is not None}


def _out_now(state: State) -> set[str]:
    held = {i.component for i in state.isolations.active if i.kind in TAKES_OUT}
    cut = {name for name, breaker in state.breakers.items() if breaker.state.value in _CUT}
    return {*state.busy, *held, *cut}
