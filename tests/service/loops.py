"""The decision half of the loop in a small world that a test holds in its hands."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np

import service.casebook
from analysis.findings import CauseCategory
from analysis.grouping import GroupingSettings
from analysis.incidents import IncidentStatus
from models.anomalies import AnomalySeverity
from models.frames import MetricFrame, SeriesKey, to_datetime64
from service.casebook import Casebook
from service.clock import ReplayClock
from service.config import EngineSettings
from service.engine import Ledger
from service.journal import RecoveryJournal
from service.ports import ActionKind, ActionOutcome
from service.records import RecordKind
from service.recovery.breakers import BreakerBoard
from service.recovery.decisions import GuardSettings
from service.recovery.defaults import default_boundaries
from service.recovery.documents import read_strategies
from service.responder import Policy, Responder
from service.store.recovery import RecoveryStore
from service.store.sql import SqlStore
from tests.service.store.examples import MINUTE, T0, an_analysis, an_anomaly, an_incident

COMPONENTS = ("orders", "payments", "payments-db", "web")
EDGES = (("web", "orders"), ("orders", "payments"), ("payments", "payments-db"))
STRATEGIES = """
default: ask
strategies:
  - id: restart
    name: Restart
    type: AUTOMATIC
    priority: 20
    condition: category == RESOURCE
    steps:
      - {id: restart, type: RESTART, action: RESTART_COMPONENT, description: restart}
      - {id: verify, type: VERIFY, success: rows_observed >= 3 and worst_score < 1, timeout_s: 1200, description: check}
  - id: scale
    name: Scale up
    type: AUTOMATIC
    priority: 10
    condition: category == RESOURCE
    steps:
      - {id: scale, type: REPAIR, action: SCALE_UP, rollback: SCALE_DOWN, description: scale}
      - {id: verify, type: VERIFY, success: rows_observed >= 3 and worst_score < 1, timeout_s: 1200, description: check}
  - id: ask
    name: Ask
    type: MANUAL
    condition: "true"
    steps:
      - {id: repair, type: RESTART, action: RESTART_COMPONENT, description: by hand}
"""


class Hand:
    """An actuator that notes what it is asked for."""

    kinds = frozenset(ActionKind)
    components = frozenset(COMPONENTS)

    def __init__(self):
        self.done = []
        self.fault = None

    def refusal(self, kind, component):
        """It takes everything."""
        return ""

    def perform(self, action):
        """Do it, or fail."""
        if self.fault is not None:
            raise self.fault
        self.done.append((action.kind.value, action.component))
        return ActionOutcome(is_changed=True, detail="done")

    def probe(self, action):
        """Nobody knows."""
        return


def a_finding(confidence=0.8, component="payments-db", category=CauseCategory.RESOURCE, *, is_named=True):
    """What the analysis is made to say."""
    analysis = an_analysis()
    cause = replace(analysis.most_likely_cause, component=component, category=category)
    named = cause if is_named else None
    return replace(analysis, most_likely_cause=named, possible_causes=(cause,), confidence=confidence)


class World:
    """A responder over a real casebook, journal, board and store; metrics and findings are made up."""

    def __init__(self, monkeypatch, *, act=True, **guard):
        self.store, self.hand, self.clock = SqlStore("sqlite://"), Hand(), ReplayClock(T0)
        self.finding, self.score, self.analysed = a_finding(), 5.0, []
        self.settings = EngineSettings(act=act)
        self.guard = GuardSettings(is_dry_run=not act, **guard)
        monkeypatch.setattr(service.casebook, "diagnose", self._diagnose)
        self.restart()

    def restart(self):
        """Build everything anew on the same store."""
        ledger = Ledger(self.store)
        boundaries = default_boundaries(COMPONENTS)
        self.casebook = Casebook(self.store, ledger, GroupingSettings(), 60)
        self.journal = RecoveryJournal(RecoveryStore(self.store.database), self.hand, ledger)
        self.board = BreakerBoard(
            boundaries.breaker_settings(), clock=self.clock, listeners=[lambda event: ledger(event.to_record())]
        )
        policy = Policy(
            boundaries=boundaries,
            strategies=read_strategies(STRATEGIES, source="test"),
            guard=self.guard,
            settings=self.settings,
        )
        self.responder = Responder(self.casebook, self.journal, self.board, policy, ledger)

    def _diagnose(self, situation, ranker=None):
        self.analysed.append(situation)
        if isinstance(self.finding, Exception):
            raise self.finding
        return self.finding

    @property
    def observer(self):
        """What is seen: two hours before T0 until now, one score for all."""
        rows = 120 + round((self.clock.now() - T0).total_seconds() / 60)
        keys = tuple(SeriesKey(name, metric) for name in COMPONENTS for metric in ("cpu", "latency"))
        frame = MetricFrame(
            start=to_datetime64(T0 - 120 * MINUTE), step_s=60.0, keys=keys, values=np.ones((rows, len(keys)))
        )
        return SimpleNamespace(
            frame=frame, scores=SimpleNamespace(frame=frame, score=np.full(frame.values.shape, self.score))
        )

    def trouble(self, minutes=0, component="orders", number=1):
        """An incident whose anomaly began at T0 and has lasted so many minutes."""
        anomaly = an_anomaly(component, severity=AnomalySeverity.HIGH, end=T0 + minutes * MINUTE)
        known = next((i for i in self.casebook.open if i.id == f"inc-{number:04d}"), None)
        incident = known or an_incident(number, opened_at=T0)
        self.casebook.keep(replace(incident, anomalies=(anomaly,)))

    def live(self, minutes, *, lasting=True):
        """Let time pass step by step, with the trouble going on."""
        for _ in range(minutes):
            self.clock.move_by(60)
            if lasting and self.casebook.open:
                self.trouble(round((self.clock.now() - T0).total_seconds() / 60))
            for incident in self.casebook.open:
                self.responder.respond(incident, self.observer, EDGES, self.clock.now())
            self.responder.advance(self.observer, EDGES, self.clock.now())

    def told(self, *kinds):
        """Messages of these kinds, in order."""
        return [record.message for record in self.store.records(limit=500) if not kinds or record.kind in kinds]

    @property
    def decisions(self):
        """What was decided."""
        return self.told(RecordKind.DECISION_MADE)

    @property
    def status(self):
        """Where the one open incident stands."""
        (incident,) = self.casebook.open
        return incident.status

    def resolve(self):
        """The trouble is over."""
        (incident,) = self.casebook.open
        self.casebook.keep(incident.moved_to(IncidentStatus.RESOLVED, self.clock.now()))
