"""Health checks, the pure half: ``definitions`` what is checked, ``state`` what is believed, ``rounds`` what is due."""

from service.recovery.checkup.definitions import Check, CheckSet, CheckType, Maintenance, Reading, find_cycle
from service.recovery.checkup.policy import CheckPolicy
from service.recovery.checkup.rounds import Checkup, Tick, Ticket
from service.recovery.checkup.state import CheckPhase, CheckResult, CheckState
from service.recovery.checkup.views import CheckChange, CheckOverview, CheckView, summarise, with_checks

__all__ = [
    "Check",
    "CheckChange",
    "CheckOverview",
    "CheckPhase",
    "CheckPolicy",
    "CheckResult",
    "CheckSet",
    "CheckState",
    "CheckType",
    "CheckView",
    "Checkup",
    "Maintenance",
    "Reading",
    "Tick",
    "Ticket",
    "find_cycle",
    "summarise",
    "with_checks",
]
