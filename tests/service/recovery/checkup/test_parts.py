"""The small parts of the policy: units, paces, dependencies, one check's state, the summary."""

import itertools
import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError, UnknownNameError
from service.recovery.checkup import (
    CheckPhase,
    CheckPolicy,
    CheckSet,
    CheckState,
    CheckType,
    CheckView,
    Maintenance,
    Reading,
    find_cycle,
    summarise,
    with_checks,
)
from service.recovery.checkup.definitions import MOST_CHECKS
from service.recovery.health import GRAVITY, Direction, HealthStatus, MetricThreshold
from service.recovery.units import BASE_OF, in_base
from tests.service.recovery.checkup.worlds import STEADY, T0, a_check

STATUSES = st.sampled_from(list(HealthStatus))


@pytest.mark.parametrize(
    ("value", "unit", "base", "kept"),
    [(250, "ms", "s", 0.25), (2, "GiB", "B", 2**31), (10, "percent", "ratio", 0.1), (3, "days", "s", 259200)],
)
def test_units_convert(value, unit, base, kept):
    """To the unit in which the metric is kept."""
    assert in_base(value, unit, base) == pytest.approx(kept)


@pytest.mark.parametrize(("unit", "base"), [("MiB", "s"), ("ms", "ratio"), ("furlong", "s"), ("", "B"), ("S", "s")])
def test_other_units_are_refused(unit, base):
    """The message lists those that fit."""
    with pytest.raises(ConfigurationError, match=base):
        in_base(1.0, unit, base)


def test_every_unit_has_its_base():
    """A base is a unit of itself."""
    assert all(BASE_OF[base] == (base, 1.0) for base, _ in BASE_OF.values())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("interval_s", 0),
        ("interval_s", math.nan),
        ("retry_interval_s", -1),
        ("timeout_s", math.inf),
        ("max_retries", -1),
        ("successes", 0),
        ("jitter", 0.6),
        ("jitter", math.nan),
        ("stale_after_s", 30.0),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused(name, value):
    """The message names the number."""
    with pytest.raises(ConfigurationError, match=name):
        CheckPolicy(**{name: value})


@given(st.integers(0, 2**31), st.integers(0, 10_000), st.booleans(), st.floats(0, 0.5))
def test_a_delay_stays_near_its_interval(seed, count, is_pending, jitter):
    """Within the share that the jitter says, and the same each time."""
    policy = replace(STEADY, jitter=jitter)
    delay = policy.delay_s("web", seed, count, is_pending=is_pending)
    base = policy.retry_interval_s if is_pending else policy.interval_s
    assert abs(delay - base) <= jitter * base + 1e-9
    assert delay == policy.delay_s("web", seed, count, is_pending=is_pending)
    assert 0 <= policy.first_delay_s("web", seed) <= policy.interval_s


