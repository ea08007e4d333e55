"""Schedules, and which task each due time has become."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from taskyard.core import clock
from taskyard.core.db import Model
from taskyard.core.types import Id, Instant, Json


class Schedule(Model):
    """When to submit which task."""

    __tablename__ = "schedule"
    __table_args__ = (
        CheckConstraint("missed IN ('skip', 'once', 'all')", name="missed"),
        CheckConstraint("overlap IN ('allow', 'skip', 'queue')", name="overlap"),
    )

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    owner_id: Mapped[str] = mapped_column(Id, index=True)
    description: Mapped[str] = mapped_column(String(2000), default="")
    cron: Mapped[str] = mapped_column(String(200))
    time_zone: Mapped[str] = mapped_column(String(100), default="UTC")
    task: Mapped[dict[str, Any]] = mapped_column(Json)  # a loaded ScheduledTask
    missed: Mapped[str] = mapped_column(String(10), default="once")
    missed_limit: Mapped[int] = mapped_column(Integer, default=10)  # how many of `all`
    overlap: Mapped[str] = mapped_column(String(10), default="allow")
    jitter_s: Mapped[int] = mapped_column(Integer, default=0)
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    pause_reason: Mapped[str | None] = mapped_column(String(500))  # where Taskyard itself has paused it
    next_at: Mapped[datetime | None] = mapped_column(Instant, index=True)  # null: paused, or never again
    waiting_at: Mapped[datetime | None] = mapped_column(Instant, index=True)  # due, but the last task is still open
    last_at: Mapped[datetime | None] = mapped_column(Instant)  # the due time of its last task
    last_task_id: Mapped[str | None] = mapped_column(Id)
    last_error: Mapped[str | None] = mapped_column(String(500))  # why the last due time became no task
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)

    __mapper_args__ = {"version_id_col": version}


class ScheduleRun(Model):
    """A due time that has been dealt with. Its primary key lets one dispatcher of many do it."""

    __tablename__ = "schedule_run"

    schedule: Mapped[str] = mapped_column(ForeignKey("schedule.name", ondelete="CASCADE"), primary_key=True)
    due_at: Mapped[datetime] = mapped_column(Instant, primary_key=True)
    task_id: Mapped[str | None] = mapped_column(Id)  # null: it became none
    reason: Mapped[str | None] = mapped_column(String(500))  # why it became none
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, index=True)
