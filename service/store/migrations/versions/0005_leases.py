"""Leases and fences of recovery runs, actions in doubt, requests to a run, and who tells what."""

import sqlalchemy as sa
from alembic import op

from service.store.columns import OpaqueText, Sequence64, UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_OPEN = sa.text("status IN ('PENDING', 'RUNNING', 'WAITING_APPROVAL')")


def upgrade() -> None:
    op.add_column("recovery_runs", sa.Column("instance", OpaqueText, nullable=False, server_default=sa.text("''")))
    op.add_column("recovery_runs", sa.Column("life", sa.String(64), nullable=False, server_default=sa.text("''")))
    op.add_column("recovery_runs", sa.Column("fence", Sequence64, nullable=False, server_default="0"))
    op.add_column("recovery_runs", sa.Column("lease_until", sa.Double, nullable=False, server_default="0"))
    op.create_index(
        "ix_recovery_runs_open",
        "recovery_runs",
        ["component", "strategy_id", "incident_id"],
        unique=True,
        sqlite_where=_OPEN,
        postgresql_where=_OPEN,
    )
    op.add_column("recovery_actions", sa.Column("doubted_at", UtcDateTime, nullable=True))
    op.add_column("recovery_outbox", sa.Column("instance", OpaqueText, nullable=False, server_default=sa.text("''")))
    op.add_column("recovery_outbox", sa.Column("due_at", sa.Double, nullable=False, server_default="0"))
    op.create_table(
        "recovery_requests",
        sa.Column("seq", Sequence64, nullable=False),
        sa.Column("run_id", OpaqueText, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("who", OpaqueText, nullable=False),
        sa.Column("reason", OpaqueText, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("answered_at", UtcDateTime, nullable=True),
        sa.PrimaryKeyConstraint("seq", name="pk_recovery_requests"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_recovery_requests_run_id_kind_who", "recovery_requests", ["run_id", "kind", "who"], unique=True)


def downgrade() -> None:
    op.drop_table("recovery_requests")
    op.drop_index("ix_recovery_runs_open", "recovery_runs")
    for table, columns in (
        ("recovery_outbox", ("due_at", "instance")),
        ("recovery_actions", ("doubted_at",)),
        ("recovery_runs", ("lease_until", "fence", "life", "instance")),
    ):
        for column in columns:
            op.drop_column(table, column)
