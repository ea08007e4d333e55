"""Events, those that still have to be fanned out, and who asks for which.

Who publishes knows only `subscription`; what a subscriber is, the packages above know. Owners are no foreign keys, as
in the queue.
"""

from sqlalchemy import Column, ForeignKey, Index, String, Table, Text

from taskyard.core.db import Base
from taskyard.core.ids import NIL
from taskyard.core.types import Id, Instant

# Stands for every owner in a subscription: it hears what happens to all of them.
EVERYONE = NIL

event = Table(
    "event",
    Base.metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("type", String(100), nullable=False),
    Column("key", String(200)),  # events of one key can be delivered in order
    Column("data", Text, nullable=False),  # JSON
    Column("created_at", Instant, nullable=False),
    Index(None, "owner_id", "created_at", "id"),
    Index(None, "created_at", "id"),
)

# Insert and delete only, so that what has been fanned out is never looked at again.
pending_event = Table(
    "pending_event",
    Base.metadata,
    Column("event_id", Id, ForeignKey("event.id", ondelete="CASCADE"), primary_key=True),
)

subscription = Table(
    "subscription",
    Base.metadata,
    Column("owner_id", Id, primary_key=True),  # whose events; EVERYONE for all
    Column("type", String(100), primary_key=True),  # exact, or `task.*`, or `*`
    Column("subscriber_id", Id, primary_key=True),
    Index(None, "subscriber_id"),
)
