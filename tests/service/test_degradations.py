"""The loop's levels: facts from what the service knows, one step a look, recorded, and kept over a restart."""

from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest

from models.errors import ConfigurationError, UnknownNameError
from models.frames import SeriesKey
from service.degradations import DegradationKeeper, Situation, load_ladders
from service.records import RecordKind
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.recovery.degradation_file import read_degradations
from service.recovery.facts import DEGRADATION_FACTS
from service.recovery.health import HealthStatus
from service.store.audit import AuditLog
from service.store.degradations import DegradationStore
from service.store.sql import SqlStore
from tests.service.store.examples import T0, an_anomaly, an_incident

FILE = """\
degradations:
  - component: orders
    levels:
      - {name: lean, gives_up: [ads], enter: worst_score >= 1, enter_hold_s: 60, leave: worst_score < 0.7}
      - {name: plain, gives_up: [search], enter: worst_score >= 2, enter_hold_s: 60, leave: worst_score < 1.5}
  - component: web
    levels:
      - {name: cached, gives_up: [fresh], enter: dependency_health == UNHEALTHY, leave: dependency_health == HEALTHY}
"""
LADDERS = read_degradations(FILE, source="test")


@pytest.fixture
def store(store_url):
    """On either database."""
    store = SqlStore(store_url)
    yield store
    store.close()


def keeper(store, ladders=LADDERS):
    """A life of the service."""
    return DegradationKeeper(ladders, DegradationStore(store.database))


def situation(score=float("nan"), **more):
    """Two components, one row."""
    keys = (SeriesKey("orders", "latency"), SeriesKey("orders", "errors"), SeriesKey("web", "latency"))
    scores = SimpleNamespace(frame=SimpleNamespace(keys=keys), score=np.array([[score, 0.1, np.nan]]))
    values = {
        "health": {},
        "breakers": (),
        "isolated": frozenset(),
        "incidents": (),
        "edges": (("web", "orders"), ("web", "db")),
    } | more
    return Situation(scores=scores, **values)


def live(degradations, score, minutes, begin=0, **more):
    """Look once a minute."""
    for minute in range(begin, begin + minutes):
        degradations.observe(situation(score, **more), T0 + timedelta(minutes=minute))


def breaker(name, state):
    """Of a component."""
    return BreakerSnapshot(
        name=name, state=state, failure_count=0, success_count=0, rejected_count=0, last_failure="", opened_at=None,
        reason="",
    )  # fmt: skip


def test_levels_change_step_by_step_and_are_recorded(store):
    """One record a step, in the chain of the ledger."""
    degradations = keeper(store)
    live(degradations, 5.0, 2)
    status = degradations.status("orders")
    assert (status.level, status.name, status.gives_up, status.levels) == (1, "lean", ("ads",), 2)
    live(degradations, 5.0, 2, begin=2)
    assert degradations.status("orders").gives_up == ("ads", "search")
    told = store.records(kind=RecordKind.DEGRADATION_CHANGED)
    assert [(r.subject, r.data["previous"], r.data["level"], r.data["name"]) for r in told] == [
        ("orders", 0, 1, "lean"),
        ("orders", 1, 2, "plain"),
    ]
    assert AuditLog(store.database).verify().is_intact


def test_a_restart_goes_on_where_it_was(store):
    """Level and timers: half of the time before the restart, half after."""
    live(keeper(store), 5.0, 3)
    again = keeper(store)
    assert again.status("orders").level == 1
    assert again.status("orders").since == T0 + timedelta(minutes=1)
    live(again, 5.0, 1, begin=3)
    assert again.status("orders").level == 2


def test_a_changed_file_is_fitted(store):
    """A ladder that is gone is forgotten, one that is shorter is stood on at its end."""
    live(keeper(store), 5.0, 4)
    shorter = read_degradations(
        "degradations: [{component: orders, levels: [{name: lean, gives_up: [ads], enter: worst_score >= 1,"
        " leave: worst_score < 0.7}]}]",
        source="test",
    )
    assert keeper(store, shorter).status("orders").level == 1
    assert keeper(store, ()).statuses == ()
    assert DegradationStore(store.database).load() == {}


def test_one_component_moves_by_its_dependencies(store):
    """The caller gives something up when what it calls is ill, and takes it back when all is well."""
    degradations = keeper(store)
    ill = {"orders": HealthStatus.UNHEALTHY, "db": HealthStatus.HEALTHY}
    live(degradations, 0.1, 3, health=ill)
    assert degradations.status("web").name == "cached"
    live(degradations, 0.1, 10, begin=3, health=dict.fromkeys(ill, HealthStatus.HEALTHY))
    assert degradations.status("web").name == "full"


def test_the_facts_are_those_that_are_declared():
    """Each has the type that conditions were checked against; what is not known is missing."""
    anomaly = an_anomaly("orders")
    full = situation(
        2.0,
        health={"orders": HealthStatus.DEGRADED, "db": HealthStatus.UNKNOWN},
        breakers=(breaker("orders", CircuitState.FORCED_OPEN), breaker("db", CircuitState.HALF_OPEN)),
        isolated=frozenset({"orders"}),
        incidents=(an_incident(anomalies=(anomaly,)),),
    )
    facts = full.facts("orders")
    assert set(facts) == set(DEGRADATION_FACTS)
    assert facts["incident_severity"] == anomaly.severity.value
    assert (facts["worst_score"], facts["health"], facts["breaker_open"], facts["is_isolated"]) == (
        2.0, "DEGRADED", True, True,
    )  # fmt: skip
    assert all(DEGRADATION_FACTS[name].is_known(value) for name, value in facts.items() if value is not None)
    of_caller = full.facts("web")
    assert (of_caller["dependency_health"], of_caller["open_breakers"], of_caller["worst_score"]) == (
        "DEGRADED",
        1,
        None,
    )
    stranger = full.facts("nobody")
    assert [name for name, value in stranger.items() if value is not None] == [
        "unhealthy_dependencies", "open_breakers", "is_isolated", "in_incident",
    ]  # fmt: skip


def test_a_component_without_levels_is_named(store):
    """With those that have some."""
    with pytest.raises(UnknownNameError, match="nobody"):
        keeper(store).status("nobody")


def test_a_file_that_is_not_there_is_named(tmp_path):
    """No levels without a file, an error for a wrong one."""
    assert load_ladders(None) == ()
    with pytest.raises(ConfigurationError, match=r"none\.yaml"):
        load_ladders(tmp_path / "none.yaml")
    (tmp_path / "levels.yaml").write_text(FILE)
    assert len(load_ladders(tmp_path / "levels.yaml")) == 2
