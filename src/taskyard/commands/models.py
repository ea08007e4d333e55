"""The catalogue of commands: what a task of each is checked against and how it is run."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, Integer, String, Table
from sqlalchemy.orm import Mapped, mapped_column

from taskyard.core import clock
from taskyard.core.db import Base, Model
from taskyard.core.types import Instant, Json


class Command(Model):
    """A registered type of task. Null means: what Taskyard does by default."""

    __tablename__ = "command"
    __table_args__ = (
        CheckConstraint("on_lost IN ('retry', 'hold', 'fail')", name="on_lost"),
        CheckConstraint("priority IN ('low', 'normal', 'high')", name="priority"),
        CheckConstraint("timeout_s > 0", name="timeout_s"),
        CheckConstraint("max_attempts > 0", name="max_attempts"),
    )

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    description: Mapped[str] = mapped_column(String(2000), default="")
    queue: Mapped[str | None] = mapped_column(String(100))
    priority: Mapped[str] = mapped_column(String(10), default="normal")
    timeout_s: Mapped[int | None]
    max_attempts: Mapped[int | None]
    max_crashes: Mapped[int | None]
    backoff: Mapped[dict[str, Any] | None] = mapped_column(Json)
    on_lost: Mapped[str] = mapped_column(String(10), default="retry")
    limit_key: Mapped[str | None] = mapped_column(String(500))  # JMESPath over the payload, as is the next
    fairness_key: Mapped[str | None] = mapped_column(String(500))
    push: Mapped[dict[str, Any] | None] = mapped_column(Json)  # where its tasks are posted; null: nowhere
    push_keys: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)  # ids of the secrets that sign, newest first
    schema_version: Mapped[int]  # the CommandSchema that new tasks are checked against
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)

    __mapper_args__ = {"version_id_col": version}


class CommandSchema(Model):
    """One version of a command's schemas. It stays as it is: tasks keep the version they were checked against."""

    __tablename__ = "command_schema"

    command: Mapped[str] = mapped_column(String(100), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    payload_schema: Mapped[Any | None] = mapped_column(Json)
    result_schema: Mapped[Any | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)


# One row. Raised with every change of the catalogue, so that each process knows when what it holds in memory is old.
catalogue = Table(
    "catalogue",
    Base.metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", Integer, nullable=False),
)
