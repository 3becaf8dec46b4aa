"""The facade: what is kept comes back, in order, page by page."""

import base64
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity, AnomalyType
from models.errors import InputError, UnknownNameError
from service.records import RecordKind
from service.store.paging import CursorError, make_cursor
from service.store.sql import SqlStore
from tests.service.store import strategies
from tests.service.store.examples import MINUTE, T0, a_record, an_analysis, an_anomaly, an_incident

quick = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def store(store_url):
    """A fresh store of each kind."""
    store = SqlStore(store_url)
    yield store
    store.close()


def all_pages(listing, **query):
    """Every item of a listing, and how many pages it took."""
    items, cursor, pages = [], None, 0
    while True:
        page = listing(cursor=cursor, **query)
        items += page.items
        pages += 1
        cursor = page.next_cursor
        if cursor is None:
            return items, pages


class TestRecords:
    """The ledger."""

    def test_numbers_rise(self, store):
        """Records get the numbers 1, 2, 3, whatever number they bring."""
        assert [store.append(a_record(n, seq=99)).seq for n in (1, 2, 3)] == [1, 2, 3]
        assert [r.message for r in store.records()] == ["record 1", "record 2", "record 3"]

    @given(
        subject=strategies.texts,
        message=strategies.texts,
        at=strategies.moments,
        data=st.dictionaries(strategies.texts, strategies.texts | st.integers() | st.none() | st.lists(st.booleans())),
    )
    @quick
    def test_a_record_survives(self, store, subject, message, at, data):
        """A record comes back equal, hostile strings included, and can be found by them."""
        kept = store.append(a_record(subject=subject, message=message, incident_id=subject, at=at, data=data))
        assert store.records(after=kept.seq - 1, subject=subject, incident_id=subject) == (kept,)

    def test_filters(self, store):
        """Kind, subject, incident and the bounds each narrow the answer."""
        for n in range(1, 5):
            store.append(a_record(n, subject=f"s{n % 2}", incident_id="i" if n < 3 else ""))
        store.append(a_record(5, kind=RecordKind.ENGINE_ERROR))
        assert [r.seq for r in store.records(kind=RecordKind.ENGINE_ERROR)] == [5]
        assert [r.seq for r in store.records(subject="s1")] == [1, 3]
        assert [r.seq for r in store.records(incident_id="i")] == [1, 2]
        assert [r.seq for r in store.records(after=1, before=4)] == [2, 3]
        assert [r.seq for r in store.records(newest_first=True, limit=2)] == [5, 4]

    def test_a_time_in_another_zone_comes_back_in_utc(self, store):
        """The same moment, told in UTC."""
        store.append(a_record(0, at=T0.astimezone(timezone(timedelta(hours=-5)))))
        assert store.records()[0].at.isoformat() == T0.isoformat()

    @pytest.mark.parametrize("data", [{"x": object()}, {"x": datetime(2026, 1, 1)}])  # noqa: DTZ001  # the offender
    def test_data_that_is_not_json_is_refused(self, store, data):
        """A record with a value that JSON cannot hold leaves no trace."""
        with pytest.raises(InputError):
            store.append(a_record(data=data))
        assert store.records() == ()

    def test_a_time_without_a_zone_is_refused(self, store):
        """A naive time never enters the store."""
        with pytest.raises(Exception, match="time zone"):
            store.append(a_record(at=datetime(2026, 1, 1)))  # noqa: DTZ001  # the offender

    def test_pages_run_backwards(self, store):
        """The pages of the ledger show each record once, newest first, while new ones come in."""
        for n in range(7):
            store.append(a_record(n))
        first = store.record_page(limit=3)
        store.append(a_record(8))
        second = store.record_page(limit=3, cursor=first.next_cursor)
        third = store.record_page(limit=3, cursor=second.next_cursor)
        assert [[r.seq for r in p.items] for p in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
        assert third.next_cursor is None


class TestAnomalies:
    """Anomalies on their own."""

    def test_a_growing_anomaly_is_one(self, store):
        """The same component, metric and start renew the row, its type and detector included; another start is new."""
        store.save_anomalies([an_anomaly()])
        grown = an_anomaly(end=T0 + 9 * MINUTE, severity=AnomalySeverity.CRITICAL, score=9.0)
        grown = replace(grown, type=AnomalyType.SUDDEN_CHANGE, detector="change")
        store.save_anomalies([grown, an_anomaly(minute=20)])
        assert list(map(repr, store.anomalies().items)) == [repr(an_anomaly(minute=20)), repr(grown)]

    @given(strategies.anomalies)
    @quick
    def test_an_anomaly_survives(self, store, anomaly):
        """An anomaly comes back equal, NaN, infinities and hostile names included."""
        store.save_anomalies([anomaly])
        found = store.anomalies(component=anomaly.key.component, metric=anomaly.key.metric, limit=500).items
        assert repr(anomaly) in map(repr, found)

    def test_nothing_is_nothing(self, store):
        """Saving no anomaly is no error."""
        store.save_anomalies([])
        assert store.anomalies().items == ()

    @pytest.mark.parametrize("limit", [1, 3, 10, 500])
    def test_pages_hold_each_once(self, store, limit):
        """Whatever the page size, the pages hold every anomaly once, latest start first, ties included."""
        kept = [an_anomaly(component=f"c{n}", minute=n // 3) for n in range(10)]
        store.save_anomalies(kept)
        items, pages = all_pages(store.anomalies, limit=limit)
        assert sorted(i.key.component for i in items) == sorted(k.key.component for k in kept)
        assert [i.start for i in items] == sorted((k.start for k in kept), reverse=True)
        assert pages == -(-10 // limit)

    def test_filters(self, store):
        """Component, metric, incident and time each narrow the answer."""
        inside, other = an_anomaly(minute=5), an_anomaly("db", "cpu")
        store.save_incident(an_incident(anomalies=(inside,)))
        store.save_anomalies([other])
        assert [a.key for a in store.anomalies(component="db").items] == [other.key]
        assert [a.key for a in store.anomalies(metric="cpu").items] == [other.key]
        assert [a.key for a in store.anomalies(incident_id="inc-0001").items] == [inside.key]
        assert [a.key for a in store.anomalies(since=T0 + MINUTE).items] == [inside.key]
        assert store.anomalies(component="nobody").items == ()

    def test_many_at_once(self, store):
        """Two thousand anomalies go in with one call."""
        store.save_anomalies([an_anomaly(minute=n) for n in range(2000)])
        assert len(all_pages(store.anomalies, limit=500)[0]) == 2000


class TestIncidents:
    """Incidents with their anomalies and analyses."""

    @given(strategies.incidents)
    @quick
    def test_an_incident_survives(self, store, incident):
        """An incident comes back equal, its anomalies in their order."""
        store.save_incident(incident)
        assert repr(store.incident(incident.id)) == repr(incident)

    def test_the_present_state_replaces(self, store):
        """Saving again changes the status, adds and removes anomalies, and keeps one row."""
        first = an_incident(anomalies=(an_anomaly("a"), an_anomaly("b")))
        store.save_incident(first)
        later = replace(first, anomalies=(an_anomaly("c"), an_anomaly("b"))).moved_to(
            IncidentStatus.RESOLVED, T0 + 10 * MINUTE
        )
        store.save_incident(later)
        assert repr(store.incidents().items) == repr((later,))

    def test_what_left_every_incident_is_gone(self, store):
        """An anomaly that its incident no longer holds leaves the store, unless another incident holds it."""
        mine, shared = an_anomaly("a"), an_anomaly("b")
        store.save_incident(an_incident(1, anomalies=(mine, shared)))
        store.save_incident(an_incident(2, anomalies=(shared,)))
        store.save_incident(an_incident(1, anomalies=(an_anomaly("c"),)))
        assert sorted(a.key.component for a in store.anomalies().items) == ["b", "c"]
        assert [a.key.component for a in store.incident("inc-0002").anomalies] == ["b"]

    def test_an_anomaly_may_be_in_two(self, store):
        """An incident does not lose an anomaly to a later one that holds it as well."""
        shared = an_anomaly()
        for number in (1, 2):
            store.save_incident(an_incident(number, anomalies=(shared,)))
        assert [len(i.anomalies) for i in store.incidents().items] == [1, 1]

    def test_anomalies_join_a_saved_incident(self, store):
        """Anomalies saved with an incident id stand behind those it has, each once."""
        store.save_incident(an_incident(anomalies=(an_anomaly("a"),)))
        store.save_anomalies([an_anomaly("a"), an_anomaly("b"), an_anomaly("b")], "inc-0001")
        assert [a.key.component for a in store.incident("inc-0001").anomalies] == ["a", "b"]

    def test_an_unknown_incident_is_named(self, store):
        """Looking up, joining or analysing an incident that nobody saved names it, and keeps nothing."""
        with pytest.raises(UnknownNameError, match="nope"):
            store.incident("nope")
        with pytest.raises(UnknownNameError, match="nope"):
            store.save_anomalies([an_anomaly()], "nope")
        with pytest.raises(UnknownNameError, match="nope"):
            store.save_analysis("nope", an_analysis(), T0)
        assert store.anomalies().items == ()

    @pytest.mark.parametrize("limit", [1, 2, 7])
    def test_pages_newest_first(self, store, limit):
        """The pages hold every incident once, latest first; filters hold across pages."""
        for number in range(7):
            status = IncidentStatus.OPEN if number % 2 else IncidentStatus.RESOLVED
            store.save_incident(an_incident(number, (an_anomaly(f"c{number % 3}", minute=number),), status=status))
        items, _ = all_pages(store.incidents, limit=limit)
        assert [i.id for i in items] == [f"inc-{n:04d}" for n in range(6, -1, -1)]
        items, _ = all_pages(store.incidents, limit=limit, status=IncidentStatus.OPEN)
        assert [i.id for i in items] == ["inc-0005", "inc-0003", "inc-0001"]
        items, _ = all_pages(store.incidents, limit=limit, component="c0")
        assert [i.id for i in items] == ["inc-0006", "inc-0003", "inc-0000"]

    def test_the_latest_analysis_stays(self, store):
        """An analysis comes back equal; a later one takes its place."""
        store.save_incident(an_incident())
        assert store.analysis("inc-0001") is None
        assert store.analysed_at("inc-0001") is None
        store.save_analysis("inc-0001", replace(an_analysis(), confidence=0.1), T0)
        store.save_analysis("inc-0001", an_analysis(), T0 + MINUTE)
        assert repr(store.analysis("inc-0001")) == repr(an_analysis())
        assert store.analysed_at("inc-0001") == T0 + MINUTE


def test_the_store_outlives_the_process(tmp_path):
    """What one store wrote another one reads from the same file."""
    url = f"sqlite:///{tmp_path}/kept.db"
    first = SqlStore(url)
    first.save_incident(an_incident())
    first.append(a_record())
    first.close()
    second = SqlStore(url)
    assert repr(second.incident("inc-0001")) == repr(an_incident())
    assert second.append(a_record()).seq == 2
    second.close()


@pytest.mark.parametrize("limit", [0, -1, 501, 10**30])
def test_a_limit_out_of_range_is_refused(store, limit):
    """No listing gives less than one or more than 500 items."""
    for listing in (store.records, store.record_page, store.anomalies, store.incidents):
        with pytest.raises(InputError, match="limit"):
            listing(limit=limit)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "nonsense",
        "ünïcode",
        "!!!!",
        "W10",
        make_cursor("other", 1),
        make_cursor("records"),
        make_cursor("records", -1),
        make_cursor("records", 2**70),
        make_cursor("records", "1"),
        make_cursor("records", 1, 2),
        make_cursor("incidents", "yesterday", "x"),
        make_cursor("incidents", "2026-01-01T00:00:00", "x"),
        make_cursor("incidents", 1, 2),
        base64.urlsafe_b64encode(b"[" * 5000).decode(),
        base64.urlsafe_b64encode(b'["records", true]').decode().rstrip("="),
        base64.urlsafe_b64encode(b"\xff\xfe").decode(),
    ],
)
def test_a_foreign_cursor_is_refused(store, cursor):
    """A cursor that was made up, cut, or taken from another listing is refused."""
    for listing in (store.record_page, store.anomalies, store.incidents):
        with pytest.raises(CursorError, match="next_cursor"):
            listing(cursor=cursor)
