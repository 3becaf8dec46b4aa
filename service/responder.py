"""Deciding and acting: incidents that were watched long enough in, breakers tripped and recovery runs started out."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from analysis.findings import PossibleCause, RootCauseAnalysis
from analysis.incidents import Incident, IncidentStatus
from models.errors import UnknownNameError
from service.casebook import Casebook
from service.config import EngineSettings
from service.finding_facts import finding_facts, verification_facts
from service.journal import RecoveryJournal
from service.observer import Observer
from service.records import Record, RecordKind
from service.recovery.boundaries import Boundaries
from service.recovery.breakers import BreakerBoard, CircuitState
from service.recovery.breakers.states import IllegalSignalError
from service.recovery.decisions import Decision, GuardSettings, StartRecovery, decide
from service.recovery.facts import Facts
from service.recovery.guards import Guard, Refusal
from service.recovery.runs import RecoveryRun, RecoveryStatus
from service.recovery.single_steps import is_release
from service.recovery.strategies import RecoveryType, Strategies
from service.safety import Controls, recent_actions

_TRIPPED = (CircuitState.OPEN, CircuitState.HALF_OPEN)
LASTING_ROWS = 1
"""An anomaly that ended at most so many rows ago still lasts."""

Publish = Callable[[Record], None]
Edges = tuple[tuple[str, str], ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be done, and when.

    Parameters
    ----------
    boundaries
        With their isolation rules.
    strategies
        To choose from.
    guard
        Confidence gate, cool-down, blast radius, dry run.
    settings
        How long an incident is watched before a decision.
    """

    boundaries: Boundaries
    strategies: Strategies
    guard: GuardSettings
    settings: EngineSettings


