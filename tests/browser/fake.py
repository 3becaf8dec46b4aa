"""A backend with one well-known incident: real values in a real store, without an engine."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import numpy as np

from analysis.event_graph import EventGraph
from analysis.events import from_anomalies
from analysis.findings import CauseCategory, Evidence, PossibleCause, RootCauseAnalysis, SkippedMethod
from analysis.incidents import Incident, IncidentStatus
from analysis.topology import from_edges
from models.anomalies import Anomaly, AnomalySeverity, AnomalyType
from models.errors import UnknownNameError
from models.frames import SeriesKey, to_datetime64
from service.api.backend import Chart, ComponentState, EngineStatus, RunSummary, StepSummary
from service.records import Record, RecordKind
from service.recovery.breakers import BreakerSnapshot, CircuitState
from service.store.sql import SqlStore
from tests.service.api.fakes import a_safety_desk

ONSET = datetime(2026, 11, 23, 10, 41, tzinfo=UTC)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
STEP = 15 * SECOND
EDGES = (
    ("web", "gateway"),
    ("mobile-bff", "gateway"),
    ("gateway", "accounts"),
    ("gateway", "catalogue"),
    ("gateway", "cart"),
    ("gateway", "checkout"),
    ("gateway", "search"),
    ("checkout", "orders"),
    ("checkout", "payments"),
    ("checkout", "cart"),
    ("cart", "cart-cache"),
    ("catalogue", "catalogue-db"),
    ("search", "search-index"),
    ("search", "catalogue"),
    ("accounts", "accounts-db"),
    ("orders", "orders-db"),
    ("orders", "events-queue"),
    ("payments", "bank-adapter"),
    ("events-queue", "shipping"),
    ("shipping", "orders-db"),
    ("events-queue", "mailer"),
)
# component, metric, severity, minutes after the onset, normal, abnormal, score
TROUBLES = (
    ("orders-db", "connections", AnomalySeverity.CRITICAL, 0.0, 62.0, 198.0, 9.4),
    ("orders-db", "latency_p95_s", AnomalySeverity.CRITICAL, 0.25, 0.012, 1.42, 12.8),
    ("orders", "latency_p99_s", AnomalySeverity.CRITICAL, 0.75, 0.118, 2.31, 8.1),
    ("shipping", "latency_p99_s", AnomalySeverity.MEDIUM, 1.0, 0.21, 0.62, 2.6),
    ("checkout", "error_rate", AnomalySeverity.HIGH, 1.25, 0.002, 0.184, 5.9),
    ("gateway", "error_rate", AnomalySeverity.MEDIUM, 1.5, 0.0015, 0.043, 2.9),
)


def an_anomaly(component, metric, severity, delay_min, normal, value, score):
    """One anomaly of the incident, times relative to its onset."""
    start = ONSET + delay_min * MINUTE
    return Anomaly(
        key=SeriesKey(component, metric),
        type=AnomalyType.STATISTICAL_OUTLIER,
        severity=severity,
        confidence=0.98,
        start=start,
        peak=start + 3 * MINUTE,
        end=start + 8 * MINUTE,
        value=value,
        expected=normal,
        lower=normal * 0.7,
        upper=normal * 1.35,
        score=score,
        deviation=score * 4,
        previous_value=value * 0.9,
        rate_of_change=value * 0.1 / 15,
        detector="seasonal",
        model_version="2026-11-22.3",
        step_s=STEP.total_seconds(),
    )


def the_incident():
    """The incident, resolved nine minutes after its onset."""
    return Incident(
        id="inc-20261123-104230-1",
        status=IncidentStatus.RESOLVED,
        opened_at=ONSET + 90 * SECOND,
        updated_at=ONSET + 9 * MINUTE,
        resolved_at=ONSET + 9 * MINUTE,
        anomalies=tuple(an_anomaly(*trouble) for trouble in TROUBLES),
    )


def _says(component, statement, weight, metric=""):
    return Evidence(collector="onset", component=component, statement=statement, weight=weight, metric=metric)


def the_analysis():
    """Three ranked causes; the first is named."""
    first = PossibleCause(
        id="cause-1",
        component="orders-db",
        category=CauseCategory.DATA_STORE,
        description="orders-db ran out of connections; everything that waits for it slowed down or failed after it.",
        likelihood=0.83,
        propagation=("orders-db", "orders", "checkout", "gateway"),
        evidence=(
            _says(
                "orders-db", "connections rose from 62 to 198 at 10:41:00, 45 s before any other component moved.", 2.1
            ),
            _says("orders-db", "All four abnormal callers reach it, in the order in which they became abnormal.", 1.4),
            _says("orders-db", "latency p95 follows connections with a lag of 15 s (correlation 0.94).", 0.8),
            _says("orders-db", "No deploy or configuration change of it in the last 24 h.", -0.3),
        ),
    )
    second = PossibleCause(
        id="cause-2",
        component="orders",
        category=CauseCategory.DEPENDENCY,
        description="orders holds transactions open too long.",
        likelihood=0.11,
        evidence=(
            _says("orders", "latency p99 is 20 times its normal value.", 0.7),
            _says("orders", "It became abnormal 45 s after its own dependency.", -1.2),
        ),
        propagation=("orders", "checkout", "gateway"),
    )
    third = PossibleCause(
        id="cause-3",
        component="shipping",
        category=CauseCategory.TRAFFIC,
        description="shipping sends orders-db more work than usual.",
        likelihood=0.04,
        evidence=(_says("shipping", "Its request rate is normal.", -0.9),),
    )
    return RootCauseAnalysis(
        possible_causes=(first, second, third),
        most_likely_cause=first,
        confidence=0.87,
        ranking=("orders-db", "orders", "shipping", "checkout", "gateway"),
        metric_ranking=tuple(SeriesKey(c, m) for c, m, *_ in TROUBLES),
        evidence=first.evidence,
        skipped=(SkippedMethod(name="traces", reason="the source sends none"),),
    )


def the_records(incident_id):
    """The ledger of the incident."""
    kinds = RecordKind
    told = (
        (90, kinds.ANOMALY_DETECTED, "orders-db", "orders-db/connections: 198 where 62 is normal.", {}),
        (90, kinds.ANOMALY_DETECTED, "orders-db", "orders-db/latency_p95_s: 1.42 s where 12 ms is normal.", {}),
        (90, kinds.ANOMALY_DETECTED, "orders", "orders/latency_p99_s: 2.31 s where 118 ms is normal.", {}),
        (90, kinds.INCIDENT_OPENED, incident_id, "Opened with 3 anomalies on orders-db and orders.", {}),
        (105, kinds.INCIDENT_UPDATED, incident_id, "Now 6 anomalies on 5 components.", {}),
        (150, kinds.ROOT_CAUSE_FOUND, "orders-db", "orders-db, data store trouble, likelihood 83 %.", {}),
        (
            150,
            kinds.DECISION_MADE,
            "orders-db",
            "Rule “isolate a failing data store” matched; strategy restart-data-store.",
            {},
        ),
        (151, kinds.CIRCUIT_BREAKER_TRIPPED, "orders-db", "Breaker orders-db: CLOSED to OPEN, root cause found.", {}),
        (151, kinds.COMPONENT_ISOLATED, "orders-db", "Traffic of orders and shipping goes to the replica.", {}),
        (152, kinds.RECOVERY_STARTED, "run-1", "restart-data-store on orders-db.", {}),
        (215, kinds.RECOVERY_STEP_FINISHED, "run-1", "restart: primary is up after 61 s.", {"status": "COMPLETED"}),
        (480, kinds.RECOVERY_STEP_FINISHED, "run-1", "verify: 4 of 4 metrics in their band.", {"status": "COMPLETED"}),
        (480, kinds.COMPONENT_RELEASED, "orders-db", "Traffic is back on the primary.", {}),
        (
            482,
            kinds.CIRCUIT_BREAKER_RESET,
            "orders-db",
            "Breaker orders-db: HALF_OPEN to CLOSED, 3 probes succeeded.",
            {},
        ),
        (483, kinds.RECOVERY_FINISHED, "run-1", "restart-data-store completed in 5 min 31 s.", {"status": "COMPLETED"}),
        (540, kinds.INCIDENT_RESOLVED, incident_id, "All series are in their band for 60 s.", {}),
    )
    return [
        Record(at=ONSET + s * SECOND, kind=kind, subject=subject, message=text, incident_id=incident_id, data=data)
        for s, kind, subject, text, data in told
    ]


def the_run(incident_id):
    """The recovery run, completed."""
    at = [ONSET + s * SECOND for s in (152, 154, 155, 215, 480, 483)]
    steps = (
        ("check the replica", "DIAGNOSTIC", "replica lag 0.4 s", 1),
        ("send traffic to the replica", "ISOLATION", "2 callers redirected", 1),
        ("restart the primary", "RESTART", "up after 61 s", 2),
        ("watch it", "VERIFY", "4 of 4 metrics in their band for 60 s", 1),
        ("bring traffic back", "RESTORE", "2 callers restored", 1),
    )
    return RunSummary(
        id="run-1",
        strategy="restart-data-store",
        type="AUTOMATIC",
        status="COMPLETED",
        component="orders-db",
        incident_id=incident_id,
        reason="Chosen because the cause is DATA_STORE with confidence 87 %, and a replica is declared.",
        created_at=at[0],
        updated_at=at[-1],
        steps=tuple(
            StepSummary(
                name=name,
                type=kind,
                status="COMPLETED",
                attempts=n,
                detail=detail,
                started_at=at[i],
                finished_at=at[i + 1],
            )
            for i, (name, kind, detail, n) in enumerate(steps)
        ),
    )


def a_breaker(name, state=CircuitState.CLOSED, **figures):
    """A breaker with these figures."""
    plain = {"failure_count": 0, "success_count": 900, "rejected_count": 0, "last_failure": "", "opened_at": None}
    return BreakerSnapshot(name=name, state=state, **({"reason": ""} | plain | figures))


OPENED = []
"""Stores of fakes that wait to be closed."""


def close_all():
    """Close what the fakes opened; a test ends with it."""
    while OPENED:
        OPENED.pop().close()


@dataclass
class FakeBackend:
    """Implements ``Backend`` as far as the page asks it."""

    store: SqlStore = field(default_factory=lambda: SqlStore("sqlite://"))
    at: datetime = ONSET + 12 * MINUTE
    calls: tuple[tuple[str, str], ...] = EDGES
    engine: EngineStatus = field(
        default_factory=lambda: EngineStatus(
            is_ready=True,
            reason="",
            bundle_version="2026-11-22.3",
            rows_read=5760,
            last_row_at=ONSET + 12 * MINUTE - 9 * SECOND,
            last_step_at=ONSET + 12 * MINUTE,
        )
    )
    states: tuple[ComponentState, ...] = ()
    board: tuple[BreakerSnapshot, ...] = ()
    done: tuple[RunSummary, ...] = ()

    def __post_init__(self):
        OPENED.append(self.store)

    def now(self):
        """The fixed time."""
        return self.at

    @property
    def safety(self):
        """Over the same store."""
        return a_safety_desk(self.store, self.now)

    def status(self):
        """As set."""
        return self.engine

    def edges(self):
        """As set."""
        return self.calls

    def event_graph(self, incident_id):
        """Of the anomalies in the store."""
        return EventGraph(from_anomalies(self.store.incident(incident_id).anomalies), from_edges(self.edges()))

    def component_states(self):
        """As set."""
        return self.states

    def breakers(self):
        """As set."""
        return self.board

    def runs(self):
        """As set."""
        return self.done

    def chart(self, key, start, end):
        """A noisy level that goes to the abnormal value at the anomaly's start and comes back by itself."""
        found = [a for i in self.store.incidents(limit=50).items for a in i.anomalies if a.key == key]
        if not found:
            raise UnknownNameError("series", str(key))
        anomaly, step = found[0], np.timedelta64(15, "s")
        times = np.arange(to_datetime64(start), min(to_datetime64(end), to_datetime64(self.at)), step)
        minutes = (times - to_datetime64(anomaly.start)) / np.timedelta64(60, "s")
        noise = np.random.default_rng(7).normal(0, 0.05, len(times))
        slope = 1 + 0.04 * np.sin(minutes / 17)
        lift = np.clip(minutes / 1.5, 0, 1) * np.clip((8.5 - minutes) / 1.5, 0, 1)
        expected = anomaly.expected * slope
        values = expected * (1 + noise) + lift * (anomaly.value - anomaly.expected) * (1 + noise)
        values[5:8] = np.nan
        return Chart(key=key, times=times, values=values, expected=expected, lower=expected * 0.8, upper=expected * 1.2)


