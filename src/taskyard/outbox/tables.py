"""Deliveries and what decides when they go out.

`gate` is the one row that is locked to claim, to settle or to add deliveries of an endpoint: its lanes, and the status
of its deliveries, change under that lock only. So whoever holds it may work out `next_due` from what it reads.
"""

from enum import IntEnum, StrEnum

from sqlalchemy import (
    CheckConstraint,
    Column,
    ColumnElement,
    Float,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    literal_column,
    text,
)

from taskyard.core.db import Base
from taskyard.core.types import Id, Instant, Json


class Status(StrEnum):
    WAITING = "waiting"
    BLOCKED = "blocked"  # an earlier delivery of its key is still open
    SENDING = "sending"
    DELIVERED = "delivered"
    FAILED = "failed"
    HELD = "held"


OPEN = (Status.WAITING, Status.BLOCKED, Status.SENDING)


class Kind(IntEnum):
    """The lanes of an endpoint."""

    FIRST = 0
    RETRY = 1
    REPLAY = 2


def _only(condition: str, name: str, *columns: str) -> Index:
    """An index on the rows that a sweep looks for, and no others."""
    return Index(name, *columns, sqlite_where=text(condition), postgresql_where=text(condition))


delivery = Table(
    "delivery",
    Base.metadata,
    Column("id", Id, primary_key=True),
    Column("event_id", Id, ForeignKey("event.id", ondelete="CASCADE"), nullable=False),
    Column("endpoint_id", Id, ForeignKey("endpoint.id", ondelete="CASCADE"), nullable=False),
    Column("status", String(10), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("due_at", Instant, nullable=False),
    Column("order_key", String(200)),  # null: in no order
    Column("tries", Integer, nullable=False, server_default="0"),  # requests that were made
    Column("charged", Integer, nullable=False, server_default="0"),  # those that count against the schedule
    Column("error", String(40)),  # the class of the last try's failure, or why it is held
    Column("fence", String(32)),
    Column("leased_until", Instant),
    Column("created_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    Column("finished_at", Instant),
    CheckConstraint("status IN ('waiting', 'blocked', 'sending', 'delivered', 'failed', 'held')", name="status"),
    CheckConstraint("(status = 'sending') = (fence IS NOT NULL)", name="fence"),
    CheckConstraint("(status IN ('delivered', 'failed', 'held')) = (finished_at IS NOT NULL)", name="finished_at"),
    CheckConstraint("lane BETWEEN 0 AND 2", name="lane"),
    Index("ux_delivery_event", "event_id", "endpoint_id", unique=True),
    Index(None, "endpoint_id", "id"),
    _only("status = 'waiting'", "ix_delivery_due", "endpoint_id", "lane", "due_at", "id"),
    _only("status = 'sending'", "ix_delivery_leased", "leased_until"),
    _only("status IN ('waiting', 'blocked')", "ix_delivery_deadline", "deadline_at"),
    _only("order_key IS NOT NULL AND finished_at IS NULL", "ix_delivery_order", "endpoint_id", "order_key", "event_id"),
    _only("finished_at IS NOT NULL", "ix_delivery_finished", "finished_at"),
)

delivery_attempt = Table(
    "delivery_attempt",
    Base.metadata,
    Column("delivery_id", Id, ForeignKey("delivery.id", ondelete="CASCADE"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("started_at", Instant, nullable=False, index=True),
    Column("status", Integer),  # null: no answer came
    Column("error", String(40)),  # its class
    Column("charged", Integer, nullable=False),  # 1: it counts against the schedule
    Column("phases", Json, nullable=False),  # milliseconds, by name
    Column("headers", Json, nullable=False),  # of the answer: pairs
    Column("body", Text, nullable=False),  # the beginning of the answer's
    Column("signed_with", Json, nullable=False),  # ids of secrets
)

gate = Table(
    "gate",
    Base.metadata,
    Column("endpoint_id", Id, ForeignKey("endpoint.id", ondelete="CASCADE"), primary_key=True),
    Column("in_flight", Integer, nullable=False, server_default="0"),
    Column("cap", Integer),  # of in_flight after a breakdown; null: only the endpoint's own
    Column("tokens", Float, nullable=False, server_default="0"),
    Column("refilled_at", Instant, nullable=False),
    Column("failures", Integer, nullable=False, server_default="0"),  # one after the other
    Column("failing_since", Instant),
    Column("opened_at", Instant),  # the breaker is open
    Column("probe_s", Integer, nullable=False, server_default="0"),  # the pause before the last probe
    Column("hold_until", Instant),  # nothing goes out before
    Column("last_error", String(40)),
    Column("delivered_at", Instant),  # the last success
)

lane = Table(
    "lane",
    Base.metadata,
    Column("endpoint_id", Id, ForeignKey("endpoint.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", SmallInteger, primary_key=True),
    Column("next_due", Instant),  # null: nothing waits in it
    Column("in_flight", Integer, nullable=False, server_default="0"),
    _only("next_due IS NOT NULL", "ix_lane_next_due", "kind", "next_due"),
)


def stands_at(*statuses: Status) -> ColumnElement[bool]:
    """Whether a delivery has one of these, told in the statement itself: of a parameter no planner knows that it is
    what an index of some statuses is made for."""
    told: list[ColumnElement[str]] = [literal_column(f"'{one.value}'") for one in statuses]
    return delivery.c.status == told[0] if len(told) == 1 else delivery.c.status.in_(told)
