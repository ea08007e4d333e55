"""Alembic's entry: migrates the database that `taskyard migrate` hands it a connection to."""

from alembic import context

import taskyard.app  # noqa: F401  # so that every table is known
from taskyard.core.db import Base

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    compare_type=True,
    user_module_prefix="taskyard.core.types.",
)
with context.begin_transaction():
    context.run_migrations()
