"""Recovery runs, their actions, what is in force, and the outbox."""

import sqlalchemy as sa
from alembic import op

from service.store.columns import OpaqueText, Sequence64, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _runs()
    op.create_table(
        "recovery_actions",
        sa.Column("key", OpaqueText, nullable=False),
        sa.Column("run_id", OpaqueText, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("component", OpaqueText, nullable=False),
        sa.Column("intended_at", UtcDateTime, nullable=False),
        sa.Column("settled_at", UtcDateTime, nullable=True),
        sa.Column("outcome", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_recovery_actions"),
    )
    op.create_index("ix_recovery_actions_run_id", "recovery_actions", ["run_id"])
    op.create_table(
        "isolations",
        sa.Column("component", OpaqueText, nullable=False),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("since", UtcDateTime, nullable=False),
        sa.Column("release_at", UtcDateTime, nullable=True),
        sa.Column("reason", OpaqueText, nullable=False),
        sa.Column("incident_id", OpaqueText, nullable=False),
        sa.Column("parameters", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("component", "kind", name="pk_isolations"),
    )
    op.create_table(
        "recovery_outbox",
        sa.Column("id", Sequence64, nullable=False),
        sa.Column("body", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_recovery_outbox"),
        sqlite_autoincrement=True,
    )


def _runs() -> None:
    op.create_table(
        "recovery_runs",
        sa.Column("seq", Sequence64, nullable=False),
        sa.Column("id", OpaqueText, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("component", OpaqueText, nullable=False),
        sa.Column("incident_id", OpaqueText, nullable=False),
        sa.Column("strategy_id", OpaqueText, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("body", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_recovery_runs"),
        sa.UniqueConstraint("id", name="uq_recovery_runs_id"),
        sqlite_autoincrement=True,
    )
    for column in ("status", "component", "incident_id"):
        op.create_index(f"ix_recovery_runs_{column}_seq", "recovery_runs", [column, "seq"])


def downgrade() -> None:
    for table in ("recovery_outbox", "isolations", "recovery_actions", "recovery_runs"):
        op.drop_table(table)
