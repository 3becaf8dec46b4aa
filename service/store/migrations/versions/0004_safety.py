"""The chain over the ledger, the switch that stops all actions, and levels of reduced function."""

import json

import sqlalchemy as sa
from alembic import op

from service.store.chain import GENESIS, canonical, link
from service.store.columns import OpaqueText, Sequence64, UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_RECORDS = sa.table(
    "records",
    sa.column("seq", Sequence64),
    sa.column("at", UtcDateTime),
    *(sa.column(name, OpaqueText) for name in ("kind", "subject", "message", "incident_id", "data", "digest")),
)


def upgrade() -> None:
    op.add_column("records", sa.Column("digest", sa.String(64), nullable=True))
    head = op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("seq", Sequence64, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_head"),
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("seq", Sequence64, nullable=False, autoincrement=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.PrimaryKeyConstraint("seq", name="pk_ledger_checkpoints"),
    )
    op.create_table(
        "action_switch",
        sa.Column("id", sa.Integer, nullable=False, autoincrement=False),
        sa.Column("is_stopped", sa.Boolean, nullable=False),
        sa.Column("at", UtcDateTime, nullable=False),
        sa.Column("who", OpaqueText, nullable=False),
        sa.Column("reason", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_action_switch"),
    )
    op.create_table(
        "degradations",
        sa.Column("component", OpaqueText, nullable=False),
        sa.Column("level", sa.Integer, nullable=False),
        sa.Column("body", OpaqueText, nullable=False),
        sa.PrimaryKeyConstraint("component", name="pk_degradations"),
    )
    seq, digest = _chained(op.get_bind())
    op.bulk_insert(head, [{"id": 1, "seq": seq, "digest": digest}])


def _chained(connection: sa.Connection) -> tuple[int, str]:
    """Give the records that are there already their digests; numbers without a record stay as they are."""
    seq, digest = 0, GENESIS
    while rows := connection.execute(_RECORDS.select().where(_RECORDS.c.seq > seq).order_by("seq").limit(1000)).all():
        for row in rows:
            values = {name: getattr(row, name) for name in ("at", "kind", "subject", "message", "incident_id")}
            seq, digest = row.seq, link(digest, canonical(seq=row.seq, data=json.loads(row.data), **values))
            connection.execute(sa.update(_RECORDS).where(_RECORDS.c.seq == seq).values(digest=digest))
    return seq, digest


def downgrade() -> None:
    for table in ("degradations", "action_switch", "ledger_checkpoints", "ledger_head"):
        op.drop_table(table)
    op.drop_column("records", "digest")
