"""Our own ledger: what we saw, decided, did and verified, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class RecordKind(StrEnum):
    """What happened; every change that the service makes or notices is one of these."""

    CHANGE_OBSERVED = "CHANGE_OBSERVED"
    ANOMALY_DETECTED = "ANOMALY_DETECTED"
    INCIDENT_OPENED = "INCIDENT_OPENED"
    INCIDENT_UPDATED = "INCIDENT_UPDATED"
    INCIDENT_RESOLVED = "INCIDENT_RESOLVED"
    ROOT_CAUSE_FOUND = "ROOT_CAUSE_FOUND"
    DECISION_MADE = "DECISION_MADE"
    COMPONENT_ISOLATED = "COMPONENT_ISOLATED"
    COMPONENT_RELEASED = "COMPONENT_RELEASED"
    CIRCUIT_BREAKER_TRIPPED = "CIRCUIT_BREAKER_TRIPPED"
    CIRCUIT_BREAKER_HALF_OPENED = "CIRCUIT_BREAKER_HALF_OPENED"
    CIRCUIT_BREAKER_RESET = "CIRCUIT_BREAKER_RESET"
    CIRCUIT_BREAKER_FORCED = "CIRCUIT_BREAKER_FORCED"
    RECOVERY_STARTED = "RECOVERY_STARTED"
    RECOVERY_STEP_STARTED = "RECOVERY_STEP_STARTED"
    RECOVERY_STEP_FINISHED = "RECOVERY_STEP_FINISHED"
    RECOVERY_FINISHED = "RECOVERY_FINISHED"
    RECOVERY_APPROVED = "RECOVERY_APPROVED"
    ACTION_REFUSED = "ACTION_REFUSED"
    ACTIONS_STOPPED = "ACTIONS_STOPPED"
    ACTIONS_RESUMED = "ACTIONS_RESUMED"
    DEGRADATION_CHANGED = "DEGRADATION_CHANGED"
    POLICY_RELOADED = "POLICY_RELOADED"
    POLICY_REFUSED = "POLICY_REFUSED"
    LEDGER_PRUNED = "LEDGER_PRUNED"
    HEALTH_CHANGED = "HEALTH_CHANGED"
    ENGINE_ERROR = "ENGINE_ERROR"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line of the ledger.

    Parameters
    ----------
    at
        UTC.
    kind
        What happened.
    subject
        The component, breaker, run or incident that it is about.
    message
        One sentence for a human.
    incident_id
        The incident it belongs to; empty if none.
    data
        JSON-ready details.
    seq
        Position in the ledger, given by the store; 0 before that.
    """

    at: datetime
    kind: RecordKind
    subject: str
    message: str
    incident_id: str = ""
    data: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