def a_quiet_backend():
    """An engine that watches and has seen no incident."""
    names = sorted({end for edge in EDGES for end in edge})
    states = tuple(
        ComponentState(component=n, score=0.2, severity=None, is_isolated=False, breaker="", last_seen=ONSET)
        for n in names
    )
    return FakeBackend(states=states)


def a_busy_backend():
    """An engine that solved one incident and works on a second one."""
    backend = a_quiet_backend()
    incident = the_incident()
    backend.store.save_incident(incident)
    backend.store.save_analysis(incident.id, the_analysis(), ONSET + 150 * SECOND)
    for record in the_records(incident.id):
        backend.store.append(record)
    backend.done = (the_run(incident.id),)
    backend.board = (
        a_breaker(
            "orders-db",
            CircuitState.OPEN,
            failure_count=212,
            rejected_count=1840,
            opened_at=ONSET + 151 * SECOND,
            reason="root cause of an incident",
        ),
        a_breaker("payments"),
        a_breaker(
            "bank-adapter", CircuitState.HALF_OPEN, failure_count=31, rejected_count=77, reason="5 of 10 calls failed"
        ),
    )
    changed = {"orders-db": {"is_isolated": True, "breaker": "OPEN"}, "bank-adapter": {"breaker": "HALF_OPEN"}}
    backend.states = tuple(replace(s, **changed.get(s.component, {})) for s in backend.states)
    return backend


