"""Operations: one deed on all tasks that a filter finds, done in slices by the dispatcher."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, String
from sqlalchemy.orm import Mapped, mapped_column

from taskyard.core import clock
from taskyard.core.db import Model
from taskyard.core.ids import new_id
from taskyard.core.types import Id, Instant, Json


class Operation(Model):
    """A durable job over many tasks."""

    __tablename__ = "operation"
    __table_args__ = (
        CheckConstraint("action IN ('retry', 'cancel', 'delete', 'move')", name="action"),
        CheckConstraint("state IN ('running', 'paused', 'done', 'cancelled')", name="state"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(Id, index=True)
    action: Mapped[str] = mapped_column(String(10))
    filter: Mapped[dict[str, Any]] = mapped_column(Json)
    arguments: Mapped[dict[str, Any]] = mapped_column(Json)  # the patch of a retry, the queue of a move
    state: Mapped[str] = mapped_column(String(10), default="running", index=True)
    above_id: Mapped[str | None] = mapped_column(Id)  # how far it has come: tasks above this id are still to be done
    below_id: Mapped[str | None] = mapped_column(Id)  # the same from the other end, by versions that began there
    from_id: Mapped[str] = mapped_column(Id)  # tasks made later than the operation are left alone
    matched: Mapped[int] = mapped_column(default=0)
    changed: Mapped[int] = mapped_column(default=0)
    refused: Mapped[int] = mapped_column(default=0)  # their state did not allow it, or the patch does not fit
    faults: Mapped[list[Any]] = mapped_column(Json, default=list)  # of the first that were refused
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
