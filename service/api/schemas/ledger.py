"""Records of the ledger."""

from typing import Any

from pydantic import AwareDatetime

from service import records as domain
from service.api.schemas.base import Schema, example, example_of
from service.records import RecordKind


class Record(Schema):
    """One line of the ledger."""

    model_config = example(
        seq=42,
        at="2026-03-01T12:05:10Z",
        kind="CIRCUIT_BREAKER_TRIPPED",
        subject="payments-db",
        message="Breaker payments-db: CLOSED to OPEN",
        incident_id="inc-20260301T120400-1",
        data={"previous": "CLOSED", "state": "OPEN"},
    )

    seq: int
    at: AwareDatetime
    kind: RecordKind
    subject: str
    message: str
    incident_id: str
    data: dict[str, Any]

    @classmethod
    def of(cls, record: domain.Record) -> "Record":
        """Map the ledger's value."""
        plain = {name: getattr(record, name) for name in cls.model_fields if name != "data"}
        return cls(**plain, data=dict(record.data))


class RecordPage(Schema):
    """Records, newest first."""

    model_config = example(items=[example_of(Record)], next_cursor=None)

    items: list[Record]
    next_cursor: str | None
