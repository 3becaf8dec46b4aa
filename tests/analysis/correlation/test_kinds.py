"""Each kind finds what was planted, and not what only looks like it."""

import numpy as np
import pytest

from analysis.correlation import CorrelationKind, CorrelationSettings, IncidentHistory
from analysis.correlation.causal import causal
from analysis.correlation.component import component
from analysis.correlation.environmental import environmental
from analysis.correlation.succession import succession
from analysis.correlation.temporal import temporal
from analysis.topology import from_edges
from tests.analysis.correlation.worlds import (
    DAYS,
    GRAPH,
    HOSTS,
    OBSERVED,
    background,
    bad_deploys,
    bad_host,
    burst,
    changes_at,
    chasing,
    incident,
    joined,
    metric_pair,
    pair_failing,
)

RULES = CorrelationSettings()
SEEDS = range(20)


def share(make, is_found):
    """Of seeded histories, the share in which it is found."""
    return sum(is_found(make(seed)) for seed in SEEDS) / len(SEEDS)


def said(correlations):
    """All descriptions as one text."""
    return "; ".join(each.description for each in correlations.found)


def test_a_burst_is_found():
    """Four incidents within four minutes are found in nearly every month of 120 others, a chance pair is not."""
    assert share(lambda seed: burst(seed)[0], lambda h: bool(temporal(h, RULES).found)) >= 0.95
    assert share(lambda seed: burst(seed, n=2)[0], lambda h: bool(temporal(h, RULES).found)) <= 0.15


def test_a_burst_says_what_it_is():
    """The group holds the planted incidents, its strength is above 0.7, its figures are those of the sentence."""
    history, minute = burst(1)
    (group,) = temporal(history, RULES).found
    near = [i for i in history.incidents if -0.1 <= (i.onset - OBSERVED[0]).total_seconds() / 60 - minute <= 5]
    assert group.incident_ids == tuple(i.id for i in near)
    assert group.strength > 0.7
    assert (group.numbers["incidents"], group.numbers["window_s"]) == (4, 300)
    assert "4 incidents began within 180 s" in group.description


def test_two_bursts_are_two_groups():
    """Two bursts of different days are told apart, and no incident is in both."""
    planted = [(minute + k, "s07") for minute in (9000, 30000) for k in range(4)]
    first, second = temporal(joined(background(3), planted), RULES).found
    assert not set(first.incident_ids) & set(second.incident_ids)


def test_components_that_fail_together():
    """A pair that fails together eight times is found in most months; two that fail as often apart are not."""
    is_found = lambda h: any(each.components == ("s05", "s11") for each in component(h, RULES).found)  # noqa: E731  # one use
    assert share(pair_failing, is_found) >= 0.6
    assert share(lambda seed: joined(background(seed, most=2)), is_found) <= 0.05


def test_a_group_of_components_is_one_report():
    """Three components that always fail together are one correlation over all their incidents."""
    planted = [(1000 * k + 13, ("s05", "s11", "s17")) for k in range(12)]
    (group,) = component(joined(background(5, n=60), planted), RULES).found
    assert group.components == ("s05", "s11", "s17")
    assert len(group.incident_ids) >= 12
    assert "every two of them" in group.description


def test_outages_of_everything_relate_nobody():
    """Five outages of all components beside many small incidents do not relate every pair."""
    everything = [(4000 * k + 7, tuple(HOSTS)) for k in range(5)]
    assert component(joined(background(2), everything), RULES).found == ()


def test_the_sentence_tells_of_calls():
    """It says whether the components call one another, or that nobody knows."""
    planted = [(1000 * k + 13, ("s05", "s11")) for k in range(12)]
    parts = (background(5, n=60), planted)
    assert "s05 and s11 call one another" in said(component(joined(*parts), RULES))
    assert "no known call" in said(component(joined(*parts, graph=from_edges([("s05", "x")])), RULES))
    assert "not known" in said(component(joined(*parts, graph=None), RULES))


def test_metrics_that_follow():
    """A caller whose changes follow its dependency by two rows is found; unrelated metrics that both jump are not."""
    assert share(lambda seed: metric_pair(seed, weight=0.5), lambda h: bool(causal(h, RULES).found)) >= 0.9
    assert share(lambda seed: metric_pair(seed, weight=0.0), lambda h: bool(causal(h, RULES).found)) <= 0.15


def test_cause_and_effect_are_named():
    """The cause comes first, with lag, lead and calls."""
    (found,) = causal(metric_pair(1, weight=0.8), RULES).found
    assert (found.incident_ids, found.components) == (("i00000", "i00001"), ("s03", "s01"))
    assert (found.numbers["lag_rows"], found.numbers["calls"]) == (2, 1)


