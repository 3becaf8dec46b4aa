"""What actions do: the right one cures, the wrong one does not, and every one can be probed."""

import numpy as np
import pytest

from models.errors import ConfigurationError, UnknownNameError
from models.simulator import FaultKind, Repair
from models.simulator.noise import ERRORS, METRICS, P50, P95, RATE
from tests.models.simulator.runs import VICTIMS, acted, system, values

ACTIONS = {
    "nothing": lambda shop, component: None,
    "restart": lambda shop, component: shop.restart(component),
    "rollback": lambda shop, component: shop.rollback_deploy(component),
    "backup": lambda shop, component: shop.enable_backup(component),
    "redirect": lambda shop, component: shop.redirect(component),
    "isolate": lambda shop, component: shop.isolate(component),
    "scale": lambda shop, component: shop.scale(component, 6),
}
PROCESS_FAULTS = (
    FaultKind.CPU_HOG,
    FaultKind.MEMORY_LEAK,
    FaultKind.LATENCY,
    FaultKind.ERRORS,
    FaultKind.DEAD_DEPENDENCY,
    FaultKind.NOISY_NEIGHBOUR,
)


def settled(kind, action):
    """Median ratio to the healthy twin, 10 to 26 rows after the action: shape (components, metrics), and the system."""
    ratio, shop = acted(kind, lambda made: ACTIONS[action](made, VICTIMS[kind]), act_at=24)
    return np.median(ratio[34:50], axis=0), shop


def own(kind, action):
    """The same for the injected component alone."""
    ratio, shop = settled(kind, action)
    return ratio[shop.topology.names.index(VICTIMS[kind])]


@pytest.mark.parametrize(
    ("kind", "action"),
    [(kind, "restart") for kind in PROCESS_FAULTS]
    + [(FaultKind.BAD_DEPLOY, "rollback")]
    + [(kind, "backup") for kind in (*PROCESS_FAULTS, FaultKind.NETWORK_LOSS)],
)
def test_right_action_brings_the_metrics_back(kind, action):
    """All metrics of the component return to those of the healthy twin; a backup works a little harder."""
    assert own(kind, action) == pytest.approx(np.ones(len(METRICS)), abs=0.25 if action == "backup" else 0.03)


@pytest.mark.parametrize(
    ("kind", "action"),
    [(kind, "rollback") for kind in FaultKind if kind is not FaultKind.BAD_DEPLOY]
    + [
        (FaultKind.BAD_DEPLOY, "restart"),
        (FaultKind.BAD_DEPLOY, "backup"),
        (FaultKind.NETWORK_LOSS, "restart"),
        (FaultKind.NETWORK_LOSS, "scale"),
        (FaultKind.TRAFFIC_SURGE, "restart"),
        (FaultKind.LATENCY, "scale"),
        (FaultKind.ERRORS, "scale"),
        (FaultKind.DEAD_DEPENDENCY, "scale"),
    ],
)
def test_wrong_action_does_not(kind, action):
    """Some metric of the component stays as far off as it would have been without the action."""
    acted_on, left = own(kind, action), own(kind, "nothing")
    worst = np.argmax(np.abs(np.log(np.maximum(left, 1e-6))))
    assert abs(np.log(acted_on[worst])) > 0.7 * abs(np.log(left[worst])) > 0.1


def test_scaling_up_carries_a_surge():
    """More replicas at the entry bring most of its latency back, while the visitors stay."""
    scaled, left = own(FaultKind.TRAFFIC_SURGE, "scale"), own(FaultKind.TRAFFIC_SURGE, "nothing")
    assert left[P95] > 1.5
    assert scaled[P95] < 1 + 0.4 * (left[P95] - 1)
    assert scaled[RATE] == pytest.approx(left[RATE], rel=0.01)


@pytest.mark.parametrize("kind", [*PROCESS_FAULTS[:-1], FaultKind.BAD_DEPLOY, FaultKind.NETWORK_LOSS])
def test_redirect_spares_the_callers(kind):
    """With its traffic on a standby the component keeps probes only, and the entry is as without the fault."""
    ratio, shop = settled(kind, "redirect")
    assert ratio[shop.topology.names.index(VICTIMS[kind]), RATE] < 0.05
    assert ratio[0, [P50, P95]] == pytest.approx(1.0, abs=0.05)
    assert ratio[0, ERRORS] < 1.5


def test_isolation_breaks_the_propagation():
    """Callers of an isolated slow component fail fast: their latency is back, at the price of some errors."""
    left, _ = settled(FaultKind.LATENCY, "nothing")
    isolated, shop = settled(FaultKind.LATENCY, "isolate")
    search = shop.topology.names.index("search")
    assert left[search, P50] > 3
    assert isolated[search, P50] < 1.1
    assert isolated[search, ERRORS] > 2
    assert isolated[-1, RATE] < 0.05


