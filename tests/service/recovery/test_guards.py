"""Each guard says no when it must, with its figures, and counts the planned action."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from service.ports import ActionKind
from service.recovery.boundaries import Boundaries, IsolationBoundary, IsolationType
from service.recovery.breakers import BreakerBoard, BreakerSettings
from service.recovery.decisions import GuardSettings, PastAction, StartRecovery, State, Stop, decide
from service.recovery.guards import Guard, Judge, allowed_out
from service.recovery.isolations import Isolation, Isolations
from service.recovery.strategies import RecoveryStep, RecoveryType, StepType, Strategies
from tests.service.recovery.breakers.clock import HandClock
from tests.service.recovery.plans import NOW, later, restart, strategy

FLEET = tuple(f"web-{n}" for n in range(10)) + tuple(f"db-{n}" for n in range(10))
FACTS = {"confidence": 0.9}
RESTART = strategy(restart(), id="restart", name="Restart")
SCALE = strategy(RecoveryStep(id="scale", type=StepType.REPAIR, action=ActionKind.SCALE_UP), id="scale", name="Scale")
ASK = strategy(restart(), id="ask", name="Ask", type=RecoveryType.MANUAL)


def boundary(name, components):
    """Around some."""
    return IsolationBoundary(id=name, name=name, type=IsolationType.SERVICE, components=tuple(components))


def fleet(size=20):
    """One boundary around all."""
    return Boundaries((boundary("all", FLEET[:size]),))


def objections(plan=RESTART, *, component="web-0", boundaries=None, facts=FACTS, guard=None, **state):
    """What the guards say to a plan."""
    given_state = State(now=NOW, breakers=state.pop("breakers", {}), **state)
    judge = Judge(facts, component, boundaries or fleet(), given_state, guard or GuardSettings())
    return judge.of(plan)


def guards(*args, **more):
    """Who says no."""
    return [objection.guard for objection in objections(*args, **more)]


def did(seconds_ago, *, component="web-0", strategy_id="restart", incident="i-0", **more):
    """Something that was done."""
    at = later(-seconds_ago)
    return PastAction(component=component, at=at, incident_id=incident, strategy_id=strategy_id, **more)


def held(component, kind=ActionKind.ISOLATE_COMPONENT):
    """In force."""
    return Isolation(component=component, kind=kind, since=NOW, release_at=None, reason="x")


def test_nothing_speaks_against_a_sure_finding_in_a_calm_system():
    """No guard says no without a reason."""
    assert objections() == ()


def test_the_kill_switch_says_who_and_why():
    """Nothing is done while it is on."""
    (objection,) = objections(stopped=Stop(at=NOW, who="kim", reason="database move"))
    assert objection.guard is Guard.KILL_SWITCH
    assert ("kim" in objection.reason, objection.figures["reason"]) == (True, "database move")


@pytest.mark.parametrize(
    ("act_on", "leave_alone", "expected"),
    [
        (("*",), (), []),
        (("web-*",), (), []),
        (("db-*",), (), [Guard.SCOPE]),
        ((), (), [Guard.SCOPE]),
        (("*",), ("web-?",), [Guard.SCOPE]),
    ],
)
def test_scope(act_on, leave_alone, expected):
    """Only what a pattern names is acted on, and what is to be left alone is left alone."""
    assert guards(guard=GuardSettings(act_on=act_on, leave_alone=leave_alone)) == expected


def test_scope_covers_every_target_of_a_plan():
    """A plan that also acts on somebody else needs both in scope."""
    wide = strategy(restart(), replace(restart(), id="other", component="db-0"), id="wide")
    (objection,) = objections(wide, guard=GuardSettings(act_on=("web-*",), max_out_share=1))
    assert objection.figures["component"] == "db-0"


def test_the_unhealthy_share_halts_and_asks():
    """12 of 20 is 60 %: nothing automatic; 11 is below. A small fleet and a disabled guard are not judged."""
    (objection,) = objections(unhealthy=FLEET[:12])
    assert (objection.guard, objection.figures["unhealthy"]) == (Guard.UNHEALTHY_SHARE, 12)
    assert guards(unhealthy=FLEET[:11]) == []
    assert guards(unhealthy=(*FLEET[:11], "stranger")) == []
    assert guards(unhealthy=FLEET, guard=GuardSettings(max_unhealthy_share=0)) == []
    assert guards(unhealthy=FLEET[:4], boundaries=fleet(4)) == []
    assert guards(unhealthy=FLEET[:3], boundaries=fleet(5)) == [Guard.UNHEALTHY_SHARE]


def test_the_cool_down_grows_with_each_incident():
    """600 s after the first, 1200 s after the second within the window; a plan that was handed over does not count."""
    assert guards(past=(did(599),)) == [Guard.COOL_DOWN]
    assert guards(past=(did(600),)) == []
    twice = (did(1199, incident="i-1"), did(5000))
    assert guards(past=twice) == [Guard.COOL_DOWN]
    assert guards(past=(replace(twice[0], at=later(-1200)), twice[1])) == []
    assert guards(past=(did(5, has_acted=False), did(5, component="web-1"))) == []
    assert guards(past=(did(5),), guard=GuardSettings(cooldown_s=0)) == []


def test_the_cool_down_is_capped():
    """However often."""
    settings = GuardSettings(max_flaps=0, cooldown_s=600, max_cooldown_s=3000)
    assert settings.backed_off_s(10_000) == 3000
    assert GuardSettings(cooldown_s=600, max_cooldown_s=1).backed_off_s(3) == 600


def test_a_flapping_component_goes_to_an_operator():
    """Three incidents in six hours are the limit, however long ago the last; incidents, not actions, are counted."""
    past = (did(7000, incident="a"), did(12000, incident="b"), did(18000, incident="c"))
    (objection,) = objections(past=past)
    assert (objection.guard, objection.figures["incidents"]) == (Guard.CRASH_LOOP, 3)
    assert guards(past=(*past[:2], did(21600, incident="c"))) == []
    assert guards(past=tuple(replace(p, incident_id="a") for p in past)) == []
    assert guards(past=past, guard=GuardSettings(max_flaps=0)) == []


def test_once_within_holds_for_a_component_and_a_strategy():
    """Another strategy, another component or enough time are free."""
    guard = GuardSettings(once_within_s=7200)
    assert guards(past=(did(7199),), guard=guard) == [Guard.ONCE_WITHIN]
    assert guards(past=(did(7200),), guard=guard) == []
    assert guards(past=(did(7199, strategy_id="scale"),), guard=guard) == []


def test_the_rate_is_limited_for_component_and_fleet():
    """The planned action counts; what may still act counts as now; what was only handed over does not."""
    mine = tuple(did(n) for n in range(4))
    (objection,) = objections(recent=mine)
    assert (objection.guard, objection.figures["actions"], objection.figures["scope"]) == (
        Guard.RATE_LIMIT, 5, "component",
    )  # fmt: skip
    assert guards(recent=mine[:3]) == []
    assert guards(recent=(*mine[:3], did(3600))) == []
    assert guards(recent=(*mine[:3], did(9999, has_acted=False, is_pending=True))) == [Guard.RATE_LIMIT]
    assert guards(recent=(*mine[:3], did(1, has_acted=False))) == []
    others = tuple(did(n, component=f"db-{n}") for n in range(12))
    assert [o.figures["scope"] for o in objections(recent=others)] == ["fleet"]
    assert guards(recent=others, guard=GuardSettings(max_fleet_actions=0)) == []


@pytest.mark.parametrize(
    ("members", "share", "allowed"),
    [(1, 0.1, 1), (2, 0.1, 1), (2, 0.9, 1), (9, 0.1, 1), (10, 0.1, 1), (19, 0.1, 1), (20, 0.1, 2), (30, 0.1, 3),
     (10, 0.0, 1), (10, 0.3, 3), (10, 0.99, 9), (10, 1.0, 10), (2, 1.0, 2)],
)  # fmt: skip
def test_how_many_may_be_out(members, share, allowed):
    """At least one, never all of several unless the share says so; the rest is rounded down."""
    assert allowed_out(members, share) == allowed


def test_the_blast_radius_is_counted_after_the_action():
    """2 of 20 may be out: with one out already a second is allowed, a third is not; counted before, it would be."""
    one = Isolations((held("db-1"),))
    assert guards(isolations=one) == []
    (objection,) = objections(isolations=one, busy={"db-2"})
    assert (objection.guard, objection.figures["out"], objection.figures["allowed"]) == (Guard.BLAST_RADIUS, 3, 2)
    assert "would be out" in objection.reason
    assert guards(isolations=Isolations((held("web-0"),)), busy={"db-2"}) == []


def test_only_what_serves_nobody_counts_as_out():
    """A backup or more capacity takes nobody out; an open breaker does."""
    backup = Isolations((held("db-1", ActionKind.ENABLE_BACKUP), held("db-2", ActionKind.SCALE_UP)))
    assert guards(isolations=backup) == []
    assert guards(SCALE, busy={"db-1", "db-2", "db-3"}) == []
    board = BreakerBoard(dict.fromkeys(FLEET, BreakerSettings()), clock=HandClock())
    board.trip("db-1", "x")
    board.trip("db-2", "x")
    assert guards(breakers={s.name: s for s in board.snapshots()}) == [Guard.BLAST_RADIUS]


def test_boundaries_and_zones_are_guarded_too():
    """The fleet may have room while the boundary or the zone has none."""
    split = Boundaries((boundary("web", FLEET[:10]), boundary("db", FLEET[10:])))
    one = Isolations((held("web-1"),))
    (objection,) = objections(boundaries=split, isolations=one)
    assert objection.figures["group"] == "boundary web"
    assert guards(boundaries=split, isolations=one, component="db-0") == []
    zones = GuardSettings(zones={"a": ("web-0", "web-1", "db-0"), "b": ("db-*",)})
    (objection,) = objections(isolations=one, guard=zones)
    assert objection.figures["group"] == "zone a"


def test_every_target_of_a_plan_counts():
    """A plan that restarts three at once is three."""
    wide = strategy(*(replace(restart(), id=name, component=name) for name in ("web-0", "web-1", "web-2")), id="wide")
    assert guards(wide) == [Guard.BLAST_RADIUS]
    assert guards(wide, guard=GuardSettings(max_out_share=0.15)) == []


def test_only_what_can_be_taken_back():
    """A restart cannot; a scale-up can."""
    guard = GuardSettings(is_reversible_only=True)
    (objection,) = objections(guard=guard)
    assert (objection.guard, objection.figures["actions"]) == (Guard.REVERSIBLE_ONLY, ["RESTART_COMPONENT"])
    assert guards(SCALE, guard=guard) == []


FINDINGS = st.lists(
    st.tuples(st.integers(0, 1800), st.sampled_from(FLEET), st.sampled_from(["i-1", "i-2", "i-3", "i-4"])),
    min_size=1,
    max_size=40,
)
LIMITS = st.tuples(st.integers(1, 4), st.integers(1, 6))


class Simulation:
    """Decides finding after finding; whether and when an action is done after its decision is anybody's guess."""

    def __init__(self, guard, delays):
        self.guard = guard
        self.delays = delays
        self.now = NOW
        self.runs = []  # component, incident, strategy, when it acts

    def state(self):
        """Everything that was begun."""
        past = tuple(self._past(run) for run in self.runs)
        return State(now=self.now, breakers={}, past=past, recent=past)

    def _past(self, run):
        component, incident, name, at = run
        is_done = at <= self.now
        return PastAction(
            component=component,
            at=at if is_done else self.now,
            incident_id=incident,
            strategy_id=name,
            has_acted=is_done,
            is_pending=not is_done,
        )

    def find(self, wait_s, component, incident):
        """Decide about one finding, and begin what may be begun."""
        self.now += timedelta(seconds=wait_s)
        decision = decide(
            FACTS | {"category": "RESOURCE"},
            incident_id=incident,
            component=component,
            boundaries=fleet(),
            strategies=Strategies((ASK, RESTART, SCALE), "ask"),
            state=self.state(),
            guard=self.guard,
        )
        for effect in decision.effects:
            if isinstance(effect, StartRecovery) and effect.strategy.type is not RecoveryType.MANUAL:
                at = self.now + timedelta(seconds=self.delays[len(self.runs) % len(self.delays)])
                self.runs.append((effect.component, incident, effect.strategy.id, at))


