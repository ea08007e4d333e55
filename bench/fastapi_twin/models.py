"""The tables that both forms use, as ORM models; Taskyard's migrations make them."""

from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import BigInteger, Dialect, ForeignKey, SmallInteger, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from taskyard.core.ids import new_id
from taskyard.core.types import Id, Instant, Json

PRIORITIES = ("high", "normal", "low")  # by lane


class Base(DeclarativeBase):
    """Columns are typed as Taskyard types them, so that both read and write the same rows."""


class AnyJson(TypeDecorator[Any]):
    """JSON text in which `null` is a value too."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str:
        return orjson.dumps(value).decode()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        return orjson.loads(value)


class User(Base):
    __tablename__ = "user"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    role: Mapped[str] = mapped_column(String(20))


class Key(Base):
    __tablename__ = "key"

    id: Mapped[str] = mapped_column(Id, primary_key=True)
    user_id: Mapped[str] = mapped_column(Id, ForeignKey("user.id"))
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)
    user: Mapped[User] = relationship(lazy="raise")


class Lease(Base):
    __tablename__ = "lease"

    task_id: Mapped[str] = mapped_column(Id, primary_key=True)
    fence: Mapped[str] = mapped_column("token", String(43))
    attempt: Mapped[int]
    queue: Mapped[str] = mapped_column(String(100))
    lane: Mapped[int] = mapped_column(SmallInteger)
    worker: Mapped[str] = mapped_column(String(200))
    holder_id: Mapped[str] = mapped_column(Id)
    claim_id: Mapped[str | None] = mapped_column(String(100))
    started_at: Mapped[datetime] = mapped_column("leased_at", Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    cancel_requested_at: Mapped[datetime | None] = mapped_column("cancel_at", Instant)
    progress: Mapped[int | None] = mapped_column(SmallInteger)
    note: Mapped[str | None] = mapped_column(String(500))
    log: Mapped[str] = mapped_column(Text, default="")


class Attempt(Base):
    __tablename__ = "attempt"

    task_id: Mapped[str] = mapped_column(Id, primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    worker: Mapped[str] = mapped_column(String(200))
    started_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime] = mapped_column(Instant)
    outcome: Mapped[str] = mapped_column(String(10))
    error: Mapped[Any | None] = mapped_column(Json)
    log: Mapped[str] = mapped_column(Text)


class Tag(Base):
    __tablename__ = "task_tag"

    tag: Mapped[str] = mapped_column(String(100), primary_key=True)
    task_id: Mapped[str] = mapped_column(Id, ForeignKey("task.id"), primary_key=True)


class Task(Base):
    __tablename__ = "task"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(Id)
    command: Mapped[str] = mapped_column(String(100))
    command_version: Mapped[int | None]
    queue: Mapped[str] = mapped_column(String(100))
    lane: Mapped[int] = mapped_column(SmallInteger)
    payload: Mapped[Any] = mapped_column(AnyJson)
    tags: Mapped[list[str]] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(Instant)
    run_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    timeout_s: Mapped[int]
    max_attempts: Mapped[int]
    max_crashes: Mapped[int | None]
    backoff: Mapped[Any | None] = mapped_column(Json)
    retry_until: Mapped[datetime | None] = mapped_column(Instant)
    on_lost: Mapped[str] = mapped_column(String(10), default="retry")
    claims: Mapped[int] = mapped_column("attempts", default=0)
    failures: Mapped[int] = mapped_column(default=0)
    crashes: Mapped[int] = mapped_column(default=0)
    outcome: Mapped[str | None] = mapped_column(String(10))
    result: Mapped[Any | None] = mapped_column(Json)
    error: Mapped[Any | None] = mapped_column(Json)
    fingerprint: Mapped[str | None] = mapped_column(String(16))
    unique_key: Mapped[str | None] = mapped_column(String(200))
    limit_key: Mapped[str | None] = mapped_column(String(100))
    fairness_key: Mapped[str | None] = mapped_column(String(100))
    schedule: Mapped[str | None] = mapped_column(String(100))
    awaited: Mapped[list[str] | None] = mapped_column("after", Json)
    on_failure: Mapped[str | None] = mapped_column(String(10))
    group_id: Mapped[str | None] = mapped_column(Id)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    done_by: Mapped[str | None] = mapped_column(String(200))
    begun_at: Mapped[datetime | None] = mapped_column(Instant)
    labels: Mapped[list[Tag]] = relationship(lazy="raise")  # what is searched; `tags` is what is shown
    lease: Mapped[Lease | None] = relationship(
        primaryjoin="foreign(Lease.task_id) == Task.id", lazy="joined", uselist=False, passive_deletes="all"
    )

    @property
    def after(self) -> list[str]:
        return self.awaited or []

    @property
    def priority(self) -> str:
        return PRIORITIES[self.lane]

    @property
    def attempts(self) -> int:
        return self.lease.attempt if self.lease else self.claims

    @property
    def status(self) -> str:
        if self.outcome is not None:
            return self.outcome
        if self.lease is not None:
            return "running"
        return "scheduled" if self.run_at > datetime.now(UTC) else "queued"


class Ready(Base):
    __tablename__ = "ready"

    task_id: Mapped[str] = mapped_column(Id, primary_key=True)
    queue: Mapped[str] = mapped_column(String(100))
    lane: Mapped[int] = mapped_column(SmallInteger)
    turn: Mapped[int] = mapped_column("pass", BigInteger, default=0)
    seq: Mapped[int] = mapped_column(BigInteger)
    attempts: Mapped[int] = mapped_column(default=0)


class Scheduled(Base):
    __tablename__ = "scheduled"

    task_id: Mapped[str] = mapped_column(Id, primary_key=True)
    run_at: Mapped[datetime] = mapped_column(Instant)
    queue: Mapped[str] = mapped_column(String(100))
    lane: Mapped[int] = mapped_column(SmallInteger)
    attempts: Mapped[int] = mapped_column(default=0)
