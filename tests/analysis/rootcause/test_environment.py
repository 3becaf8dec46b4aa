"""What those that moved share."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.findings import SkippedMethod
from analysis.pipeline import diagnose, situation_from_case
from analysis.rootcause import environment, metrics
from analysis.rootcause.fusion import judge
from analysis.rootcause.observation import observe
from analysis.situation import Situation
from models.simulator import Fault, FaultKind, IncidentPlan, SimulatorSettings, simulate_incident
from tests.analysis.builders import at, moved, quiet, situation_of
from tests.analysis.rootcause.helpers import SETTINGS

NAMES = [f"c{i:02}" for i in range(20)]
HOSTS = {name: {"host": (f"h{i // 4}",)} for i, name in enumerate(NAMES)}
"""Five hosts of four components: c00 to c03 run on h0."""


def neighbours(*, busy=("c00",), slow=("c01", "c02"), elsewhere=(), attributes=HOSTS, traffic=(), **parts):
    """Some use more of their processor, others only get slow."""
    series = quiet([(name, metric) for name in NAMES for metric in ("cpu", "latency_ms", "requests")])
    for name in busy:
        series = moved(series, (name, "cpu"), 60, 3.0)
    for name in (*slow, *elsewhere):
        series = moved(series, (name, "latency_ms"), 60, 3.0)
    for name in traffic:
        series = moved(series, (name, "requests"), 60, 3.0)
    return situation_of(series, edges=None, attributes=attributes, **parts)


def collect(situation, settings=SETTINGS):
    """What the environment says, by component."""
    seen = observe(situation)
    found = metrics.collect(seen, settings)
    scores = {}
    for item in found.evidence:
        scores[item.component] = scores.get(item.component, 0.0) + item.weight
    told = environment.collect(seen, found, scores, settings)
    return told if isinstance(told, SkippedMethod) else {item.component: item for item in told}


def test_a_noisy_neighbour_is_accused_and_the_slowed_ones_are_relieved():
    """Each of those on the host is told, with the numbers; nobody else is."""
    found = collect(neighbours())
    assert set(found) == {"c00", "c01", "c02"}
    assert found["c00"].weight > 0 > max(found["c01"].weight, found["c02"].weight)
    assert found["c00"].statement == (
        "3 of the 3 components that moved run on host h0, where 4 of 20 are, and its resources moved without more "
        "traffic."
    )
    assert found["c01"].statement.endswith("and c00 may slow it down from there.")
    assert found["c00"].numbers["chance"] < 0.05


def test_its_evidence_raises_the_confidence_in_the_noisy_one():
    """The same situation without the hosts is less sure."""
    known, unknown = diagnose(neighbours()), diagnose(neighbours(attributes=None))
    assert known.ranking[0] == unknown.ranking[0] == "c00"
    assert known.confidence > unknown.confidence


def test_no_weight_outgrows_its_bound():
    """A place is weak evidence: it neither makes nor breaks a candidate."""
    series = quiet([(name, metric) for name in NAMES for metric in ("cpu", "latency_ms")])
    series = moved(series, ("c00", "cpu"), 60, 1e6)
    for name in ("c01", "c02", "c03"):
        series = moved(series, (name, "latency_ms"), 60, 1e6)
    found = collect(situation_of(series, edges=None, attributes=HOSTS))
    assert 0 < found["c00"].weight < 1
    assert min(item.weight for item in found.values()) == -SETTINGS.environment_weight * environment.MOST_TAKEN


def test_those_that_moved_everywhere_share_nothing():
    """One on each host is what chance does."""
    assert collect(neighbours(busy=("c00",), slow=("c04", "c08"))) == {}


def test_one_of_a_host_is_no_group():
    """A component alone proves nothing about its host."""
    assert collect(neighbours(slow=())) == {}


def test_where_all_run_together_it_says_nothing():
    """Everybody shares the only host."""
    assert collect(neighbours(attributes={name: {"host": ("h",)} for name in NAMES})) == {}


def test_where_each_runs_alone_it_says_nothing():
    """No two share a host."""
    assert collect(neighbours(attributes={name: {"host": (name,)} for name in NAMES})) == {}


def test_an_ill_host_is_told_and_accuses_nobody():
    """Where nobody's resources stand out, the sentence stays and weighs nothing."""
    found = collect(neighbours(busy=(), slow=("c00", "c01", "c02")))
    assert {item.weight for item in found.values()} == {0.0}
    assert found["c00"].statement.endswith("where 4 of 20 are.")


def test_more_work_is_no_noise():
    """Resources that rose with the component's own traffic accuse nobody."""
    assert {item.weight for item in collect(neighbours(traffic=("c00",))).values()} == {0.0}


def test_the_place_of_the_smallest_chance_is_told():
    """A host inside a zone says more than the zone."""
    both = {name: {"host": (f"h{i // 4}",), "zone": (f"z{i // 10}",)} for i, name in enumerate(NAMES)}
    assert "host h0" in collect(neighbours(attributes=both))["c00"].statement
    zones = {name: {"zone": (f"z{i // 10}",)} for i, name in enumerate(NAMES)}
    spread = neighbours(busy=("c00",), slow=("c02", "c04", "c06", "c08"), attributes=zones)
    assert "zone z0" in collect(spread)["c00"].statement


@pytest.mark.parametrize("key", ["team", "language", "", "温度"])
def test_what_is_no_place_slows_nobody_down(key):
    """A team is shared as well, but nothing runs on it."""
    attributes = {name: {key: told["host"]} for name, told in HOSTS.items()}
    assert "Nobody says" in collect(neighbours(attributes=attributes)).reason