def claim_of_the_window(findings, limits, delays):
    """Whatever the order of findings and however late actions are done: in no window more than the limits."""
    of_component, of_fleet = limits
    guard = GuardSettings(
        max_component_actions=of_component, max_fleet_actions=of_fleet, cooldown_s=0, max_flaps=0, max_tries=99
    )
    world = Simulation(guard, delays)
    for finding in findings:
        world.find(*finding)
    window = timedelta(seconds=guard.rate_window_s)
    for _, _, _, end in world.runs:
        inside = [run for run in world.runs if end - window < run[3] <= end]
        assert len(inside) <= of_fleet
        assert all(sum(run[0] == name for run in inside) <= of_component for name in FLEET)


ANYTHING = (FINDINGS, LIMITS, st.lists(st.integers(0, 5000), min_size=1, max_size=5))


@given(*ANYTHING)
@settings(max_examples=200, deadline=None)
def test_never_more_than_n_actions_in_any_window(findings, limits, delays):
    """The claim holds."""
    claim_of_the_window(findings, limits, delays)


def forgets_pending(judge):
    """Counts only what was done already."""
    since = judge._state.now - timedelta(seconds=judge._settings.rate_window_s)
    return [p for p in judge._state.recent if p.has_acted and not p.is_pending and p.at > since]


