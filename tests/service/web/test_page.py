"""The page says what is known, and no more than that."""

from dataclasses import replace
from datetime import timedelta

import pytest

from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity
from service.records import RecordKind
from service.recovery.breakers import CircuitState
from service.web.page import PageData, make_page, rank_of
from tests.browser.fake import (
    EDGES,
    MINUTE,
    ONSET,
    FakeBackend,
    a_breaker,
    the_analysis,
    the_incident,
    the_records,
    the_run,
)


def _data(**changes):
    incident = the_incident()
    plain = PageData(
        now=ONSET + 12 * MINUTE,
        engine=FakeBackend().engine,
        incidents=(incident,),
        incident=incident,
        analysis=the_analysis(),
        edges=EDGES,
    )
    return replace(plain, **changes)


def test_a_named_cause_is_the_headline():
    """What broke and why, in one line and one sentence."""
    page = make_page(_data())
    assert page.headline == "orders-db: data store trouble"
    assert page.why.startswith("orders-db ran out of connections")
    assert page.cause is not None


def test_too_little_evidence_is_said_honestly():
    """An analysis without a cause names no component in the headline."""
    page = make_page(_data(analysis=replace(the_analysis(), most_likely_cause=None)))
    assert page.headline == "5 components are abnormal, the cause is not clear"
    assert "not enough evidence" in page.why
    assert page.cause is None
    assert not any(n.look.is_root_cause for n in page.service_map.nodes)


def test_before_the_analysis_the_page_says_that_it_looks():
    """No analysis yet is not the same as not enough evidence."""
    alive = replace(the_incident(), status=IncidentStatus.OPEN, resolved_at=None)
    assert make_page(_data(incident=alive, analysis=None)).headline.endswith("the cause is being looked for")


def test_what_ended_without_an_analysis_is_not_looked_for_any_more():
    """Nobody looks for the cause of a blip that is over: its end is told, and in the past."""
    page = make_page(_data(analysis=None))
    assert page.headline == "5 components were abnormal, the incident ended before its cause was named"
    alone = replace(the_incident(), anomalies=the_incident().anomalies[:2])
    assert make_page(_data(incident=alone, analysis=None)).headline.startswith("1 component was abnormal")
    assert "was over" in page.why


def test_without_an_incident_there_is_only_the_system():
    """The map stays; nothing else is made up."""
    page = make_page(_data(incidents=(), incident=None, analysis=None))
    assert (page.headline, page.drawings, page.timeline) == ("", (), ())
    assert len(page.service_map.nodes) == len({end for edge in EDGES for end in edge})


@pytest.mark.parametrize(
    ("changes", "said", "tone"),
    [
        ({"runs": (the_run("i"),)}, "Completed in 5 min 31 s", "good"),
        ({"runs": (replace(the_run("i"), status="FAILED"),)}, "Failed in 5 min 31 s", "bad"),
        ({"runs": (replace(the_run("i"), status="WAITING_FOR_APPROVAL"),)}, "Waiting for approval", "warn"),
        ({"records": tuple(the_records("i"))}, "Decided: nothing to run", "info"),
        ({}, "Nothing done yet", ""),
    ],
)
def test_the_response_is_the_newest_run_or_what_is_known_instead(changes, said, tone):
    """A run, a decision without a run, or nothing: never more than happened."""
    words, found = make_page(_data(**changes)).response
    assert (words.replace("\u00a0", " "), found) == (said, tone)


def test_an_open_incident_without_a_response_is_a_warning():
    """Nothing done is fine for a resolved incident only."""
    waiting = replace(the_incident(), status=IncidentStatus.OPEN, resolved_at=None)
    assert make_page(_data(incident=waiting)).response == ("Nothing done yet", "warn")


def test_the_timeline_is_in_order_and_gathers_what_repeats():
    """Records come newest first from the store; a run of anomalies is one entry that holds them all."""
    records = [replace(record, seq=i) for i, record in enumerate(the_records("i"))]
    timeline = make_page(_data(records=tuple(reversed(records)))).timeline
    assert timeline[0].record.kind is RecordKind.ANOMALY_DETECTED
    assert len(timeline[0].more) == 2
    assert [e.record.at for e in timeline] == sorted(e.record.at for e in timeline)
    assert sum(1 + len(e.more) for e in timeline) == len(records)
    assert timeline[-1].tone == "good"


@pytest.mark.parametrize(("age_s", "is_fresh"), [(0, True), (45, True), (46, False), (1e6, False)])
def test_data_is_fresh_for_three_steps(age_s, is_fresh):
    """With a step of 15 s, 45 s is the limit."""
    now = FakeBackend().engine.last_row_at + timedelta(seconds=age_s)
    assert _data(now=now).is_fresh is is_fresh


def test_data_that_never_came_is_not_fresh():
    """No row yet has no age."""
    data = _data(engine=replace(FakeBackend().engine, last_row_at=None))
    assert not data.is_fresh
    assert data.data_age_s != data.data_age_s


def test_the_list_tells_open_from_resolved():
    """A resolved incident is not shown in an alarm colour."""
    waiting = replace(the_incident(), id="z", status=IncidentStatus.OPEN, resolved_at=None)
    lines = make_page(_data(incidents=(waiting, the_incident()))).lines
    assert [(one.level, one.status, one.is_current) for one in lines] == [
        ("critical", "critical, open", False),
        ("resolved", "resolved", True),
    ]


def test_an_unknown_score_hurts_least_within_its_severity():
    """NaN has an order, so that the page never depends on the order of the anomalies."""
    known = the_incident().anomalies[0]
    unknown = replace(known, score=float("nan"))
    graver = replace(unknown, severity=AnomalySeverity.CRITICAL)
    assert rank_of(unknown) < rank_of(known)
    assert rank_of(replace(known, severity=AnomalySeverity.LOW)) < rank_of(graver)


def test_the_reason_does_not_repeat_the_sentence_above_it():
    """The card adds the strongest evidence that the headline's sentence has not said."""
    cause = the_analysis().possible_causes[0]
    first = cause.evidence[0].statement
    named = replace(cause, description=f"orders-db: {first}")
    page = make_page(_data(analysis=replace(the_analysis(), most_likely_cause=named)))
    assert page.why == first[0].upper() + first[1:]
    assert page.reason == cause.evidence[1].statement
    assert make_page(_data(analysis=None)).reason == ""


def test_breakers_without_trouble_step_back():
    """Only what is not closed or has failed gets a row of its own."""
    board = (
        a_breaker("quiet"),
        a_breaker("failing", failure_count=1),
        a_breaker("half", CircuitState.HALF_OPEN),
        a_breaker("open", CircuitState.OPEN),
    )
    page = make_page(_data(breakers=board))
    assert [b.name for b in page.alarming_breakers] == ["failing", "half", "open"]
    assert [b.name for b in page.calm_breakers] == ["quiet"]


def test_only_a_run_that_began_counts_as_acting():
    """A run that waits for an approval has touched nothing."""
    run = the_run("i")
    assert _data(runs=(run,)).acted_at == run.created_at
    assert _data(runs=(replace(run, status="WAITING_FOR_APPROVAL"),)).acted_at is None
    assert _data().acted_at is None
