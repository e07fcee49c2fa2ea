"""What Alembic runs for every command: on the connection and in the transaction that its caller has opened."""

from alembic import context

from gala_viz.records.tables import Base

context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True
)
with context.begin_transaction():
    context.run_migrations()
