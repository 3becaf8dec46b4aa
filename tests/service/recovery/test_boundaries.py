"""Boundaries: rules by priority, routes that are really refused, errors that name the offender."""

import pytest

from models.errors import ConfigurationError, UnknownNameError
from service.ports import ActionKind
from service.recovery.boundaries import (
    Boundaries,
    IsolationBoundary,
    IsolationRule,
    IsolationType,
)
from service.recovery.breakers import BreakerSettings
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS
from service.recovery.isolations import Isolation, Isolations
from service.recovery.routes import RouteBlockedError
from tests.service.recovery.plans import NOW


def rule(name, condition="true", priority=0, **more):
    """A rule that isolates."""
    values = {"action": ActionKind.ISOLATE_COMPONENT} | more
    return IsolationRule(id=name, condition=Condition.of(condition, FINDING_FACTS), priority=priority, **values)


def boundary(*components, name="b", **more):
    """A boundary of services."""
    return IsolationBoundary(id=name, name=name, type=IsolationType.SERVICE, components=components, **more)


def isolated(*components):
    """These are cut off."""
    kind = ActionKind.ISOLATE_COMPONENT
    return Isolations(
        tuple(Isolation(component=c, kind=kind, since=NOW, release_at=None, reason="test") for c in components)
    )


def test_matching_rules_come_by_priority():
    """Only rules that hold, the highest priority first, equal ones as declared; each with its grounds."""
    rules = (rule("low"), rule("never", "severity >= CRITICAL", 9), rule("high", "severity >= HIGH", 5), rule("also"))
    matches = boundary("orders", rules=rules).matching_rules({"severity": "HIGH"})
    assert [match.rule.id for match in matches] == ["high", "low", "also"]
    assert str(matches[0].evaluation) == "severity = HIGH"


BOUNDARIES = Boundaries(
    (
        boundary("orders", "cart", name="shop", blocked_routes=(("cart", "orders"), ("*", "ledger"))),
        boundary("ledger", "vault", name="money", allowed_routes=(("orders", "ledger"), ("*", "vault"))),
        boundary("web", name="edge"),
    )
)


@pytest.mark.parametrize(
    ("caller", "callee", "cut", "reason"),
    [
        ("orders", "cart", (), ""),
        ("cart", "orders", (), "boundary shop blocks it"),
        ("orders", "ledger", (), "boundary shop blocks it"),
        ("web", "ledger", (), "it crosses boundary money, which does not allow it"),
        ("web", "vault", (), ""),
        ("ledger", "vault", (), ""),
        ("vault", "ledger", (), ""),
        ("ledger", "web", (), "it crosses boundary money, which does not allow it"),
        ("web", "orders", (), ""),
        ("web", "orders", ("orders",), "orders is isolated"),
        ("web", "orders", ("web",), "web is isolated"),
        ("web", "vault", ("orders",), ""),
    ],
)
def test_routes_are_open_or_refused_with_a_reason(caller, callee, cut, reason):
    """Blocked beats allowed, crossings need a permission where there are any, isolation cuts everything."""
    table = BOUNDARIES.route_table(isolated(*cut))
    if not reason:
        table.check(caller, callee)
        return
    with pytest.raises(RouteBlockedError, match=f"{caller} -> {callee} is blocked: {reason}") as caught:
        table.check(caller, callee)
    assert (caught.value.caller, caught.value.callee, caught.value.reason) == (caller, callee, reason)
    assert caught.value.boundary in {b.id for b in BOUNDARIES.all if {caller, callee} & set(b.components)}


@pytest.mark.parametrize(("caller", "callee"), [("nobody", "web"), ("web", "nobody")])
def test_an_unknown_component_is_an_error(caller, callee):
    """Neither allowed nor blocked: named, with what there is."""
    with pytest.raises(UnknownNameError, match="component 'nobody'"):
        BOUNDARIES.route_table(Isolations()).check(caller, callee)


def test_each_component_gets_the_breaker_of_its_boundary():
    """The settings are those of the boundary."""
    strict = BreakerSettings(failure_threshold=1)
    boundaries = Boundaries((boundary("a", "b", breaker=strict), boundary("c", name="other")))
    assert boundaries.breaker_settings() == {"a": strict, "b": strict, "c": BreakerSettings()}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (boundary, "no components"),
        (lambda: boundary("a", "a"), "component 'a' twice"),
        (lambda: Boundaries((boundary("a"), boundary("b"))), "id 'b' twice"),
        (lambda: Boundaries((boundary("a"), boundary("a", name="c"))), "component 'a' twice"),
        (lambda: Boundaries((boundary("a", rules=(rule("r"), rule("r"))),)), "rule 'r' twice"),
        (lambda: rule("r", timeout_s=0), "positive"),
        (lambda: rule("r", timeout_s=float("nan")), "positive"),
        (lambda: rule("r", timeout_s=5, action=ActionKind.RESTART_COMPONENT), "cannot be taken back"),
    ],
)
def test_a_boundary_that_makes_no_sense_is_refused(make, message):
    """Validated when it is made."""
    with pytest.raises(ConfigurationError, match=message):
        make()