def an_undecided_backend():
    """An open incident whose analysis names no cause, and an older one without any analysis."""
    backend = a_busy_backend()
    incident = replace(the_incident(), id="inc-open-1", status=IncidentStatus.OPEN, resolved_at=None)
    backend.store.save_incident(incident)
    named = the_analysis()
    backend.store.save_analysis(
        incident.id, replace(named, most_likely_cause=None, confidence=0.31), ONSET + 150 * SECOND
    )
    fresh = replace(incident, id="inc-new-1", opened_at=ONSET + MINUTE)
    backend.store.save_incident(fresh)
    return backend


HOSTILE = '<script>window.hacked=1</script>"\'><img src=x onerror="window.hacked=1">{{7*7}}'


def a_hostile_backend():
    """Components, metrics, messages and ids that try to become markup."""
    backend = FakeBackend(calls=((HOSTILE, "web"), ("web", "x" * 400), ("</script><b>", HOSTILE)))
    odd = SeriesKey(HOSTILE, '</script><svg onload="window.hacked=1">')
    incident = the_incident()
    worst = replace(incident.anomalies[0], key=odd)
    incident = replace(incident, id="a/b?c=<i>&d", anomalies=(worst, *incident.anomalies[1:]))
    backend.store.save_incident(incident)
    cause = replace(
        the_analysis().possible_causes[0],
        component=HOSTILE,
        description=HOSTILE,
        evidence=(_says(HOSTILE, HOSTILE, 1.0),),
        propagation=(HOSTILE, "web"),
    )
    analysis = replace(the_analysis(), possible_causes=(cause,), most_likely_cause=cause, metric_ranking=(odd,))
    backend.store.save_analysis(incident.id, analysis, ONSET)
    told = Record(at=ONSET, kind=RecordKind.ENGINE_ERROR, subject=HOSTILE, message=HOSTILE, incident_id=incident.id)
    backend.store.append(told)
    backend.board = (a_breaker(HOSTILE, CircuitState.OPEN, reason=HOSTILE, opened_at=ONSET),)
    backend.done = (replace(the_run(incident.id), strategy=HOSTILE, reason=HOSTILE),)
    backend.engine = replace(backend.engine, bundle_version=HOSTILE, reason=HOSTILE, is_ready=False, error_count=2)
    return backend


def a_wide_backend(n_components=40):
    """The known incident in a system of so many components."""
    backend = a_busy_backend()
    random = np.random.default_rng(3)
    names = [f"recommendation-worker-{i}" for i in range(n_components - len(backend.states))]
    known = ["gateway", "catalogue", "orders", "search"]
    backend.calls += tuple((str(random.choice(known + names[:i])), name) for i, name in enumerate(names))
    return backend
