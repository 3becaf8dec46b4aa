"""Plans that the tests of recovery share."""

from datetime import UTC, datetime, timedelta

from service.ports import ActionKind
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS, VERIFICATION_FACTS
from service.recovery.runs import RecoveryRun
from service.recovery.strategies import RecoveryStep, RecoveryStrategy, RecoveryType, RetryPolicy, StepType

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
GOOD = {"worst_score": 0.5, "rows_observed": 3.0}
BAD = {"worst_score": 2.0, "rows_observed": 3.0}


def later(seconds):
    """A time after NOW."""
    return NOW + timedelta(seconds=seconds)


def verify(**more):
    """A verification step."""
    success = Condition.of("worst_score < 1", VERIFICATION_FACTS)
    return RecoveryStep(**{"id": "verify", "type": StepType.VERIFY, "success": success, "timeout_s": 100.0} | more)


def isolate(**more):
    """An isolation that a failure takes back."""
    values = {
        "id": "isolate",
        "type": StepType.ISOLATION,
        "action": ActionKind.ISOLATE_COMPONENT,
        "rollback": ActionKind.RELEASE_COMPONENT,
    }
    return RecoveryStep(**values | more)


def backup(**more):
    """A backup that a failure takes back."""
    values = {
        "id": "backup",
        "type": StepType.REPAIR,
        "action": ActionKind.ENABLE_BACKUP,
        "rollback": ActionKind.DISABLE_BACKUP,
    }
    return RecoveryStep(**values | more)


def restart(attempts=1, **more):
    """A restart, tried so often."""
    retry = RetryPolicy(attempts=attempts, backoff_s=10, jitter=0)
    return RecoveryStep(id="restart", type=StepType.RESTART, action=ActionKind.RESTART_COMPONENT, retry=retry, **more)


def strategy(*steps, **more):
    """An automatic strategy that always applies."""
    values = {
        "id": "plan",
        "name": "Plan",
        "type": RecoveryType.AUTOMATIC,
        "steps": steps or (isolate(), restart(), verify()),
        "condition": Condition.of("true", FINDING_FACTS),
    }
    return RecoveryStrategy(**values | more)


def run_of(plan, **more):
    """A run that was just asked for."""
    values = {
        "id": "run-1",
        "strategy": plan,
        "incident_id": "incident-1",
        "component": "orders",
        "facts": {"category": "RESOURCE", "confidence": 0.9},
        "created_at": NOW,
        "updated_at": NOW,
    }
    return RecoveryRun(**values | more)
