"""What people ask of a run: rows, so that any instance can take them and the one that holds the run answers."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.recovery.runs import Approve, Cancel


class RequestKind(StrEnum):
    """What can be asked; the spelling in the store is fixed."""

    APPROVE = "APPROVE"
    CANCEL = "CANCEL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request to one run.

    Parameters
    ----------
    run_id
        Which run.
    kind
        An approval or an end.
    who
        Who asks; empty if that is not known.
    reason
        For people.
    at
        UTC.
    number
        Given by the store; 0 before that.
    """

    run_id: str
    kind: RequestKind
    who: str
    at: datetime
    reason: str = ""
    number: int = 0

    @property
    def signal(self) -> Approve | Cancel:
        """What it means to the run."""
        return Approve(self.who) if self.kind is RequestKind.APPROVE else Cancel(self.reason)
