"""Alembic's entry point: runs the migrations on the connection that ``service.store.schema`` hands over."""

from alembic import context

from service.store import schema

config = context.config
context.configure(
    connection=config.attributes["connection"],
    target_metadata=schema.metadata(),
    # SQLite can roll DDL back as well, when the driver does not commit behind our back.
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
