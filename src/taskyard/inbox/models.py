"""Where webhooks come in, and what has come."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, Column, ForeignKey, Index, Integer, LargeBinary, String, Table, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from taskyard.core import clock
from taskyard.core.db import Base, Model
from taskyard.core.ids import new_id
from taskyard.core.types import Id, Instant, Json
from taskyard.inbox import keyring
from taskyard.inbox.handshake import verify_token
from taskyard.inbox.presets import PRESETS, Handshake

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")  # of a source


class Source(Model):
    """A place that receives webhooks. Its name is in the path, so it is unique over all owners."""

    __tablename__ = "source"

    name: Mapped[str] = mapped_column(String(100), primary_key=True)
    id: Mapped[str] = mapped_column(Id, unique=True, default=new_id)  # its own also where the name is used again
    owner_id: Mapped[str] = mapped_column(Id, index=True)
    description: Mapped[str] = mapped_column(String(2000), default="")
    preset: Mapped[str] = mapped_column(String(50))
    scheme: Mapped[dict[str, Any] | None] = mapped_column(Json)  # knobs of its own; null: those of the preset
    secrets: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # as secrets.py keeps them
    routes: Mapped[list[dict[str, Any]]] = mapped_column(Json)  # loaded RouteIns
    event_type: Mapped[str | None] = mapped_column(String(2000))  # an expression; null: as the preset says
    dedupe: Mapped[dict[str, Any]] = mapped_column(Json)
    max_body: Mapped[int] = mapped_column(Integer)
    rate: Mapped[dict[str, Any] | None] = mapped_column(Json)
    networks: Mapped[list[str]] = mapped_column(Json)
    respond: Mapped[dict[str, Any] | None] = mapped_column(Json)
    version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(Instant, default=clock.now)
    updated_at: Mapped[datetime] = mapped_column(Instant, default=clock.now, onupdate=clock.now)

    __mapper_args__ = {"version_id_col": version}

    @property
    def path(self) -> str:
        """Where it listens."""
        return f"/hooks/{self.name}"

    @property
    def secrets_shown(self) -> list[dict[str, Any]]:
        return keyring.shown(self.secrets)

    @property
    def verify_token(self) -> str | None:
        """What Meta is to be told, and asks with."""
        preset = PRESETS.get(self.preset)
        if preset is None or preset.handshake is not Handshake.META_CHALLENGE or not self.secrets:
            return None
        return verify_token(keyring.opened(self.secrets)[0][1])


# Append-only but for what verifying and replaying change. Sources and owners are no foreign keys: a request outlives
# its source, and their check would cost every request.
request = Table(
    "request",
    Base.metadata,
    Column("id", Id, primary_key=True),
    Column("source_id", Id, nullable=False),
    Column("source", String(100), nullable=False),
    Column("owner_id", Id, nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("peer", String(100), nullable=False),  # the address it came from
    Column("method", String(20), nullable=False),
    Column("path", Text, nullable=False),  # beyond /hooks/{name}, percent-encoded
    Column("query", Text, nullable=False),
    Column("headers", Json, nullable=False),  # [name, value] as received, in order
    Column("body", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),  # of the body in bytes; more than is kept of one that was too large
    Column("verdict", String(10), nullable=False),
    Column("reason", String(50)),  # why it was rejected
    Column("detail", String(1000)),  # the same as a sentence
    Column("faults", Json),  # why it could not be routed
    Column("event_type", String(200)),
    Column("dedupe_key", String(255)),
    Column("secret_id", String(36)),  # the secret that it was signed with
    CheckConstraint("verdict IN ('routed', 'unrouted', 'unroutable', 'answered', 'rejected')", name="verdict"),
    Index(None, "owner_id", "id"),
    Index(None, "owner_id", "verdict", "id"),
    Index(None, "source", "id"),
    Index(None, "received_at"),
    Index(
        "ix_request_rejected",
        "source_id",
        "id",
        "size",
        sqlite_where=text("verdict = 'rejected'"),
        postgresql_where=text("verdict = 'rejected'"),
    ),
)

# The tasks that a request has become, and again with each replay.
request_task = Table(
    "request_task",
    Base.metadata,
    Column("request_id", Id, ForeignKey("request.id", ondelete="CASCADE"), primary_key=True),
    Column("task_id", Id, primary_key=True),
    Column("route", Integer, nullable=False),  # its place among the routes then
)

# The primary key decides between two requests with the same key that come at once.
request_key = Table(
    "request_key",
    Base.metadata,
    Column("source_id", Id, primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("request_id", Id, nullable=False),
    Column("until", Instant, nullable=False, index=True),
)
