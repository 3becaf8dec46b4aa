"""The tables of the one store. The migrations make them; a test proves that both say the same."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from service.store.columns import NullableFloat, OpaqueText, Sequence64, UtcDateTime


class Base(DeclarativeBase):
    """Root of all tables; every constraint gets a predictable name so that migrations can speak of it."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class IncidentRow(Base):
    """One incident; its anomalies hang on ``incident_anomalies``."""

    __tablename__ = "incidents"
    __table_args__ = (Index(None, "opened_at", "id"), Index(None, "status", "opened_at", "id"))

    id: Mapped[str] = mapped_column(OpaqueText, primary_key=True)
    status: Mapped[str] = mapped_column(String(32))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class AnomalyRow(Base):
    """One anomaly, known by component, metric and start; ``identity`` is the digest of these."""

    __tablename__ = "anomalies"
    __table_args__ = (Index(None, "start", "id"), Index(None, "component", "start", "id"))

    id: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    identity: Mapped[str] = mapped_column(String(64), unique=True)
    component: Mapped[str] = mapped_column(OpaqueText)
    metric: Mapped[str] = mapped_column(OpaqueText)
    type: Mapped[str] = mapped_column(String(32))
    severity: Mapped[str] = mapped_column(String(16))
    confidence: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    start: Mapped[datetime] = mapped_column(UtcDateTime)
    peak: Mapped[datetime] = mapped_column(UtcDateTime)
    end: Mapped[datetime] = mapped_column(UtcDateTime)
    value: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    expected: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    lower: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    upper: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    score: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    deviation: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    previous_value: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    rate_of_change: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    detector: Mapped[str] = mapped_column(OpaqueText)
    model_version: Mapped[str] = mapped_column(OpaqueText)
    step_s: Mapped[float] = mapped_column(NullableFloat, nullable=True)
    supporting_detectors: Mapped[str] = mapped_column(OpaqueText)
    """JSON list of names."""


class MemberRow(Base):
    """Which anomaly belongs to which incident, and where in its order."""

    __tablename__ = "incident_anomalies"
    __table_args__ = (Index(None, "anomaly_id"),)

    incident_id: Mapped[str] = mapped_column(OpaqueText, ForeignKey(IncidentRow.id), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    anomaly_id: Mapped[int] = mapped_column(Sequence64, ForeignKey(AnomalyRow.id))


class AnalysisRow(Base):
    """The latest root-cause analysis of an incident, as JSON."""

    __tablename__ = "analyses"

    incident_id: Mapped[str] = mapped_column(OpaqueText, ForeignKey(IncidentRow.id), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[str] = mapped_column(OpaqueText)


class RecordRow(Base):
    """One line of the ledger; rows are only ever added, and a number is never used twice."""

    __tablename__ = "records"
    __table_args__ = (
        Index(None, "kind", "seq"),
        Index(None, "subject", "seq"),
        Index(None, "incident_id", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    kind: Mapped[str] = mapped_column(String(64))
    subject: Mapped[str] = mapped_column(OpaqueText)
    message: Mapped[str] = mapped_column(OpaqueText)
    incident_id: Mapped[str] = mapped_column(OpaqueText)
    data: Mapped[str] = mapped_column(OpaqueText)
    digest: Mapped[str | None] = mapped_column(String(64))
    """Of this record and the digest before it (``service.store.chain``); every record has one."""


class LedgerHeadRow(Base):
    """The newest record of the ledger: one row, held while a record is added, so that the chain never forks."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    seq: Mapped[int] = mapped_column(Sequence64)
    digest: Mapped[str] = mapped_column(String(64))


class LedgerCheckpointRow(Base):
    """Where the ledger was cut off at the old end: number and digest of the last record that was removed."""

    __tablename__ = "ledger_checkpoints"

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class SwitchRow(Base):
    """Whether actions are stopped, since when, by whom and why: one row; none means that nobody ever stopped them."""

    __tablename__ = "action_switch"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_stopped: Mapped[bool]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    who: Mapped[str] = mapped_column(OpaqueText)
    reason: Mapped[str] = mapped_column(OpaqueText)


class DegradationRow(Base):
    """The level of reduced function of one component; ``body`` is the whole state with its timers."""

    __tablename__ = "degradations"

    component: Mapped[str] = mapped_column(OpaqueText, primary_key=True)
    level: Mapped[int]
    body: Mapped[str] = mapped_column(OpaqueText)