def test_isolating_the_culprit_frees_its_neighbours():
    """A noisy neighbour without work lets the others on its host breathe."""
    left, shop = settled(FaultKind.NOISY_NEIGHBOUR, "nothing")
    isolated, _ = settled(FaultKind.NOISY_NEIGHBOUR, "isolate")
    search = shop.topology.names.index("search")
    assert left[search, P50] > 1.3
    assert isolated[search, P50] < 1.1


def test_taking_back_brings_an_unrepaired_fault_back():
    """A backup, an isolation and a redirection hide a fault; they do not repair it."""
    for begin, end in (("enable_backup", "disable_backup"), ("isolate", "release"), ("redirect", "restore")):

        def there_and_back(shop, begin=begin, end=end):
            assert getattr(shop, begin)("account")
            shop.advance(3)
            assert getattr(shop, end)("account")

        shop = system(FaultKind.NETWORK_LOSS)
        healthy = system()
        shop.advance(20)
        there_and_back(shop)
        healthy.advance(23)
        at = shop.topology.names.index("account")
        ratio = values(shop, 20)[:, at, ERRORS] / np.maximum(values(healthy, 20)[:, at, ERRORS], 1e-4)
        assert np.median(ratio) > 10
        assert shop.faults[0].repaired_by == ""


def test_restart_costs_one_row():
    """In the row of a restart the component answers nothing; in the next it does."""
    shop = system()
    shop.advance(5)
    shop.restart("search")
    at = shop.topology.names.index("search")
    rows = values(shop, 2)[:, at]
    assert rows[0, ERRORS] > 0.5
    assert rows[0, RATE] < 1
    assert rows[1, ERRORS] < 0.05
    assert rows[1, RATE] > 10


def test_faults_remember_what_repaired_them():
    """The truth says which repair ended a fault, and when."""
    shop = system(FaultKind.CPU_HOG)
    shop.advance(20)
    (fault,) = shop.faults
    assert (fault.end, fault.repaired_by) == (None, "")
    shop.restart("catalogue")
    assert (fault.end, fault.repaired_by) == (shop.now, Repair.RESTART)


def test_repair_before_the_fault_changes_nothing():
    """A restart before the onset does not prevent the fault."""
    shop = system(FaultKind.ERRORS)
    shop.restart("payment")
    rows = values(shop, 20)
    assert rows[-1, shop.topology.names.index("payment"), ERRORS] > 0.1


def test_state_can_be_probed():
    """Every action leaves a state that tells whether it is in place, and says whether it changed anything."""
    shop = system()
    shop.advance(10)
    assert shop.state_of("cart").uptime_s == 600
    for action, undo, flag in (
        ("isolate", "release", "is_isolated"),
        ("redirect", "restore", "is_redirected"),
        ("enable_backup", "disable_backup", "is_on_backup"),
    ):
        assert getattr(shop, action)("cart")
        assert not getattr(shop, action)("cart")
        assert getattr(shop.state_of("cart"), flag)
        assert getattr(shop, undo)("cart")
        assert not getattr(shop, undo)("cart")
        assert not getattr(shop.state_of("cart"), flag)
    assert shop.scale("cart", 4)
    assert not shop.scale("cart", 4)
    assert shop.state_of("cart").replicas == 4
    assert shop.restart("cart")
    assert (shop.state_of("cart").restarts, shop.state_of("cart").uptime_s) == (1, 0)


def test_rollback_goes_back_one_version_once():
    """There is something to roll back after a deploy only, and only once; it is announced."""
    shop = system(FaultKind.BAD_DEPLOY)
    assert not shop.rollback_deploy("cart")
    shop.advance(15)
    assert shop.state_of("cart").version == 2
    assert shop.rollback_deploy("cart")
    assert not shop.rollback_deploy("cart")
    assert shop.state_of("cart").version == 1
    assert [change.name for change in shop.changes] == ["deploy v2", "rollback to v1"]


@pytest.mark.parametrize("action", [action for name, action in ACTIONS.items() if name != "nothing"])
def test_unknown_component_is_refused(action):
    """Every action on a component that does not exist names it and those that do."""
    with pytest.raises(UnknownNameError, match="Unknown component 'crat'"):
        action(system(), "crat")


@pytest.mark.parametrize("replicas", [0, -1, 51])
def test_refuses_impossible_replicas(replicas):
    """A number of replicas out of range is refused and changes nothing."""
    shop = system()
    with pytest.raises(ConfigurationError, match="replicas of 'cart'"):
        shop.scale("cart", replicas)
    assert shop.state_of("cart").replicas == 2
