"""What schedules have made."""

from typing import Any

from sqlalchemy import select

from taskyard.core.db import Database
from taskyard.queue.tables import task
from taskyard.schedules.models import ScheduleRun


class Made:
    """Looks into the tables that schedules write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def tasks(self, name: str = "s") -> list[Any]:
        with self._database.read.connect() as connection:
            return list(connection.execute(select(task).where(task.c.schedule == name).order_by(task.c.id)))

    def runs(self, name: str = "s") -> list[tuple[str, str | None]]:
        """Hour and minute of each due time that was dealt with, and why it became no task."""
        query = select(ScheduleRun).where(ScheduleRun.schedule == name).order_by(ScheduleRun.due_at)
        with self._database.read.connect() as connection:
            rows = list(connection.execute(query))
        assert all((row.task_id is None) == (row.reason is not None) for row in rows)
        return [(f"{row.due_at:%H:%M}", row.reason) for row in rows]
