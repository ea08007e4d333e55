"""The tables of limits and fairness. What uses neither reads and writes none of them."""

from sqlalchemy import BigInteger, Column, Index, Integer, SmallInteger, String, Table, text

from taskyard.core.db import Base
from taskyard.core.types import Id, Instant, Json

# What a claim found over its limit: out of the line, so that it is in nobody's way.
parked = Table(
    "parked",
    Base.metadata,
    Column("task_id", Id, primary_key=True),
    Column("queue", String(100), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("pass", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("limit_key", String(100), nullable=False),
    Column("fairness_key", String(100)),
    Index("ix_parked_order", "queue", "limit_key", "lane", "pass", "seq"),
    Index("ix_parked_share", "queue", "limit_key", "lane", "fairness_key", "pass", "seq"),
    Index("ix_parked_age", "queue", "limit_key", "lane", "seq"),
    Index(None, "queue", "seq"),
)

# A key with limits of its own, or whose starts are counted; the key "" is the queue as a whole. How many tasks run is
# written nowhere: it is counted among the leases.
limit_key = Table(
    "limit_key",
    Base.metadata,
    Column("queue", String(100), primary_key=True),
    Column("key", String(100), primary_key=True),
    Column("max_running", Integer),
    Column("rate_count", Integer),
    Column("rate_per_s", Integer),
    Column("paused_at", Instant),
    Column("version", Integer, nullable=False, server_default="0"),  # 0: nothing was set of it
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
    Column("starts", Json),  # the latest, as window.py counts them
    Column("used_at", Instant),  # when what is counted here was last written
    Column("wake_at", Instant),  # when parked tasks of it are looked at again; of "": when the queue is
    Index(
        "ix_limit_key_wake_at",
        "wake_at",
        sqlite_where=text("wake_at IS NOT NULL"),
        postgresql_where=text("wake_at IS NOT NULL"),
    ),
)

# How far a fairness key has got in a line; one that has no row, or an older pass, stands where the line's head does.
share = Table(
    "share",
    Base.metadata,
    Column("queue", String(100), primary_key=True),
    Column("lane", SmallInteger, primary_key=True, autoincrement=False),
    Column("key", String(100), primary_key=True),
    Column("pass", BigInteger, nullable=False),
    Index(None, "queue", "lane", "pass"),
)