class Responder:
    """What the loop does about open incidents.

    Parameters
    ----------
    casebook
        The open incidents.
    journal
        Carries recovery runs out.
    board
        The circuit breakers.
    policy
        What may be done.
    publish
        Told of findings and decisions.
    controls
        The switch that stops all actions, and who is ill.
    """

    def __init__(
        self,
        casebook: Casebook,
        journal: RecoveryJournal,
        board: BreakerBoard,
        policy: Policy,
        publish: Publish,
        controls: Controls | None = None,
    ) -> None:
        self._casebook = casebook
        self._journal = journal
        self._board = board
        self._policy = policy
        self._publish = publish
        self._controls = controls or Controls()
        self._named: dict[str, str] = {}
        latest = {incident.id: casebook.latest_decision(incident.id) for incident in casebook.open}
        self._undecided: set[str] = {name for name, record in latest.items() if record and record.subject == name}
        self._decided: set[str] = {
            name for name, record in latest.items() if record and record.subject != name and self._still_holds(record)
        }

    def use(self, boundaries: Boundaries, strategies: Strategies) -> None:
        """Decide by others from now on; the caller holds the lock of the loop. Runs keep the plan they began with.

        Parameters
        ----------
        boundaries
            With their isolation rules.
        strategies
            To choose from.
        """
        self._policy = replace(self._policy, boundaries=boundaries, strategies=strategies)

    def respond(self, incident: Incident, observer: Observer, edges: Edges, now: datetime) -> None:
        """Analyse and decide an incident if it is due.

        Parameters
        ----------
        incident
            Open.
        observer
            The judged window.
        edges
            Who calls whom; None if nobody knows.
        now
            UTC.
        """
        if incident.id in self._decided:
            return
        settings, frame = self._policy.settings, observer.frame
        onset = incident.present_onset(now, LASTING_ROWS * frame.step_s)
        if onset is None:  # a blip that is over is not acted upon
            return
        watched = frame.row_at(now) - frame.row_at(onset)
        if watched < settings.diagnosis_rows or (now - onset).total_seconds() < self._policy.guard.once_after_s:
            return
        analysis = self._casebook.analyse(incident, frame, edges, now, onset)
        cause = analysis.most_likely_cause
        is_last_call = watched >= settings.decision_patience_rows
        if cause is None:
            if is_last_call and incident.id not in self._undecided:
                self._publish(_undecided(incident, analysis, now))
                self._undecided.add(incident.id)
            return
        if self._named.get(incident.id) != cause.component:
            self._publish(_found(incident, cause, analysis, now))
            self._named[incident.id] = cause.component
        if analysis.confidence >= self._policy.guard.min_confidence or is_last_call:
            self._act(incident, cause, analysis, now)
            self._decided.add(incident.id)

    def _act(self, incident: Incident, cause: PossibleCause, analysis: RootCauseAnalysis, now: datetime) -> None:
        boundaries = self._policy.boundaries
        changes = self._casebook.changes_before(incident, now)
        facts = finding_facts(incident, cause, analysis, changes, len(boundaries.components))
        state = replace(
            self._journal.state(now, cause.component, self._board.snapshots()),
            recent=recent_actions(
                self._journal, now, self._policy.guard.rate_window_s, self._policy.guard.max_fleet_actions
            ),
            stopped=self._controls.stopped(),
            unhealthy=self._controls.unhealthy(),
            refuses=self._controls.refuses,
        )
        try:
            decision = decide(
                facts,
                incident_id=incident.id,
                component=cause.component,
                boundaries=boundaries,
                strategies=self._policy.strategies,
                state=state,
                guard=self._policy.guard,
            )
        except UnknownNameError as error:
            self._publish(_refused(incident, cause, str(error), now))
            return
        self._publish(_decided(incident, decision, now))
        for refusal in decision.refusals:
            if any(objection.guard is not Guard.ALREADY for objection in refusal.objections):
                self._publish(_guarded(incident, decision, refusal, now))
        self._carry_out(incident, decision, facts, now)

    def _carry_out(self, incident: Incident, decision: Decision, facts: Facts, now: datetime) -> None:
        for effect in decision.effects:
            if not isinstance(effect, StartRecovery):
                with suppress(IllegalSignalError):  # forced by a person since the decision: theirs to end
                    self._board.trip(effect.component, effect.reason)
                continue
            self._journal.start(effect.strategy, incident.id, effect.component, facts, now)
            if effect.strategy.type is not RecoveryType.MANUAL:
                self._casebook.keep(incident.moved_to(IncidentStatus.MITIGATING, now))

    def advance(self, observer: Observer, edges: Edges, now: datetime) -> None:
        """Take the recovery runs further, and draw the consequences of those that ended; nothing while all is stopped.

        Parameters
        ----------
        observer
            The judged window.
        edges
            Who calls whom; None if nobody knows.
        now
            UTC.
        """
        self._board.refresh()
        if self._controls.stopped() is not None:  # what is under way stands still until it may go on
            return
        for run in self._journal.tick(now, lambda run: self._verification(run, observer, edges)):
            if run.is_verified:
                self._close_breaker(run)
        for incident in self._casebook.open:
            if incident.status is IncidentStatus.MITIGATING:
                self._reopen_if_unhelped(incident, now)

    def _verification(self, run: RecoveryRun, observer: Observer, edges: Edges) -> Facts:
        incident = next((i for i in self._casebook.open if i.id == run.incident_id), None)
        since = run.acted_at or run.created_at
        return verification_facts(
            observer.scores,
            run.component,
            () if incident is None else incident.components,
            [caller for caller, callee in edges or () if callee == run.component],
            observer.frame.row_at(since),
            is_resolved=incident is None,
        )

    def _close_breaker(self, run: RecoveryRun) -> None:
        if run.component in self._board.components and self._board.of(run.component).state in _TRIPPED:
            self._board.reset(run.component, f"recovery {run.strategy.name} was verified")

    def _reopen_if_unhelped(self, incident: Incident, now: datetime) -> None:
        """Open an incident again whose recovery did not help; one that a person called off is not decided anew."""
        runs = [run for run in self._journal.runs(incident_id=incident.id) if not is_release(run.strategy)]
        if not runs or not all(run.status.is_final for run in runs) or runs[0].status is RecoveryStatus.COMPLETED:
            return
        self._casebook.keep(incident.moved_to(IncidentStatus.OPEN, now))
        if runs[0].status is RecoveryStatus.FAILED:
            self._decided.discard(incident.id)

    def _still_holds(self, decision: Record) -> bool:
        """Whether no recovery of the incident failed since a decision of an earlier life of the loop."""
        failed = self._journal.runs(incident_id=decision.incident_id, status=RecoveryStatus.FAILED)
        return all(run.updated_at < decision.at for run in failed)


def _found(incident: Incident, cause: PossibleCause, analysis: RootCauseAnalysis, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.ROOT_CAUSE_FOUND,
        subject=cause.component,
        incident_id=incident.id,
        message=f"{cause.category}, confidence {analysis.confidence:.0%}: {cause.description}",
        data={
            "category": cause.category,
            "confidence": analysis.confidence,
            "likelihood": cause.likelihood,
            "propagation": list(cause.propagation),
        },
    )


def _undecided(incident: Incident, analysis: RootCauseAnalysis, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.DECISION_MADE,
        subject=incident.id,
        incident_id=incident.id,
        message="nothing is done: there is not enough evidence to name a root cause",
        data={"ranking": list(analysis.ranking[:5]), "confidence": analysis.confidence},
    )


def _refused(incident: Incident, cause: PossibleCause, why: str, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.DECISION_MADE,
        subject=cause.component,
        incident_id=incident.id,
        message=f"nothing is done: no boundary holds the component. {why}",
    )


def _decided(incident: Incident, decision: Decision, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.DECISION_MADE,
        subject=decision.component,
        incident_id=incident.id,
        message=decision.message,
        data=decision.data,
    )


def _guarded(incident: Incident, decision: Decision, refusal: Refusal, now: datetime) -> Record:
    return Record(
        at=now,
        kind=RecordKind.ACTION_REFUSED,
        subject=decision.component,
        incident_id=incident.id,
        message=str(refusal),
        data=refusal.data,
    )
