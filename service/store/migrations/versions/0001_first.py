"""Incidents, anomalies, analyses and the ledger."""

import sqlalchemy as sa
from alembic import op

from service.store.columns import NullableFloat, OpaqueText, Sequence64, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _incidents()
    _anomalies()
    _records()


def _incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", OpaqueText, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("opened_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("resolved_at", UtcDateTime, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    op.create_index("ix_incidents_opened_at_id", "incidents", ["opened_at", "id"])
    op.create_index("ix_incidents_status_opened_at_id", "incidents", ["status", "opened_at", "id"])
    op.create_table(
        "analyses",
        sa.Column("incident_id", OpaqueText, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("body", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", name="pk_analyses"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_analyses_incident_id_incidents"),
    )


def _anomalies() -> None:
    numbers = ("value", "expected", "lower", "upper", "score", "deviation", "previous_value", "rate_of_change")
    op.create_table(
        "anomalies",
        sa.Column("id", Sequence64, nullable=False),
        sa.Column("identity", sa.String(64), nullable=False),
        sa.Column("component", OpaqueText, nullable=False),
        sa.Column("metric", OpaqueText, nullable=False),
        sa.Column("type", sa.String(32), nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("confidence", NullableFloat, nullable=True),
        sa.Column("start", UtcDateTime, nullable=False),
        sa.Column("peak", UtcDateTime, nullable=False),
        sa.Column("end", UtcDateTime, nullable=False),
        *(sa.Column(name, NullableFloat, nullable=True) for name in numbers),
        sa.Column("detector", OpaqueText, nullable=False),
        sa.Column("model_version", OpaqueText, nullable=False),
        sa.Column("step_s", NullableFloat, nullable=True),
        sa.Column("supporting_detectors", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_anomalies"),
        sa.UniqueConstraint("identity", name="uq_anomalies_identity"),
    )
    op.create_index("ix_anomalies_start_id", "anomalies", ["start", "id"])
    op.create_index("ix_anomalies_component_start_id", "anomalies", ["component", "start", "id"])
    op.create_table(
        "incident_anomalies",
        sa.Column("incident_id", OpaqueText, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("anomaly_id", Sequence64, nullable=False),
        sa.PrimaryKeyConstraint("incident_id", "position", name="pk_incident_anomalies"),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name="fk_incident_anomalies_incident_id_incidents"),
        sa.ForeignKeyConstraint(["anomaly_id"], ["anomalies.id"], name="fk_incident_anomalies_anomaly_id_anomalies"),
    )
    op.create_index("ix_incident_anomalies_anomaly_id", "incident_anomalies", ["anomaly_id"])


def _records() -> None:
    op.create_table(
        "records",
        sa.Column("seq", Sequence64, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("subject", OpaqueText, nullable=False),
        sa.Column("message", OpaqueText, nullable=False),
        sa.Column("incident_id", OpaqueText, nullable=False),
        sa.Column("data", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_records"),
        sqlite_autoincrement=True,
    )
    for column in ("kind", "subject", "incident_id"):
        op.create_index(f"ix_records_{column}_seq", "records", [column, "seq"])


def downgrade() -> None:
    for table in ("records", "analyses", "incident_anomalies", "anomalies", "incidents"):
        op.drop_table(table)
