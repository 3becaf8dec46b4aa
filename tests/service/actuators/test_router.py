"""One actuator out of many: each pair has at most one that does it."""

from datetime import UTC, datetime

import pytest

from models.errors import ConfigurationError
from service.actuators.router import ActuatorRouter
from service.ports import Action, ActionKind, ActionOutcome, PermanentError

ISOLATE, RELEASE, RESTART = (
    ActionKind.ISOLATE_COMPONENT,
    ActionKind.RELEASE_COMPONENT,
    ActionKind.RESTART_COMPONENT,
)


class Hand:
    """Does what it is told for some pairs, and notes it."""

    def __init__(self, kinds, components, gaps=()):
        self.kinds, self.components, self._gaps = frozenset(kinds), frozenset(components), gaps
        self.asked = []

    def refusal(self, kind, component):
        """Say no outside of the pairs."""
        is_known = kind in self.kinds and component in self.components and (kind, component) not in self._gaps
        return "" if is_known else f"I do not do {kind} on {component}"

    def rehearse(self, action):
        """Note it."""
        self.asked.append(("rehearse", action))
        return "would"

    def perform(self, action):
        """Note it."""
        self.asked.append(("perform", action))
        return ActionOutcome(is_changed=True, detail="done")

    def probe(self, action):
        """Note it."""
        self.asked.append(("probe", action))
        return True


def action(kind=RESTART, component="web"):
    """One action, asked for at a known time."""
    return Action(key="k", kind=kind, component=component, asked_at=datetime(2026, 1, 5, tzinfo=UTC))


def test_each_pair_goes_to_its_own():
    """By kind and component; all three verbs."""
    left, right = Hand([RESTART], ["web", "db"]), Hand([ISOLATE, RELEASE], ["web"])
    router = ActuatorRouter({"left": left, "right": right})
    assert (router.kinds, router.components) == ({RESTART, ISOLATE, RELEASE}, {"web", "db"})
    for verb in ("rehearse", "perform", "probe"):
        getattr(router, verb)(action())
        getattr(router, verb)(action(ISOLATE))
    assert left.asked == [(verb, action()) for verb in ("rehearse", "perform", "probe")]
    assert right.asked == [(verb, action(ISOLATE)) for verb in ("rehearse", "perform", "probe")]


def test_what_nobody_does_is_refused_with_all_reasons():
    """Those who know the component say why; nobody is asked to act."""
    left, right = Hand([RESTART], ["web"]), Hand([RESTART, ISOLATE], ["web", "db"], gaps=[(RESTART, "web")])
    router = ActuatorRouter({"left": left, "right": right}, otherwise=None)
    assert router.refusal(RELEASE, "web") == (
        "I do not do RELEASE_COMPONENT on web; I do not do RELEASE_COMPONENT on web"
    )
    for verb in (router.rehearse, router.perform, router.probe):
        with pytest.raises(PermanentError, match="no actuator knows the component 'nobody'"):
            verb(action(component="nobody"))
    assert not left.asked
    assert not right.asked


def test_two_for_one_pair_are_refused():
    """A pair that one of them refuses is no conflict."""
    gap = Hand([RESTART], ["web"], gaps=[(RESTART, "web")])
    ActuatorRouter({"left": Hand([RESTART], ["web"]), "right": gap})
    with pytest.raises(ConfigurationError, match="left and right would both do RESTART_COMPONENT on web"):
        ActuatorRouter({"left": Hand([RESTART], ["web"]), "right": Hand([RESTART], ["web"])})


def test_the_rest_falls_to_another():
    """What none of the named does; its own refusals count."""
    named, rest = Hand([RESTART], ["web"]), Hand([RESTART, ISOLATE], ["web", "db"])
    router = ActuatorRouter({"named": named}, otherwise=rest)
    router.perform(action())
    router.perform(action(ISOLATE))
    router.perform(action(component="db"))
    assert [asked.component for _, asked in named.asked] == ["web"]
    assert [(asked.kind, asked.component) for _, asked in rest.asked] == [(ISOLATE, "web"), (RESTART, "db")]
    assert router.refusal(RELEASE, "db") == "I do not do RELEASE_COMPONENT on db"
    assert router.assignments == (("web", RESTART, "named"),)


def test_simulated_times_do_not_reach_real_peers():
    """A peer would compare them with its own clock."""
    hand = Hand([RESTART], ["web"])
    router = ActuatorRouter({"hand": hand}, is_real_time=False)
    router.probe(action())
    assert hand.asked[0][1].asked_at is None
