"""Strategies and boundaries in force: loaded together, replaced as a whole or not at all, released in time."""

import pytest

from models.errors import ConfigurationError
from service.clock import ReplayClock
from service.policies import PolicyDesk, check_breakers, load_policies
from service.ports import ActionKind
from service.records import RecordKind
from service.recovery import RouteBlockedError
from service.recovery.documents import read_boundaries, read_strategies
from service.recovery.isolations import Isolations
from service.recovery.runs import RecoveryStatus
from tests.service.loops import COMPONENTS, STRATEGIES, World
from tests.service.recovery.test_documents import BOUNDARIES
from tests.service.recovery.test_documents import STRATEGIES as OTHERS
from tests.service.store.examples import T0
from tests.trained_system import an_application

CUT = """
boundaries:
  - id: system
    name: Everything
    type: SERVICE
    components: ["*"]
    rules:
      - {id: cut, condition: category == RESOURCE, action: ISOLATE_COMPONENT, priority: 9, timeout_s: 1800}
"""
SYSTEM = ("web", "orders", "cart")


@pytest.fixture
def world(monkeypatch):
    """With trouble that began just now."""
    world = World(monkeypatch)
    world.trouble()
    yield world
    world.store.close()


def boundaries_of(text):
    """Of the small world."""
    return read_boundaries(text, source="b.yaml", components=COMPONENTS)


def test_both_files_are_checked_against_each_other(tmp_path):
    """A boundary may only prefer a strategy of the strategies that are loaded with it."""
    plans, rules = tmp_path / "plans.yaml", tmp_path / "rules.yaml"
    plans.write_text(OTHERS)
    rules.write_text(BOUNDARIES)
    loaded = load_policies(plans, rules, SYSTEM)
    assert (loaded.strategies_from, loaded.boundaries_from) == (str(plans), str(rules))
    assert loaded.version == load_policies(plans, rules, SYSTEM).version
    with pytest.raises(ConfigurationError, match=r"rules\.yaml: line 7, .*there is no strategy 'again'"):
        load_policies(None, rules, SYSTEM)


def test_the_service_does_not_start_with_a_mistake(tmp_path):
    """The settings name the file; the error names the line and the remedy."""
    plans = tmp_path / "plans.yaml"
    plans.write_text(OTHERS.replace("worst_score <", "wurst_score <"))
    with pytest.raises(ConfigurationError, match=r"plans\.yaml: line 17, .*Remedy: did you mean worst_score"):
        an_application(strategies=plans)


def test_a_reload_reaches_the_loop_and_a_wrong_one_does_not(tmp_path):
    """The wired service: what is read is what decides; a plan that nobody could carry out is refused, too."""
    plans = tmp_path / "plans.yaml"
    plans.write_text(OTHERS)
    app = an_application(strategies=plans)
    responder, policies = app.engine._responder, app.desk.policies
    plans.write_text(OTHERS.replace("name: Start again", "name: Anew"))
    policies.reload()
    assert responder._policy.strategies.of("again").name == "Anew"
    assert policies.view.policy.strategies is responder._policy.strategies
    for wrong in (OTHERS.replace("attempts: 3", "attempts: 0"), "", OTHERS.replace("RESTART_COMPONENT,", "REBOOT,")):
        plans.write_text(wrong)
        with pytest.raises(ConfigurationError, match=r"plans\.yaml: line "):
            policies.reload()
        assert responder._policy.strategies.of("again").name == "Anew"
    told = [record.kind for record in app.store.records(limit=500)]
    assert told == [RecordKind.POLICY_RELOADED, *[RecordKind.POLICY_REFUSED] * 3]
    app.store.close()


def refuse(policy):
    """Nothing can be carried out."""
    raise ConfigurationError("Some plans can never be carried out.")


@pytest.mark.parametrize(
    ("check", "components", "said"),
    [
        (refuse, SYSTEM, "never be carried out"),
        (lambda _: None, (*SYSTEM, "new"), "breaker of new would change"),
    ],
)
def test_what_cannot_be_put_in_force_is_refused(check, components, said):
    """What the actuators and the breakers say counts as the check of the file, and nothing is put in force."""
    used, told = [], []
    desk = PolicyDesk(
        load_policies(None, None, SYSTEM),
        load=lambda: load_policies(None, None, components),
        check=check,
        use=used.append,
        isolations=Isolations,
        now=ReplayClock(T0).now,
        publish=told.append,
    )
    with pytest.raises(ConfigurationError, match=said):
        desk.reload()
    assert (used, [record.kind for record in told], desk.view.since) == ([], [RecordKind.POLICY_REFUSED], None)
    assert said in desk.view.refused


@pytest.mark.parametrize(
    "new",
    [
        CUT.replace("rules:", "failure_propagation: {breaker_threshold: 2}\n    rules:"),
        CUT.replace('["*"]', "[web]"),
    ],
)
def test_breakers_are_not_changed_by_a_reload(new):
    """Applications rely on what they have counted."""
    with pytest.raises(ConfigurationError, match=r"The breaker of \S+ and \d more would change.*restart the service"):
        check_breakers(boundaries_of(CUT), boundaries_of(new))
    check_breakers(boundaries_of(CUT), boundaries_of(CUT.replace("priority: 9", "priority: 1")))


def test_a_run_keeps_the_plan_it_began_with(world):
    """New strategies are for new runs: the one under way ends by its old steps."""
    world.live(4)
    (run,) = world.journal.runs()
    changed = STRATEGIES.replace("worst_score < 1", "worst_score < 0.001").replace("name: Restart", "name: Anew")
    world.responder.use(boundaries_of(CUT), read_strategies(changed, source="test"))
    world.score = 0.2
    world.live(4)
    (after,) = world.journal.runs()
    assert (after.strategy, after.status) == (run.strategy, RecoveryStatus.COMPLETED)


def test_a_rule_isolates_once_and_its_timeout_releases_after_a_restart(world):
    """Cut off by the rule, refused on all routes, released in time by the next life of the service, without a hand."""
    world.responder.use(boundaries_of(CUT), read_strategies(STRATEGIES, source="test"))
    world.live(12)
    cut, released = (ActionKind.ISOLATE_COMPONENT, "payments-db"), (ActionKind.RELEASE_COMPONENT, "payments-db")
    assert world.hand.done.count(cut) == 1
    (isolation,) = world.journal.isolations().active
    table = boundaries_of(CUT).route_table(world.journal.isolations())
    with pytest.raises(RouteBlockedError, match="payments-db is isolated"):
        table.check("payments", "payments-db")
    world.restart()
    assert world.journal.isolations().active == (isolation,)
    world.live(10)
    assert released not in world.hand.done
    world.live(20)
    assert (world.hand.done.count(released), world.journal.isolations().isolated) == (1, frozenset())
    boundaries_of(CUT).route_table(world.journal.isolations()).check("payments", "payments-db")
    kinds = [record.kind for record in world.store.records(limit=500)]
    assert (kinds.count(RecordKind.COMPONENT_ISOLATED), kinds.count(RecordKind.COMPONENT_RELEASED)) == (1, 1)


def test_a_component_of_no_boundary_is_told_and_left_alone(world):
    """Nothing is done to it, and the record names it."""
    web_only = CUT.replace('["*"]', "[web]")
    world.responder.use(boundaries_of(web_only), read_strategies(STRATEGIES, source="test"))
    world.live(6)
    (decision,) = world.decisions
    assert "no boundary holds the component. Unknown component 'payments-db'" in decision
    assert world.hand.done == []
