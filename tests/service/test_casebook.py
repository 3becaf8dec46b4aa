"""Incidents as the loop keeps them."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from analysis.grouping import GroupingSettings
from analysis.incidents import IncidentStatus
from analysis.ranking.ranker import fit_ranker
from analysis.ranking.settings import RankerSettings
from analysis.topology import from_edges
from models.anomalies import AnomalySeverity, AnomalyType
from models.frames import MetricFrame, SeriesKey, to_datetime64
from service.casebook import MOST_CHANGES, Casebook
from service.ports import Change
from service.records import RecordKind
from service.store.sql import SqlStore
from tests.analysis.ranking.history import past
from tests.service.store.examples import MINUTE, T0, an_anomaly, an_incident

EDGES = (("web", "orders"), ("orders", "payments"))
GRAPH = from_edges(EDGES)
QUIET = timedelta(seconds=GroupingSettings().quiet_s)


class Ledger:
    """Takes records, or refuses them."""

    def __init__(self):
        self.told = []
        self.fault = None

    def __call__(self, record):
        """Keep it."""
        if self.fault is not None:
            raise self.fault
        self.told.append(record)

    @property
    def kinds(self):
        """What was told."""
        return [record.kind for record in self.told]


@pytest.fixture
def store():
    """A fresh store in memory."""
    store = SqlStore("sqlite://")
    yield store
    store.close()


@pytest.fixture
def ledger():
    """Empty."""
    return Ledger()


@pytest.fixture
def casebook(store, ledger):
    """Without incidents."""
    return Casebook(store, ledger, GroupingSettings(), 60)


def grown(anomaly, minutes, **changes):
    """The anomaly as it is seen so many minutes after its start."""
    return replace(anomaly, end=anomaly.start + minutes * MINUTE, **changes)


def a_frame(rows=200):
    """Quiet metrics of all components, from two hours before T0."""
    keys = tuple(SeriesKey(name, metric) for name in ("web", "orders", "payments") for metric in ("cpu", "latency"))
    values = 10 + np.random.default_rng(1).normal(size=(rows, len(keys)))
    return MetricFrame(start=to_datetime64(T0 - 120 * MINUTE), step_s=60.0, keys=keys, values=values)


def test_an_incident_opens_grows_and_ends(casebook, store, ledger):
    """What the casebook shows open is what the store shows; opening and ending are told once each, growing is not."""
    first = an_anomaly("orders")
    opened = casebook.update([first], GRAPH, first.end).opened
    for minute in range(4, 9):
        casebook.update([grown(first, minute), an_anomaly("web", minute=3)], GRAPH, T0 + minute * MINUTE)
        assert list(map(repr, casebook.open)) == [repr(store.incident(opened[0]))]
    assert casebook.open[0].components == ("orders", "web")
    casebook.update([grown(first, 8)], GRAPH, T0 + 8 * MINUTE + QUIET)
    assert len(casebook.open) == 1
    casebook.update([grown(first, 8)], GRAPH, T0 + 9 * MINUTE + QUIET)
    assert (casebook.open, store.incident(opened[0]).status) == ((), IncidentStatus.RESOLVED)
    casebook.update([], GRAPH, T0 + 10 * MINUTE + QUIET)
    assert ledger.kinds == [RecordKind.INCIDENT_OPENED, RecordKind.INCIDENT_RESOLVED]
    assert {(record.subject, record.incident_id) for record in ledger.told} == {(opened[0], opened[0])}


def test_a_step_without_news_saves_nothing(casebook, store):
    """An incident whose anomalies are as they were is not touched, missing numbers included."""
    anomaly = an_anomaly()
    casebook.update([anomaly], GRAPH, anomaly.end)
    before = store.incidents().items
    again = replace(anomaly, previous_value=float("nan"), rate_of_change=float("nan"))
    assert casebook.update([again], GRAPH, anomaly.end + MINUTE).updated == ()
    assert list(map(repr, store.incidents().items)) == list(map(repr, before))


def test_a_regraded_run_stays_one_anomaly(casebook, store):
    """A run whose strongest detector, type and severity change is one anomaly, in the incident and in the store."""
    first = an_anomaly("orders")
    casebook.update([first], GRAPH, first.end)
    later = grown(first, 5, type=AnomalyType.SUDDEN_CHANGE, detector="change", severity=AnomalySeverity.CRITICAL)
    casebook.update([later], GRAPH, later.end)
    assert list(map(repr, casebook.open[0].anomalies)) == [repr(later)]
    assert list(map(repr, store.anomalies().items)) == [repr(later)]


def test_a_run_of_a_component_that_moves_to_another_metric_stays_one(casebook, store):
    """What a detector of whole components blames on another metric now is not a second anomaly."""
    wide = {"type": AnomalyType.MULTIVARIATE_OUTLIER, "detector": "forest"}
    first = an_anomaly("orders", "cpu", **wide)
    casebook.update([first], GRAPH, first.end)
    later = grown(an_anomaly("orders", "memory", **wide), 6)
    casebook.update([later], GRAPH, later.end)
    assert [(str(a.key), a.start) for a in casebook.open[0].anomalies] == [("orders/memory", T0)]
    assert [str(a.key) for a in store.anomalies().items] == ["orders/memory"]


def test_a_restart_takes_open_incidents_up(store, ledger):
    """A new casebook on the same store goes on with what is open, tells nothing twice, and forgets what is over."""
    for number in range(501):
        store.save_incident(
            an_incident(number, status=IncidentStatus.MITIGATING if number % 2 else IncidentStatus.OPEN)
        )
    store.save_incident(an_incident(9999, status=IncidentStatus.RESOLVED, resolved_at=T0))
    casebook = Casebook(store, ledger, GroupingSettings(), 60)
    assert len(casebook.open) == 501
    assert list(map(repr, casebook.open[:2])) == [repr(store.incident(f"inc-{n:04d}")) for n in (0, 1)]
    assert casebook.watched_since(T0 + 900 * MINUTE) == T0
    assert ledger.told == []


def test_what_grows_after_a_restart_stays_in_its_incident(casebook, store, ledger):
    """An anomaly that was seen before the restart opens no second incident after it."""
    first = an_anomaly()
    casebook.update([first], GRAPH, first.end)
    reborn = Casebook(store, ledger, GroupingSettings(), 60)
    assert reborn.update([grown(first, 7)], GRAPH, T0 + 7 * MINUTE).opened == ()
    assert [a.end for a in reborn.open[0].anomalies] == [T0 + 7 * MINUTE]
    assert ledger.kinds == [RecordKind.INCIDENT_OPENED]


def test_what_could_not_be_told_is_told_later(casebook, ledger):
    """A ledger that fails delays the news of an incident, and does not lose or double it."""
    ledger.fault = OSError("disk full")
    anomaly = an_anomaly()
    with pytest.raises(OSError, match="disk full"):
        casebook.update([anomaly], GRAPH, anomaly.end)
    ledger.fault = None
    for minute in (4, 5):
        casebook.update([grown(anomaly, minute)], GRAPH, T0 + minute * MINUTE)
    assert ledger.kinds == [RecordKind.INCIDENT_OPENED]


def test_what_could_not_be_saved_is_opened_later(casebook, store, ledger, monkeypatch):
    """A store that fails makes the incident late: nobody hears of one that is not kept."""
    anomaly = an_anomaly()
    with monkeypatch.context() as patch:
        patch.setattr(store, "save_incident", lambda _: (_ for _ in ()).throw(OSError("disk full")))
        with pytest.raises(OSError, match="disk full"):
            casebook.update([anomaly], GRAPH, anomaly.end)
    assert (casebook.open, ledger.told) == ((), [])
    assert casebook.update([anomaly], GRAPH, anomaly.end + MINUTE).opened
    assert ledger.kinds == [RecordKind.INCIDENT_OPENED]


def test_watched_since_the_oldest_onset(casebook):
    """Fresh rows are looked at, and everything back to the onset of what is open."""
    assert casebook.watched_since(T0 + 9 * MINUTE) == T0 + 9 * MINUTE
    casebook.update([an_anomaly(minute=2)], GRAPH, T0 + 5 * MINUTE)
    assert casebook.watched_since(T0 + 9 * MINUTE) == T0 + 2 * MINUTE


def test_changes_around_an_incident(casebook):
    """Changes count from half an hour before the onset until now, both ends included."""
    incident = an_incident(0)
    at = {minute: Change(at=T0 + minute * MINUTE, component="web", name=f"m{minute}") for minute in (-31, -30, 0, 5, 6)}
    casebook.note_changes(at.values())
    assert [c.name for c in casebook.changes_before(incident, T0 + 5 * MINUTE)] == ["m-30", "m0", "m5"]


def test_changes_survive_a_restart(store):
    """A deploy that was recorded before a restart counts in an analysis after it."""
    change = Change(at=T0, component="web", name="deploy v2")
    Casebook(store, store.append, GroupingSettings(), 60).note_changes([change])
    reborn = Casebook(store, store.append, GroupingSettings(), 60)
    assert reborn.changes_before(an_incident(0), T0 + MINUTE) == (change,)
    assert [record.kind for record in store.records()] == [RecordKind.CHANGE_OBSERVED]


def test_remembered_changes_are_bounded(casebook):
    """A system that is deployed all the time does not fill the memory; the latest changes are the ones kept."""
    casebook.note_changes(Change(at=T0, component="web", name=str(n)) for n in range(MOST_CHANGES + 5))
    kept = casebook.changes_before(an_incident(0), T0)
    assert (len(kept), kept[0].name) == (MOST_CHANGES, "5")


def test_an_analysis_is_kept(casebook, store):
    """The answer of an analysis is the one that the store gives back."""
    frame = a_frame()
    frame.values[120:, 4] += 500  # payments/cpu
    anomaly = an_anomaly("payments", "cpu")
    casebook.update([anomaly], GRAPH, anomaly.end)
    analysis = casebook.analyse(casebook.open[0], frame, EDGES, T0 + 10 * MINUTE)
    assert analysis.ranking[0] == "payments"
    assert repr(store.analysis(casebook.open[0].id)) == repr(analysis)
    assert store.analysed_at(casebook.open[0].id) == T0 + 10 * MINUTE


def test_an_analysis_does_not_look_ahead(casebook):
    """Rows after the time of the analysis change nothing."""
    casebook.update([an_anomaly("payments", "cpu")], GRAPH, T0 + 3 * MINUTE)
    calm, later = a_frame(), a_frame()
    later.values[140:, 0] += 1e6
    answers = [casebook.analyse(casebook.open[0], frame, EDGES, T0 + 20 * MINUTE) for frame in (calm, later)]
    assert repr(answers[0]) == repr(answers[1])


@pytest.mark.parametrize("edges", [None, (), EDGES])
def test_an_analysis_without_topology_or_history(casebook, edges):
    """Unknown callers and an onset at the first row are no error."""
    casebook.update([an_anomaly("payments", "cpu")], GRAPH, T0 + 3 * MINUTE)
    frame = a_frame().rows(120, 125)
    assert set(casebook.analyse(casebook.open[0], frame, edges, T0 + 5 * MINUTE).ranking) <= {
        "web",
        "orders",
        "payments",
    }


def test_a_ranker_of_another_system_is_named_as_not_used(store, ledger):
    """A casebook with a learnt ranking hands it to every diagnosis, which says whether it could be used."""
    ranker = fit_ranker(past(24), RankerSettings(trees=5))
    casebook = Casebook(store, ledger, GroupingSettings(), 60, ranker)
    casebook.update([an_anomaly()], GRAPH, T0 + 3 * MINUTE)
    analysis = casebook.analyse(casebook.open[0], a_frame(), None, T0 + 5 * MINUTE)
    plain = Casebook(store, ledger, GroupingSettings(), 60).analyse(casebook.open[0], a_frame(), None, T0 + 5 * MINUTE)
    assert analysis.ranking == plain.ranking
    assert {method.name for method in analysis.skipped} - {method.name for method in plain.skipped} == {
        "learnt ranking"
    }


def test_an_analysis_knows_where_components_run(store, ledger):
    """Hosts are handed to every diagnosis; without them it says that nobody knows."""
    hosts = {name: {"host": ("h1",)} for name in ("web", "orders", "payments")}
    told = []
    for attributes in (hosts, None):
        casebook = Casebook(store, ledger, GroupingSettings(), 60, attributes=attributes)
        if not casebook.open:
            casebook.update([an_anomaly("payments", "cpu")], GRAPH, T0 + 3 * MINUTE)
        analysis = casebook.analyse(casebook.open[0], a_frame(), EDGES, T0 + 5 * MINUTE)
        told.append("environment" in {method.name for method in analysis.skipped})
    assert told == [False, True]