@pytest.mark.parametrize("edges", [[("s03", "s01")], [("s01", "other"), ("other2", "s03")]])
def test_cause_against_the_calls(edges):
    """What follows is no effect if it does not call, directly or not, what went before."""
    history = metric_pair(1, weight=0.8)
    changed = IncidentHistory(incidents=history.incidents, frame=history.frame, graph=from_edges(edges))
    assert causal(changed, RULES).found == ()


def test_pairs_without_metrics_are_counted():
    """A pair whose metrics are not there is told of, not passed over."""
    history = metric_pair(1, weight=0.8)
    short = IncidentHistory(incidents=history.incidents, graph=GRAPH, frame=history.frame.rows(0, 40))
    (method,) = causal(short, RULES).skipped
    assert "1 of 1" in method.reason


def test_incidents_that_follow():
    """Incidents of a caller that follow those of its dependency six times of eight are found, cause first."""
    is_found = lambda h: any(each.components == ("s03", "s01") for each in succession(h, RULES).found)  # noqa: E731  # one use
    assert share(chasing, is_found) >= 0.95
    (found,) = [each for each in succession(chasing(1), RULES).found if each.components == ("s03", "s01")]
    assert found.kind is CorrelationKind.CAUSAL
    assert found.numbers["followed"] == 6


def test_a_bad_night_relates_nobody():
    """Where incidents of everybody come in a bad hour again and again, nobody follows anybody in particular."""
    places = np.random.default_rng(1).integers(0, 24, (DAYS, 8))
    nights = [(1440 * day + 3 * k, f"s{place:02d}") for day in range(DAYS) for k, place in enumerate(places[day])]
    assert succession(joined(nights), RULES).found == ()


def test_a_bad_host():
    """Five incidents of one host within an hour are found; without hosts it is said that nobody tells of them."""
    assert share(lambda seed: bad_host(seed, n=5), lambda h: "host h2" in said(environmental(h, RULES))) >= 0.85
    assert "hosts" in environmental(joined(background(1)), RULES).skipped[0].reason


def test_one_noisy_component_makes_no_bad_host():
    """A component that fails all the time does not make its host suspicious."""
    noisy = [(37 * k, "s09") for k in range(200)]
    assert environmental(joined(background(1), noisy, attributes=HOSTS, changes=()), RULES).found == ()


def test_a_bad_host_over_a_month():
    """Components of one host that each fail once, days apart, while hardly anybody else does, are found."""
    names = [f"s{n:02d}" for n in range(24)]
    hosts = {name: {"host": "bad" if n < 6 else f"h{n // 6}"} for n, name in enumerate(names)}
    spread = [(6000 * n + 5, names[n]) for n in range(6)] + [(3333, "s20")]
    assert "host bad" in said(environmental(joined(spread, attributes=hosts, changes=()), RULES))


def test_deploys_that_break():
    """Incidents that follow most deploys of their component are found."""
    assert share(bad_deploys, lambda h: "after a change of s03" in said(environmental(h, RULES))) >= 0.95


def test_deploys_of_working_hours():
    """A deploy and an incident at noon of every day are a habit: the same hour of other days says so."""
    changes = changes_at([1440 * day + 720 for day in range(0, DAYS, 2)])
    noon = [(1440 * day + 735, "s03") for day in range(1, DAYS, 2)] + [(1440 * day + 740, "s03") for day in (2, 4)]
    assert environmental(joined(noon, changes=changes), RULES).found == ()


def test_an_incident_before_its_change():
    """What began before the change does not follow it."""
    changes = changes_at([5000, 15000, 25000])
    early = [(minute - 5, "s03") for minute in (5000, 15000, 25000)]
    assert environmental(joined(early, changes=changes), RULES).found == ()
    late = [(minute + 5, "s03") for minute in (5000, 15000, 25000)]
    assert "3 of 3 incidents of s03" in said(environmental(joined(late, changes=changes), RULES))


def test_no_change_is_not_no_record():
    """No change at all is a fact; nobody who records them is a gap that is told."""
    alone = IncidentHistory(incidents=(incident(1, 5),), changes=(), attributes=HOSTS)
    assert environmental(alone, RULES).skipped == ()
    gap = IncidentHistory(incidents=(incident(1, 5),), attributes=HOSTS)
    assert "nobody records changes" in environmental(gap, RULES).skipped[0].reason
