"""The tables of recovery: runs, actions, what is in force, and records that are still to be told."""

from datetime import datetime

from sqlalchemy import Double, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from service.store.columns import OpaqueText, Sequence64, UtcDateTime
from service.store.tables import Base

OPEN = "status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL')"
"""Of a run that is not over."""


class RunRow(Base):
    """One recovery run; ``body`` is the whole of it, the columns are for looking it up, and for who may work on it."""

    __tablename__ = "recovery_runs"
    __table_args__ = (
        Index(
            "ix_recovery_runs_open",
            "component",
            "strategy_id",
            "incident_id",
            unique=True,
            sqlite_where=text(OPEN),
            postgresql_where=text(OPEN),
        ),
        Index(None, "status", "seq"),
        Index(None, "component", "seq"),
        Index(None, "incident_id", "seq"),
        {"sqlite_autoincrement": True},
    )

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    id: Mapped[str] = mapped_column(OpaqueText, unique=True)
    status: Mapped[str] = mapped_column(String(32))
    component: Mapped[str] = mapped_column(OpaqueText)
    incident_id: Mapped[str] = mapped_column(OpaqueText)
    strategy_id: Mapped[str] = mapped_column(OpaqueText)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[str] = mapped_column(OpaqueText)
    instance: Mapped[str] = mapped_column(OpaqueText, server_default=text("''"))
    """Who holds it; empty: nobody yet."""
    life: Mapped[str] = mapped_column(String(64), server_default=text("''"))
    """Which life of that instance."""
    fence: Mapped[int] = mapped_column(Sequence64, server_default="0")
    """Rises with every change of hands; a write must show it."""
    lease_until: Mapped[float] = mapped_column(Double, server_default="0")
    """By the clock of the database, seconds since 1970."""


class ActionRow(Base):
    """One action: written before it is done, settled after. One without an outcome is awaited, or was interrupted."""

    __tablename__ = "recovery_actions"
    __table_args__ = (Index(None, "run_id"),)

    key: Mapped[str] = mapped_column(OpaqueText, primary_key=True)
    run_id: Mapped[str] = mapped_column(OpaqueText)
    kind: Mapped[str] = mapped_column(String(32))
    component: Mapped[str] = mapped_column(OpaqueText)
    intended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome: Mapped[str] = mapped_column(OpaqueText)
    doubted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was found interrupted; written before anybody probes or repeats it."""


class RequestRow(Base):
    """What somebody asked of a run: an approval or an end. Whoever holds the run answers it."""

    __tablename__ = "recovery_requests"
    __table_args__ = (Index(None, "run_id", "kind", "who", unique=True), {"sqlite_autoincrement": True})

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    run_id: Mapped[str] = mapped_column(OpaqueText)
    kind: Mapped[str] = mapped_column(String(16))
    who: Mapped[str] = mapped_column(OpaqueText)
    reason: Mapped[str] = mapped_column(OpaqueText)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class IsolationRow(Base):
    """One reversible action in force."""

    __tablename__ = "isolations"

    component: Mapped[str] = mapped_column(OpaqueText, primary_key=True)
    kind: Mapped[str] = mapped_column(String(32), primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    release_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str] = mapped_column(OpaqueText)
    incident_id: Mapped[str] = mapped_column(OpaqueText)
    parameters: Mapped[str] = mapped_column(OpaqueText)


class OutboxRow(Base):
    """One record that was decided together with a change of a run and is not yet told."""

    __tablename__ = "recovery_outbox"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    body: Mapped[str] = mapped_column(OpaqueText)
    instance: Mapped[str] = mapped_column(OpaqueText, server_default=text("''"))
    """Who tells it; anybody once ``due_at`` is past."""
    due_at: Mapped[float] = mapped_column(Double, server_default="0")
    """By the clock of the database, seconds since 1970."""