def half_a_window(judge):
    """Forgets too early."""
    since = judge._state.now - timedelta(seconds=judge._settings.rate_window_s / 2)
    return [p for p in judge._state.recent if p.is_pending or p.at > since]


def one_too_many(judge):
    """Counts before the action instead of after it."""
    return half_a_window(judge)[:-1]


@pytest.mark.parametrize("mutant", [forgets_pending, half_a_window, one_too_many])
def test_the_claim_of_the_window_bites(monkeypatch, mutant):
    """A guard that is wrong in one of these ways is found."""
    monkeypatch.setattr(Judge, "_counted", mutant)
    quiet = settings(max_examples=2000, deadline=None, database=None, derandomize=True, phases=[Phase.generate])
    with pytest.raises(AssertionError):
        quiet(given(*ANYTHING)(claim_of_the_window))()


@given(
    st.sets(st.sampled_from(FLEET)), st.sets(st.sampled_from(FLEET)), st.sampled_from(FLEET), st.floats(0, 1),
    st.integers(1, 20),
)  # fmt: skip
@settings(max_examples=300, deadline=None)
def test_what_the_blast_radius_allows_leaves_enough(busy, cut, component, share, size):
    """After an action that was allowed no more are out than may be; nobody else is out for the first in a group."""
    members = set(FLEET[:size]) | {component}
    boundaries = Boundaries((boundary("all", sorted(members)),))
    isolations = Isolations(tuple(held(name) for name in sorted(cut & members)))
    found = objections(
        component=component,
        boundaries=boundaries,
        busy=busy & members,
        isolations=isolations,
        guard=GuardSettings(max_out_share=share),
    )
    after = ((busy | cut) & members) | {component}
    is_allowed = Guard.BLAST_RADIUS not in [objection.guard for objection in found]
    assert is_allowed == (len(after) <= allowed_out(len(members), share))
    if is_allowed and len(members) > 1 and share < 1:
        assert len(after) < len(members)
    if after == {component}:
        assert is_allowed


@given(st.permutations(["web-0", "web-1", "web-2", "db-0", "db-1"]))
def test_the_order_of_what_is_known_does_not_matter(names):
    """Sets and tuples in any order give the same words."""
    past = tuple(did(100 * i, component="web-0", incident=name) for i, name in enumerate(sorted(names)))
    shuffled = tuple(past[sorted(names).index(name)] for name in names)
    one = objections(busy=list(names[1:]), past=past, recent=past, unhealthy=FLEET[:12])
    other = objections(busy=sorted(names[1:]), past=shuffled, recent=shuffled, unhealthy=FLEET[:12][::-1])
    assert one == other
