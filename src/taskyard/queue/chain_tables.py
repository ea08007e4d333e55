"""The tables of chains: none of them has a row for a task that neither waits for others nor is waited for."""

from sqlalchemy import Column, ForeignKey, Integer, String, Table

from taskyard.core.db import Base
from taskyard.core.types import Id, Instant

# The place of a task that waits for others, as `ready` is of one that waits for a worker: who deletes the row owns the
# next step. The count stands here, as each predecessor changes it and the task's own row is wide.
blocked = Table(
    "blocked",
    Base.metadata,
    Column("task_id", Id, primary_key=True),
    Column("queue", String(100), nullable=False, index=True),
    Column("left", Integer, nullable=False),  # predecessors that have not ended
)

dependency = Table(
    "dependency",
    Base.metadata,
    Column("on_id", Id, primary_key=True),
    Column("task_id", Id, ForeignKey("blocked.task_id", ondelete="CASCADE"), primary_key=True, index=True),
)

# Tasks that have ended while some that waited for them have not been told of it.
followup = Table(
    "followup",
    Base.metadata,
    Column("task_id", Id, primary_key=True),
    Column("outcome", String(10), nullable=False),
)

task_group = Table(
    "task_group",
    Base.metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("completion_id", Id, nullable=False),
    Column("created_at", Instant, nullable=False, index=True),
)