def test_sets_that_make_no_sense_are_refused():
    """Twice the same id, an unknown parent, a circle, too many."""
    for checks, said in (
        ([a_check("a"), a_check("a")], "twice"),
        ([a_check("a", "b")], "'b'"),
        ([a_check("a", "b"), a_check("b", "c"), a_check("c", "a")], "a -> b -> c -> a"),
        ([a_check(f"c{i}") for i in range(MOST_CHECKS + 1)], "501"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            CheckSet(checks)
    with pytest.raises(UnknownNameError):
        CheckSet()["a"]


def test_the_longest_chain_is_no_trouble():
    """As many checks as there may be, each on the one before."""
    chain = CheckSet([a_check("c0"), *(a_check(f"c{i}", f"c{i - 1}") for i in range(1, MOST_CHECKS))])
    assert len(chain.ancestors_of(f"c{MOST_CHECKS - 1}")) == MOST_CHECKS - 1


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef"), max_size=3), max_size=6))
def test_circles_are_found_as_by_networkx(parents):
    """There is one exactly where a graph library finds one, and what is named is one."""
    import networkx as nx

    graph = nx.DiGraph([(child, parent) for child in parents for parent in parents[child] if parent in parents])
    found = find_cycle(parents)
    assert bool(found) is not nx.is_directed_acyclic_graph(graph)
    assert all(parent in parents[child] for child, parent in itertools.pairwise(found))
    assert not found or found[0] == found[-1]


def test_maintenance_has_a_zone_and_an_order():
    """Else nobody knows when it is."""
    hour = timedelta(hours=1)
    assert Maintenance(start=T0, end=T0 + hour).covers(T0)
    assert not Maintenance(start=T0, end=T0 + hour).covers(T0 + hour)
    for start, end in ((T0, T0), (T0.replace(tzinfo=None), T0 + hour)):
        with pytest.raises(ConfigurationError):
            Maintenance(start=start, end=end)


@pytest.mark.parametrize(
    ("reading", "status", "reason"),
    [
        (Reading(values={"free": 0.5, "lag": 1}), "HEALTHY", ""),
        (Reading(values={"free": 0.2, "lag": 1}), "DEGRADED", "free is 0.2 ratio, the warning threshold is 0.2 ratio"),
        (Reading(values={"free": 0.2, "lag": 9}), "UNHEALTHY", "lag is 9 s, the critical threshold is 5 s"),
        (Reading(values={"free": 0.5}), "UNKNOWN", "lag has no value"),
        (Reading(values={"free": math.nan, "lag": 9}), "UNHEALTHY", "lag is 9 s, the critical threshold is 5 s"),
        (Reading(values={"free": 0.5, "lag": 1}, failure="refused"), "UNHEALTHY", "refused"),
        (Reading(trouble="no permission"), "UNKNOWN", "no permission"),
    ],
)
def test_a_reading_is_judged_by_its_worst(reading, status, reason):
    """On the bad side of each threshold; without a value nothing is healthy."""
    limits = (
        MetricThreshold(metric="free", warning=0.2, critical=0.1, direction=Direction.BELOW, unit="ratio"),
        MetricThreshold(metric="lag", warning=None, critical=5.0, unit="s"),
    )
    assert a_check("a", thresholds=limits).judge(reading) == (HealthStatus(status), reason)


@given(st.lists(STATUSES, max_size=40), st.integers(0, 4), st.integers(1, 4))
def test_beliefs_are_earned(said, max_retries, successes):
    """A belief changes only to what the last results, as many as the policy says, all reach."""
    policy = replace(STEADY, max_retries=max_retries, successes=successes)
    state = CheckState()
    for i, status in enumerate(said):
        before = state
        state = state.after((status, status.value), Reading(), 5.0 * i, policy, is_held=False)
        if not before.is_known or state.belief is before.belief:
            continue
        is_worse = GRAVITY[state.belief] > GRAVITY[before.belief]
        last = [GRAVITY[one] for one in said[: i + 1][-(max_retries + 1 if is_worse else successes) :]]
        assert (min(last) if is_worse else max(last)) == GRAVITY[state.belief]
    assert state.runs == len(said)
    assert len(state.recent) <= 20
    known = [status for status in said if status in {HealthStatus.HEALTHY, HealthStatus.DEGRADED}]
    assert state.is_known or not known


def test_alternating_bad_results_are_believed_at_the_mildest():
    """Results that change between bad and worse do not hide that it is bad."""
    state = CheckState()
    statuses = [HealthStatus.HEALTHY, *[HealthStatus.UNHEALTHY, HealthStatus.DEGRADED] * 2]
    for i, status in enumerate(statuses):
        state = state.after((status, status.value), Reading(), 5.0 * i, STEADY, is_held=False)
    assert (state.belief, state.reason) == (HealthStatus.DEGRADED, "DEGRADED")


def a_view(name, status, phase=CheckPhase.SETTLED):
    """A check as it is shown."""
    return CheckView(
        id=name, component=name, type=CheckType.CUSTOM, status=HealthStatus(status), phase=phase, reason=f"of {name}",
        latest=HealthStatus(status), streak=0, age_s=1.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("views", "breakers", "expected"),
    [
        ([], [], ("UNKNOWN", "", "there is no check")),
        ([a_view("a", "HEALTHY")], [], ("HEALTHY", "", "")),
        ([a_view("b", "UNHEALTHY"), a_view("a", "UNHEALTHY")], [], ("UNHEALTHY", "a", "of a")),
        ([a_view("a", "UNKNOWN"), a_view("b", "DEGRADED")], [], ("UNKNOWN", "a", "of a")),
        ([a_view("a", "HEALTHY")], ["db"], ("DEGRADED", "db", "its breaker is open")),
        ([a_view("a", "UNHEALTHY")], ["db"], ("UNHEALTHY", "a", "of a")),
        ([a_view("a", "UNKNOWN", CheckPhase.SUPPRESSED), a_view("b", "HEALTHY")], [], ("HEALTHY", "", "")),
        ([a_view("a", "UNKNOWN", CheckPhase.MAINTENANCE), a_view("b", "HEALTHY")], [], ("HEALTHY", "", "")),
    ],
)
def test_the_worst_that_counts_is_named(views, breakers, expected):
    """Suppressed checks and those in maintenance have no say; an open breaker is no more than DEGRADED."""
    found = summarise(views, breakers)
    assert (found.status, found.worst, found.reason) == expected
    assert sum(found.counts.values()) == len(views)
    assert summarise(reversed(views), breakers) == found
    assert len(found.warnings) == len(breakers)


def test_components_are_as_their_metrics_and_checks_say():
    """The worse of both counts; what does not count or knows nothing says nothing."""
    views = [
        a_view("worse", "UNHEALTHY"),
        a_view("better", "HEALTHY"),
        a_view("known", "DEGRADED"),
        a_view("blind", "UNKNOWN"),
        a_view("off", "UNHEALTHY", CheckPhase.MAINTENANCE),
    ]
    metrics = {"worse": "HEALTHY", "better": "DEGRADED", "known": "UNKNOWN", "blind": "HEALTHY", "off": "HEALTHY"}
    found = with_checks({name: HealthStatus(status) for name, status in metrics.items()}, views)
    assert list(found.values()) == ["UNHEALTHY", "DEGRADED", "DEGRADED", "HEALTHY", "HEALTHY"]
    assert with_checks({}, views[:1]) == {"worse": HealthStatus.UNHEALTHY}