def test_keys_are_read_in_any_case():
    """Host and host are one thing to a human."""
    assert set(collect(neighbours(attributes={name: {"Host": told["host"]} for name, told in HOSTS.items()}))) == {
        "c00",
        "c01",
        "c02",
    }


def test_a_component_may_run_on_several_hosts():
    """It counts on each of them; one sentence is told."""
    attributes = HOSTS | {"c00": {"host": ("h0", "h1", "h2")}}
    assert "host h0" in collect(neighbours(attributes=attributes))["c00"].statement


def test_reasons_why_it_cannot_run():
    """No attributes, no metrics, attributes of strangers and weight 0 are all said."""
    assert "Nobody says" in collect(neighbours(attributes=None)).reason
    assert "Nobody says" in collect(neighbours(attributes={})).reason
    assert "Nobody says" in collect(neighbours(attributes={"stranger": {"host": ("h0",)}})).reason
    assert "no metric" in collect(Situation(detected_at=at(0), attributes=HOSTS)).reason
    assert "off" in collect(neighbours(), replace(SETTINGS, environment_weight=0.0)).reason


def test_the_order_of_attributes_does_not_matter():
    """Neither that of components nor that of values."""
    attributes = {name: {"zone": ("z",), "host": ("x", *told["host"])} for name, told in HOSTS.items()}
    turned = {name: {k: v[::-1] for k, v in reversed(told.items())} for name, told in reversed(attributes.items())}
    assert collect(neighbours(attributes=turned)) == collect(neighbours(attributes=attributes))


def test_half_known_hosts_are_compared_among_themselves():
    """Components of which nobody knows the host count on neither side."""
    known = {name: HOSTS[name] for name in NAMES[:12]}
    assert "where 4 of 12 are" in collect(neighbours(attributes=known, elsewhere=("c15",)))["c00"].statement


@given(st.data())
def test_the_chance_is_that_of_drawing_by_hand(data):
    """Counted over all ways to choose those that moved."""
    known = data.draw(st.integers(1, 8))
    there, moved_ = data.draw(st.integers(0, known)), data.draw(st.integers(0, known))
    k = data.draw(st.integers(0, known))
    ways = [sum(i < there for i in chosen) >= k for chosen in combinations(range(known), moved_)]
    assert environment.chance_of(k, moved=moved_, there=there, known=known) == pytest.approx(np.mean(ways))


def test_a_system_of_thousands_is_no_problem():
    """Exact numbers of ways, however large."""
    assert 0 < environment.chance_of(30, moved=100, there=60, known=5000) < 1e-20


def test_the_simulated_noisy_neighbour_is_named_more_surely():
    """The shop tells its hosts; without them the confidence is lower."""
    settings = SimulatorSettings(seed=2)
    fault = Fault(kind=FaultKind.NOISY_NEIGHBOUR, component="search")
    case, _ = simulate_incident(settings, fault, IncidentPlan(history_rows=180, incident_rows=40))
    assert case.attributes["search"] == case.attributes["cart"]
    situation = situation_from_case(case)
    known, unknown = diagnose(situation), diagnose(replace(situation, attributes=None))
    assert known.ranking[0] == unknown.ranking[0] == "search"
    assert known.confidence > unknown.confidence


def test_it_is_part_of_the_sum():
    """The verdict holds its evidence, or its reason."""
    verdict = judge(observe(neighbours()), SETTINGS)
    assert any(item.collector == "environment" for item in verdict.evidence["c00"])
    assert any(m.name == "environment" for m in judge(observe(neighbours(attributes=None)), SETTINGS).skipped)


def test_the_chance_is_corrected_for_the_places_tried():
    """Five hosts are five tries; hosts of one component are none."""
    alone = HOSTS | {"c19": {"host": ("own",)}}
    three = environment.chance_of(3, moved=3, there=4, known=20)
    assert collect(neighbours())["c00"].numbers["chance"] == pytest.approx(5 * three)
    assert collect(neighbours(attributes=alone))["c00"].numbers["chance"] == pytest.approx(5 * three)


def test_chance_has_its_limit():
    """Two of five that moved may well share one host of five."""
    assert collect(neighbours(busy=("c00",), slow=("c01",), elsewhere=("c04", "c08", "c12"))) == {}


def test_small_moves_beside_a_large_one_do_not_count():
    """What has less than a fifth of the strongest one's points has not moved."""
    found = metrics.collect(observe(neighbours()), SETTINGS)
    for weak, n in ((5.9, 0), (6.1, 3)):
        scores = {"c00": 30.0, "c01": weak, "c02": weak}
        assert len(environment.collect(observe(neighbours()), found, scores, SETTINGS)) == n


def test_who_is_slower_than_busy_is_not_the_noisy_one():
    """Resources that moved less than latency and errors are a consequence."""
    found = metrics.collect(observe(neighbours()), SETTINGS)
    slower = replace(found, saturation={"c00": 5.0, "c01": 8.0}, symptom={"c00": 6.0, "c01": 2.0})
    scores = {"c00": 11.0, "c01": 10.0, "c02": 10.0}
    told = {e.component: e.weight for e in environment.collect(observe(neighbours()), slower, scores, SETTINGS)}
    assert told["c01"] > 0 > told["c00"]
    assert told["c02"] == 0.0


def test_two_on_one_host_are_enough():
    """A pair that shares its host alone, and nobody else moved."""
    pairs = {name: {"host": (f"h{i // 2}",)} for i, name in enumerate(NAMES)}
    assert set(collect(neighbours(slow=("c01",), attributes=pairs))) == {"c00", "c01"}
