"""The tables of the queue, by temperature: `task` is cold, `ready` and `lease` are what a claim touches.

Timestamps are the database's. `seq` is the microsecond at which a task became ready, made to grow within a process.
Owners and commands are no foreign keys: their check would lock the parent's row at every enqueue, and a task outlives
both.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    false,
    text,
)

from taskyard.core.db import Base
from taskyard.core.types import Id, Instant, Json

task = Table(
    "task",
    Base.metadata,
    Column("id", Id, primary_key=True),
    Column("owner_id", Id, nullable=False),
    Column("command", String(100), nullable=False),
    Column("command_version", Integer),  # the schemas it was checked against; null: not in the catalogue
    Column("queue", String(100), nullable=False),
    Column("lane", SmallInteger, nullable=False),  # 0 high, 1 normal, 2 low
    Column("payload", Text, nullable=False),  # JSON
    Column("tags", Json, nullable=False),  # what is shown; `task_tag` is what is searched
    Column("created_at", Instant, nullable=False),
    Column("run_at", Instant, nullable=False),  # not before
    Column("expires_at", Instant),  # no longer worth starting from then on
    Column("timeout_s", Integer, nullable=False),  # of one attempt
    Column("max_attempts", Integer, nullable=False),
    Column("backoff", Json),  # null: the default
    Column("retry_until", Instant),  # no retry begins after it
    Column("max_crashes", Integer),  # null: the default
    Column("on_lost", String(10), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),  # claims that have ended
    Column("failures", Integer, nullable=False, server_default="0"),  # those that count against max_attempts
    Column("crashes", Integer, nullable=False, server_default="0"),  # those whose worker was lost
    Column("outcome", String(10)),  # null while it is open
    Column("result", Text),  # JSON
    Column("error", Text),  # JSON: of the last attempt that failed
    Column("fingerprint", String(16)),  # what is alike in that error, where the task is dead of it
    Column("unique_key", String(200)),  # its row in `unique_key`, while it has one
    Column("limit_key", String(100)),  # what counts together against a limit (limit_tables.py)
    Column("fairness_key", String(100)),  # whose share of the queue it takes from
    Column("schedule", String(100)),  # the schedule that made it
    Column("finished_at", Instant),
    # Of the attempt that succeeded, where it left no log: then it has no row in `attempt`.
    Column("done_by", String(200)),
    Column("begun_at", Instant),
    Column("after", Json),  # the tasks it waited for; `dependency` holds those it waits for now
    Column("on_failure", String(10)),  # what becomes of it where one of those does not succeed
    Column("blocked", Boolean),  # true while its row in `blocked` is there
    Column("followed", Boolean, nullable=False, server_default=false()),  # a task was to wait for it: look for it then
    Column("group_id", Id),
    CheckConstraint("outcome IN ('succeeded', 'failed', 'cancelled', 'expired', 'lost')", name="outcome"),
    CheckConstraint("(outcome IS NULL) = (finished_at IS NULL)", name="finished_at"),
    CheckConstraint("lane BETWEEN 0 AND 2", name="lane"),
    CheckConstraint("on_lost IN ('retry', 'hold', 'fail')", name="on_lost"),
    Index(None, "owner_id", "id"),
    Index(None, "command", "id"),
    Index(None, "queue", "id"),
    Index(None, "outcome", "id"),
    Index(
        "ix_task_fingerprint",
        "fingerprint",
        "id",
        sqlite_where=text("fingerprint IS NOT NULL"),
        postgresql_where=text("fingerprint IS NOT NULL"),
    ),
    Index(
        "ix_task_owner_id_fingerprint",
        "owner_id",
        "fingerprint",
        "id",
        sqlite_where=text("fingerprint IS NOT NULL"),
        postgresql_where=text("fingerprint IS NOT NULL"),
    ),
    Index(
        "ix_task_finished_at",  # what is kept for a time is removed in this order
        "outcome",
        "finished_at",
        sqlite_where=text("outcome IS NOT NULL"),
        postgresql_where=text("outcome IS NOT NULL"),
    ),
    Index(
        "ix_task_group_id",
        "group_id",
        "id",
        sqlite_where=text("group_id IS NOT NULL"),
        postgresql_where=text("group_id IS NOT NULL"),
    ),
    Index(
        "ix_task_schedule",  # whether an earlier run is still open
        "schedule",
        sqlite_where=text("schedule IS NOT NULL AND outcome IS NULL"),
        postgresql_where=text("schedule IS NOT NULL AND outcome IS NULL"),
    ),
    Index(
        "ix_task_expires_at",
        "expires_at",
        sqlite_where=text("outcome IS NULL AND expires_at IS NOT NULL"),
        postgresql_where=text("outcome IS NULL AND expires_at IS NOT NULL"),
    ),
)

task_tag = Table(
    "task_tag",
    Base.metadata,
    Column("tag", String(100), primary_key=True),
    Column("task_id", Id, ForeignKey("task.id", ondelete="CASCADE"), primary_key=True),
    Index(None, "task_id"),
)

ready = Table(
    "ready",
    Base.metadata,
    Column("task_id", Id, primary_key=True),
    Column("queue", String(100), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("pass", BigInteger, nullable=False, server_default="0"),  # fairness; 0 where there is none
    Column("seq", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("limit_key", String(100)),
    Column("fairness_key", String(100)),
    Index("ix_ready_order", "queue", "lane", "pass", "seq"),
    # Fair lines are not ordered by age; the others need no second index to be asked for their oldest.
    Index("ix_ready_shared", "queue", "seq", sqlite_where=text("pass > 0"), postgresql_where=text("pass > 0")),
)

scheduled = Table(
    "scheduled",
    Base.metadata,
    Column("task_id", Id, primary_key=True),
    Column("run_at", Instant, nullable=False, index=True),
    Column("queue", String(100), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("limit_key", String(100)),
    Column("fairness_key", String(100)),
    Index(None, "queue", "run_at"),
)

lease = Table(
    "lease",
    Base.metadata,
    Column("task_id", Id, primary_key=True),
    Column("token", String(43), nullable=False),  # the fence
    Column("attempt", Integer, nullable=False),
    Column("queue", String(100), nullable=False),
    Column("lane", SmallInteger, nullable=False),
    Column("worker", String(200), nullable=False),
    Column("holder_id", Id, nullable=False),  # the user who claimed
    Column("claim_id", String(100)),
    Column("leased_at", Instant, nullable=False),
    Column("expires_at", Instant, nullable=False, index=True),
    Column("beat_at", Instant),  # the last heartbeat
    Column("cancel_at", Instant),  # when its cancellation was asked for
    Column("progress", SmallInteger),  # percent
    Column("note", String(500)),
    Column("log", Text, nullable=False, server_default=""),
    Column("limit_key", String(100)),
    Column("fairness_key", String(100)),
    Index(None, "queue", "limit_key"),  # what runs of a queue or a key is counted here
    Index(
        "ix_lease_claim_id",
        "claim_id",
        "holder_id",
        sqlite_where=text("claim_id IS NOT NULL"),
        postgresql_where=text("claim_id IS NOT NULL"),
    ),
)

attempt = Table(
    "attempt",
    Base.metadata,
    Column("task_id", Id, primary_key=True),  # no foreign key: whoever deletes a task deletes its attempts
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("worker", String(200), nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=False),
    Column("outcome", String(10), nullable=False),
    Column("error", Text),  # JSON
    Column("log", Text, nullable=False, server_default=""),
    CheckConstraint("outcome IN ('succeeded', 'failed', 'released', 'cancelled', 'lost')", name="outcome"),
)

# One row holds a business key for one task; its primary key decides between two that come at once.
unique_key = Table(
    "unique_key",
    Base.metadata,
    Column("owner_id", Id, primary_key=True),
    Column("key", String(200), primary_key=True),
    # Deferred, as the key is got before the task is stored. Whoever deletes a task lets its key go.
    Column(
        "task_id",
        Id,
        ForeignKey("task.id", ondelete="CASCADE", deferrable=True, initially="DEFERRED"),
        nullable=False,
        index=True,
    ),
    Column("statuses", Json, nullable=False),  # it is held while the task has one of these
    Column("until", Instant),  # and until then at the least
)

# Only queues that somebody has set something of; all others are open.
queue = Table(
    "queue",
    Base.metadata,
    Column("name", String(100), primary_key=True),
    Column("paused_at", Instant),  # no claims
    Column("closed_at", Instant),  # no new tasks
    Column("limited", Boolean, nullable=False, server_default=false()),  # a limit of it or of a key in it is set
    Column("fair", Boolean, nullable=False, server_default=false()),  # a task came with a fairness key
    Column("max_running", Integer),
    Column("rate_count", Integer),
    Column("rate_per_s", Integer),
    Column("key_max_running", Integer),  # of each limit key that has none of its own
    Column("key_rate_count", Integer),
    Column("key_rate_per_s", Integer),
    Column("weights", Json),  # of fairness keys; null: all weigh 1
    Column("version", Integer, nullable=False, server_default="1"),
    Column("created_at", Instant, nullable=False),
    Column("updated_at", Instant, nullable=False),
)

worker = Table(
    "worker",
    Base.metadata,
    Column("holder_id", Id, primary_key=True),  # the user it claims as
    Column("name", String(200), primary_key=True),
    Column("id", Id, nullable=False, unique=True),  # what stands in paths: a name may hold anything
    Column("queues", Json, nullable=False),  # that it asked for lately, each with when it did
    Column("seen_at", Instant, nullable=False, index=True),
    Column("drain_at", Instant),  # since when it gets nothing more
    Index(
        "ix_worker_drain_at",
        "drain_at",
        sqlite_where=text("drain_at IS NOT NULL"),
        postgresql_where=text("drain_at IS NOT NULL"),
    ),
)
