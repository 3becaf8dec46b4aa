"""The card of an incident: three disjoint buckets and a story, whatever is known."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from analysis.card.make import card_of_situation, make_card
from analysis.card.scene import Scene
from analysis.card.values import Bucket, CardLimits, Relation
from analysis.event_graph import EventGraph
from analysis.events import Event, EventKind
from analysis.findings import CauseCategory, Evidence, PossibleCause, RootCauseAnalysis
from analysis.pipeline import diagnose
from analysis.situation import Situation
from analysis.topology import from_edges
from models.frames import SeriesKey
from tests.analysis.builders import CHAIN, anomaly, at, event, frame_of, moved, noise, quiet, situation_of

NAMES = [(c, m) for c in ("web", "orders", "db", "mail", "shop") for m in ("cpu", "latency_ms")]
EDGES = (*CHAIN, ("shop", "orders"), ("web", "mail"))


def slow_database():
    """The database is busy and slow, orders and web are slow, shop and mail are calm."""
    series = moved(quiet(NAMES), ("db", "cpu"), 60, 3.0)
    for name in ("db", "orders", "web"):
        series = moved(series, (name, "latency_ms"), 60, 2.5)
    return series


def card_of(situation, **parts):
    """The card of a situation that is analysed before."""
    return card_of_situation(situation, diagnose(situation), **parts)


def parties(card):
    """Every component in a bucket."""
    groups = (card.critical_failure.parties, card.impact.affected, card.impact.at_risk)
    own = [card.root_cause.component] if card.root_cause.component else []
    return own + [party.component for group in groups for party in group]


def check_sound(card):
    """Invariants of every card."""
    assert len(set(parties(card))) == len(parties(card))
    assert bool(card.root_cause.component) != bool(card.root_cause.why_empty)
    assert bool(card.critical_failure.parties) != bool(card.critical_failure.why_empty)
    assert bool(card.impact.affected) != bool(card.impact.why_none_affected)
    assert bool(card.impact.at_risk) != bool(card.impact.why_none_at_risk)
    assert card.headline
    for party in (*card.critical_failure.parties, *card.impact.affected, *card.impact.at_risk):
        assert party.statement
    assert all(party.evidence for party in card.impact.affected)
    assert [moment.at for moment in card.timeline] == sorted(moment.at for moment in card.timeline)
    seen = set()
    for branch in card.event_tree:
        assert branch.parent is None or branch.parent in seen
        assert (branch.depth == 0) == (branch.parent is None)
        seen.add(branch.id)
    assert all(n > 0 for n in card.left_out.values())
    return card


def seen(component, minute, name="latency_ms", weight=2.0, *, is_symptom=True, **parts):
    """An anomaly as an event."""
    kind = parts.pop("kind", EventKind.ANOMALY)
    return Event(
        at=at(minute), component=component, kind=kind, name=name, weight=weight, is_symptom=is_symptom, **parts
    )


def analysis_of(component):
    """An analysis that names a component."""
    evidence = Evidence(collector="level", component=component, statement="cpu rose.", weight=1.0)
    cause = PossibleCause(
        id="cause-1",
        component=component,
        category=CauseCategory.RESOURCE,
        description=f"{component}: cpu rose.",
        likelihood=0.8,
        evidence=(evidence, replace(evidence, statement="It is slow.", weight=-2.0)),
    )
    return RootCauseAnalysis(
        possible_causes=(cause,),
        most_likely_cause=cause,
        confidence=0.8,
        ranking=(component,),
        metric_ranking=(),
        evidence=(evidence,),
    )


def scene_of(events, edges=CHAIN, cause="db", **parts):
    """A scene of some events."""
    graph = from_edges(edges)
    given = {"detected_at": at(0), "seen_until": at(60)} | parts
    analysis = analysis_of(cause) if cause else None
    return Scene(analysis=analysis, events=EventGraph(events, graph), graph=graph, **given)


def test_each_component_stands_where_it_belongs():
    """Who broke, where it is felt, whom else it touches, who may be next; without a trained bundle."""
    card = check_sound(card_of(situation_of(slow_database(), edges=EDGES)))
    assert card.root_cause.component == "db"
    assert card.root_cause.category is CauseCategory.RESOURCE
    assert [party.component for party in card.critical_failure.parties] == ["web"]
    assert [party.component for party in card.impact.affected] == ["orders"]
    assert [(party.component, party.calls_away) for party in card.impact.at_risk] == [("shop", 2)]
    assert [(p.component, p.bucket) for p in card.entry_points] == [
        ("web", Bucket.CRITICAL_FAILURE),
        ("shop", Bucket.AT_RISK),
    ]
    assert card.propagation == ("db", "orders", "web")
    assert card.headline.startswith("web suffers from db (resource, ")
    assert card.caveats == ("All events have the same time: only the calls order them.",)


def test_the_story_is_told_in_order():
    """The heaviest chain climbs the calls, the tree hangs below the first event, all of it lasts."""
    card = card_of(situation_of(slow_database(), edges=EDGES))
    assert [moment.component for moment in card.critical_path] == ["db", "orders", "web"]
    assert [moment.component for moment in card.root_events] == ["db"]
    assert [(b.first.component, b.depth, b.n_below) for b in card.event_tree] == [
        ("db", 0, 2),
        ("orders", 1, 1),
        ("web", 2, 0),
    ]
    assert [moment.relation for moment in card.timeline] == [
        Relation.IS_ROOT_CAUSE,
        Relation.DEPENDS_ON_ROOT_CAUSE,
        Relation.DEPENDS_ON_ROOT_CAUSE,
    ]
    assert (card.times.began_at, card.times.detected_after_s) == (at(60), 0.0)
    assert (card.times.is_ongoing, card.times.ongoing) == (True, ("db", "orders", "web"))
    assert all(party.is_ongoing for party in card.impact.affected)


def test_what_came_back_is_over():
    """An incident that ended before the last rows is told as over, and so is each component."""
    series = slow_database()
    for name, values in series.items():
        values[74:] = noise(80, seed=NAMES.index(name))[74:]
    card = card_of(situation_of(series))
    assert (card.times.is_ongoing, card.times.ongoing) == (False, ())
    assert card.impact.affected[0].is_ongoing is False


def test_anomalies_of_a_bundle_come_before_the_own_look():
    """Where detectors raised something, the metrics are not looked at again."""
    found = (anomaly("db", 60, 79), anomaly("web", 61, 79, metric="latency_ms"))
    card = card_of(situation_of(slow_database(), anomalies=found))
    assert [(moment.component, moment.name) for moment in card.timeline] == [("db", "cpu"), ("web", "latency_ms")]


def test_alerts_alone_make_a_card():
    """Without metrics nobody can tell who is measured or whether it lasts, and the card says so."""
    rows = [event("db", 1, "METRIC", "cpu", "up"), event("db", 1, "METRIC", "mem", "up")]
    rows += [event("web", 2, "TRACE", "GET", "500"), event("orders", 3, "LOG", "x")]
    card = check_sound(card_of(Situation(detected_at=at(0), edges=EDGES, events=pd.DataFrame(rows))))
    assert [party.component for party in card.critical_failure.parties] == ["web"]
    assert card.times.is_ongoing is None
    assert {party.is_measured for party in card.impact.at_risk} == {None}
    assert card.headline.startswith("web suffers from db (")


def test_a_change_stays_on_the_time_line():
    """A deploy is told even where the time line is too short for all, and nobody is affected by it alone."""
    noisy = [seen("web", 2 + n, name=f"m{n}", weight=9.0) for n in range(9)]
    deploy = Event(at=at(1), component="db", kind=EventKind.DEPLOY, name="deploy v2")
    card = check_sound(make_card(scene_of([deploy, *noisy], limits=CardLimits(moments=3))))
    assert card.timeline[0].kind is EventKind.DEPLOY
    assert card.left_out["timeline"] == 7
    calm = check_sound(make_card(scene_of([deploy])))
    assert calm.impact.affected == ()
    assert [party.component for party in calm.impact.at_risk] == ["orders", "web"]


def test_the_critical_path_stays_on_the_time_line():
    """However many graver strangers there are, the chain that matters is told."""
    crowd = [seen(f"x{n:02d}", 1, weight=2.5) for n in range(20)]
    chain = [seen("orders", 2, weight=1.5), seen("web", 3, weight=1.5)]
    card = make_card(scene_of([*crowd, *chain], cause="", limits=CardLimits(moments=2)))
    assert [moment.component for moment in card.timeline] == ["orders", "web"]


def test_a_target_without_calls_to_the_cause_is_not_said_to_suffer_from_it():
    """The headline claims no more than the calls allow."""
    card = make_card(scene_of([seen("db", 1), seen("mail", 1)], edges=EDGES, target="mail"))
    assert card.headline.startswith("mail suffers; most likely the cause is db (resource, 80% sure)")


def test_no_cause_is_named_without_evidence():
    """The bucket says so and shows the suspects; the others are filled from what was seen."""
    analysis = replace(analysis_of("db"), most_likely_cause=None, confidence=0.2)
    scene = scene_of([seen("orders", 1), seen("web", 2)], cause="")
    card = check_sound(make_card(replace(scene, analysis=analysis)))
    assert card.root_cause.component == ""
    assert "Not enough evidence" in card.root_cause.why_empty
    assert [suspect.component for suspect in card.root_cause.suspects] == ["db"]
    assert [party.component for party in card.critical_failure.parties] == ["web"]
    assert card.impact.affected[0].relation is Relation.NO_ROOT_CAUSE
    assert card.headline == "web suffers; the root cause is not known."


def test_an_incident_that_was_not_analysed_yet():
    """The first bucket says why it is empty."""
    card = check_sound(make_card(scene_of([seen("web", 2)], cause="")))
    assert card.root_cause.why_empty == "The incident has not been analysed yet."
    assert np.isnan(card.root_cause.confidence)


def test_users_at_the_root_cause_itself():
    """Where nobody above is slow, the second bucket is empty and says where the trouble is felt."""
    card = check_sound(make_card(scene_of([seen("db", 1)])))
    assert card.critical_failure.parties == ()
    assert "db" in card.critical_failure.why_empty
    top = check_sound(make_card(scene_of([seen("web", 1)], cause="web")))
    assert "nobody is known to call it" in top.critical_failure.why_empty
    assert top.impact.why_none_at_risk == "Nobody is known to call web."


def test_who_does_not_depend_on_the_cause_is_no_critical_failure():
    """A slow stranger is affected at most, as long as callers of the cause are known."""
    card = check_sound(make_card(scene_of([seen("db", 1), seen("mail", 1, weight=9.0)], edges=EDGES)))
    assert card.critical_failure.parties == ()
    assert [(p.component, p.relation) for p in card.impact.affected] == [("mail", Relation.NO_KNOWN_CALLS)]


def test_the_target_is_the_critical_failure():
    """What is asked about comes first, odd or not; the root cause never stands in a second bucket."""
    card = check_sound(make_card(scene_of([seen("orders", 1)], target="web")))
    assert [party.component for party in card.critical_failure.parties] == ["web", "orders"]
    own = check_sound(make_card(scene_of([seen("orders", 1)], target="db")))
    assert [party.component for party in own.critical_failure.parties] == ["orders"]


def test_a_circle_of_calls_counts_as_one():
    """In a circle nobody is higher, so the gravest ones count; who calls into it is higher than all."""
    circle = (("a", "b"), ("b", "c"), ("c", "a"), ("a", "db"))
    events = [seen("a", 1, weight=2.0), seen("b", 1, weight=3.0), seen("c", 1, weight=0.5)]
    card = check_sound(make_card(scene_of(events, edges=circle)))
    assert [party.component for party in card.critical_failure.parties] == ["b", "a"]
    assert "circles" in card.critical_failure.parties[0].statement
    above = check_sound(make_card(scene_of([*events, seen("top", 1)], edges=(*circle, ("top", "a")))))
    assert [party.component for party in above.critical_failure.parties] == ["top"]


def test_who_is_at_risk_but_not_measured_is_not_called_calm():
    """Silence of a component without metrics means nothing."""
    card = check_sound(make_card(scene_of([seen("db", 1)], measured=frozenset({"db", "orders"}))))
    assert [(p.component, p.is_measured) for p in card.impact.at_risk] == [("orders", True), ("web", False)]
    assert "not measured" in card.impact.at_risk[1].statement


def test_a_cause_without_events_is_told():
    """A cause named for other evidence, and a chain that misses the cause, are things to mind."""
    unseen = make_card(scene_of([seen("web", 1)]))
    assert any("No event of db itself" in said for said in unseen.caveats)
    missed = make_card(scene_of([seen("db", 1, weight=1.0), seen("mail", 1, weight=50.0)], edges=EDGES))
    assert any("begins at mail" in said for said in missed.caveats)
    lonely = make_card(scene_of([seen("db", 1)], edges=()))
    assert any("No calls between components are known" in said for said in lonely.caveats)


def test_times_that_tell_no_order_are_told():
    """Events within a fraction of a second are in no order to trust; minutes apart they are, and one needs none."""
    close = [seen("db", 1), replace(seen("web", 1), at=at(1) + timedelta(milliseconds=20))]
    assert make_card(scene_of(close)).caveats == ("All events lie within 0.02 s: their order says little.",)
    assert make_card(scene_of([seen("db", 1), seen("orders", 2)])).caveats == ()
    assert make_card(scene_of([seen("db", 1)])).caveats == ()


def test_evidence_against_is_kept_apart():
    """What contradicts the cause is on the card, but not among what supports it."""
    card = make_card(scene_of([seen("db", 1)]))
    assert (card.root_cause.evidence, card.root_cause.against) == (("cpu rose.",), ("It is slow.",))


def test_order_of_the_input_does_not_matter():
    """Shuffled columns and edges give an equal card."""
    series = slow_database()
    shuffled = dict(sorted(series.items(), reverse=True))
    assert card_of(situation_of(series, edges=EDGES)) == card_of(situation_of(shuffled, edges=EDGES[::-1]))


def test_a_flood_of_events_stays_readable():
    """With thousands of events every list keeps its limit and says what is left out."""
    n = 1500
    edges = [(f"c{i}", f"c{i + 1}") for i in range(n)]
    events = [seen(f"c{i}", n - i, name=f"m{k}") for i in range(n) for k in range(2)]
    card = check_sound(make_card(scene_of(events, edges=edges, cause=f"c{n}")))
    limits = CardLimits()
    assert len(card.timeline) == limits.moments
    assert len(card.impact.affected) == limits.components
    assert len(card.event_tree) == limits.branches
    assert len(card.critical_path) == limits.path
    assert card.left_out == {
        "affected": n - 1 - limits.components,
        "timeline": n - limits.moments,
        "event_tree": n - limits.branches,
        "critical_path": n - limits.path,
    }
    assert card.impact.at_risk == ()


def test_many_at_one_moment_are_one_line():
    """Equal and simultaneous events of one component are one moment that counts and names them."""
    events = [seen("db", 1, name=f"m{i:04d}", weight=float(i)) for i in range(2000)] * 2
    card = check_sound(make_card(scene_of(events)))
    (moment,) = card.timeline
    assert (moment.name, moment.n_events, len(moment.also)) == ("m1999", 2000, CardLimits().names)


HOSTILE = {
    "nothing": Situation(detected_at=at(0)),
    "no rows": Situation(detected_at=at(0), frame=frame_of({("a", "m"): []})),
    "one row": situation_of({("a", "m"): [1.0]}, detected=0),
    "one row before": situation_of({("a", "m"): [1.0]}, detected=5),
    "all missing": situation_of({name: np.full(80, np.nan) for name in NAMES}),
    "no history": situation_of(quiet(NAMES), detected=-10),
    "only history": situation_of(quiet(NAMES), detected=900),
    "no graph": situation_of(slow_database(), edges=None),
    "cycle": situation_of(slow_database(), edges=(("web", "db"), ("db", "web"), ("db", "db"), ("orders", "orders"))),
    "strange names": situation_of({("", "\n"): noise(80), ("☃/..'\"[b]", "x" * 500): noise(80), ("a", ""): noise(80)}),
    "unknown target": situation_of(slow_database(), target=SeriesKey("ghost", "x")),
    "graph of strangers": situation_of(slow_database(), edges=(("p", "q"), ("q", "r"))),
    "empty events": situation_of(slow_database(), events=pd.DataFrame([event("db", 1)]).iloc[:0]),
    "events of nobody": situation_of(slow_database(), events=pd.DataFrame([event("", 1, "METRIC", "")])),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_situations_get_an_honest_card(name):
    """Whatever is missing or odd, the card is sound and the same again."""
    card = check_sound(card_of(HOSTILE[name]))
    assert card_of(HOSTILE[name]) == card or np.isnan(card.root_cause.confidence)
