"""Endpoints, their secrets and replays: what somebody has configured."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from taskyard.core import clock
from taskyard.core.db import Model
from taskyard.core.ids import new_id
from taskyard.core.types import Id, Instant, Json


class Endpoint(Model):
    """A subscriber's URL, and how it wants its events."""

    __tablename__ = "endpoint"
    __table_args__ = (
        CheckConstraint("ordering IN ('none', 'key', 'strict')", name="ordering"),
        CheckConstraint("concurrency BETWEEN 1 AND 100", name="concurrency"),
        CheckConstraint("timeout_s BETWEEN 1 AND 60", name="timeout_s"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    owner_id: Mapped[str] = mapped_column(Id, index=True)
    url: Mapped[str] = mapped_column(String(2048))
    description: Mapped[str] = mapped_column(String(2000), default="")
    event_types: Mapped[list[str]] = mapped_column(Json)  # patterns
    every_owner: Mapped[bool] = mapped_column(default=False)  # a moderator's: events of all users
    filter: Mapped[str | None] = mapped_column(String(1000))  # JMESPath over the event; null: all
    allow: Mapped[list[str]] = mapped_column(Json, default=list, server_default="[]")  # beyond what the settings do
    headers: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    retry_delays_s: Mapped[list[float] | None] = mapped_column(Json)  # null: the default
    timeout_s: Mapped[int] = mapped_column(Integer, default=15)
    concurrency: Mapped[int] = mapped_column(Integer, default=8)
    rate_per_s: Mapped[float | None] = mapped_column(Float)
    ordering: Mapped[str] = mapped_column(String(10), default="none")
    paused_at: Mapped[datetime | None] = mapped_column(Instant)
    disabled_at: Mapped[datetime | None] = mapped_column(Instant)
    disabled_reason: Mapped[str | None] = mapped_column(String(500))
    deleted_at: Mapped[datetime | None] = mapped_column(Instant, index=True)  # its deliveries go first, in slices
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)

    __mapper_args__ = {"version_id_col": version}


class EndpointSecret(Model):
    """What signs an endpoint's deliveries while it lives. Only outbox/secrets.py reads `value`."""

    __tablename__ = "endpoint_secret"
    __table_args__ = (CheckConstraint("kind IN ('hmac', 'ed25519')", name="kind"),)

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoint.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10))
    value: Mapped[str] = mapped_column(String(200))  # whsec_… or whsk_…
    public_key: Mapped[str | None] = mapped_column(String(200))  # whpk_…, what verifies an ed25519 signature
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)


class Replay(Model):
    """A durable job: events are delivered to an endpoint once more, or now that it is there."""

    __tablename__ = "replay"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'paused', 'done', 'cancelled')", name="state"),
        CheckConstraint("which IN ('undelivered', 'all')", name="which"),
    )

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    endpoint_id: Mapped[str] = mapped_column(ForeignKey("endpoint.id", ondelete="CASCADE"), index=True)
    since: Mapped[datetime] = mapped_column(Instant)
    until: Mapped[datetime] = mapped_column(Instant)
    which: Mapped[str] = mapped_column(String(20), default="undelivered")
    event_types: Mapped[list[str] | None] = mapped_column(Json)  # patterns; null: those of the endpoint
    filter: Mapped[str | None] = mapped_column(Text)
    rate_per_s: Mapped[float] = mapped_column(Float)  # events taken up a second
    state: Mapped[str] = mapped_column(String(10), default="running", index=True)
    after_at: Mapped[datetime | None] = mapped_column(Instant)  # the cursor: how far it has come
    after_id: Mapped[str | None] = mapped_column(Id)
    seen: Mapped[int] = mapped_column(Integer, default=0)  # events that were looked at
    replayed: Mapped[int] = mapped_column(Integer, default=0)  # of those, that go out again
    next_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)  # when its next slice is due
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
