"""Results of health checks, and what is believed of each check."""

import sqlalchemy as sa
from alembic import op

from service.store.columns import OpaqueText, Sequence64, UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "check_results",
        sa.Column("seq", Sequence64, nullable=False),
        sa.Column("check_id", OpaqueText, nullable=False),
        sa.Column("component", OpaqueText, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("body", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_check_results"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_check_results_check_id_seq", "check_results", ["check_id", "seq"])
    op.create_table(
        "check_states",
        sa.Column("check_id", OpaqueText, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("body", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("check_id", name="pk_check_states"),
    )


def downgrade() -> None:
    for table in ("check_states", "check_results"):
        op.drop_table(table)
