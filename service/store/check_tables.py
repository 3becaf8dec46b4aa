"""The tables of the health checks: their results, and what is believed of each."""

from datetime import datetime

from sqlalchemy import Index, String
from sqlalchemy.orm import Mapped, mapped_column

from service.store.columns import OpaqueText, Sequence64, UtcDateTime
from service.store.tables import Base


class CheckResultRow(Base):
    """One result; only the newest of each check are kept."""

    __tablename__ = "check_results"
    __table_args__ = (Index(None, "check_id", "seq"), {"sqlite_autoincrement": True})

    seq: Mapped[int] = mapped_column(Sequence64, primary_key=True)
    check_id: Mapped[str] = mapped_column(OpaqueText)
    component: Mapped[str] = mapped_column(OpaqueText)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(OpaqueText)


class CheckStateRow(Base):
    """What is believed of one check, so that a restart goes on from there."""

    __tablename__ = "check_states"

    check_id: Mapped[str] = mapped_column(OpaqueText, primary_key=True)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[str] = mapped_column(OpaqueText)
