"""What is known of a task when somebody asks why it does not run, and the reasons there may be."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from taskyard.queue.keys import KeyState
from taskyard.queue.lifecycle import Status
from taskyard.queue.overview import Tally


class Code(StrEnum):
    WAITS_FOR = "waits_for"
    SCHEDULED = "scheduled"
    RETRY_WAITING = "retry_waiting"
    DUE = "due"
    DISPATCHER_LATE = "dispatcher_late"
    QUEUE_PAUSED = "queue_paused"
    QUEUE_CLOSED = "queue_closed"
    NO_WORKER = "no_worker"
    NO_DISPATCHER = "no_dispatcher"
    NOT_PUSHED = "not_pushed"
    PUSH_LIMIT = "push_limit"
    RECEIVER_BUSY = "receiver_busy"
    QUEUE_LIMIT = "queue_limit"
    QUEUE_RATE = "queue_rate"
    KEY_LIMIT = "key_limit"
    KEY_RATE = "key_rate"
    KEY_PAUSED = "key_paused"
    TASKS_AHEAD = "tasks_ahead"
    NEXT_IN_LINE = "next_in_line"
    EXPIRES = "expires"
    RUNNING = "running"
    CANCELLING = "cancelling"
    LEASE_OVER = "lease_over"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Reason:
    code: Code
    detail: str
    action: str


@dataclass(frozen=True, slots=True)
class Running:
    """The lease of the attempt under way."""

    worker: str
    attempt: int
    since: datetime
    beat_at: datetime | None
    until: datetime
    cancel_at: datetime | None


@dataclass(frozen=True, slots=True)
class Waits:
    """What a task waits for: the first of its predecessors that have not ended, by id, and their status."""

    first: list[tuple[str, str]]
    left: int
    on_failure: str


@dataclass(frozen=True, slots=True)
class Over:
    """A limit key (or, with the key "", a queue) and those of its running tasks that may be told, ten at most."""

    state: KeyState
    holders: list[str]


@dataclass(frozen=True, slots=True)
class Push:
    """The queue of a task is pushed; `ours`: and its command is. `holders` are those under way that may be told."""

    ours: bool
    most: int
    running: int = 0
    holders: Sequence[str] = ()
    pushed_at: datetime | None = None  # when a dispatcher last looked after the queue


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a task at one moment.

    `ahead` are the tasks before it in line, None where it does not stand in one; `last` is how its last attempt ended.
    """

    now: datetime
    status: Status
    queue: str
    run_at: datetime
    attempts: int
    failures: int
    max_attempts: int
    crashes: int
    max_crashes: int
    priority: str = "normal"
    expires_at: datetime | None = None
    finished_at: datetime | None = None
    last: str | None = None
    last_ended_at: datetime | None = None
    last_error: str | None = None  # its type
    paused_at: datetime | None = None
    closed_at: datetime | None = None
    asked_at: datetime | None = None  # when a worker last asked for the queue
    drained_asked_at: datetime | None = None  # the same of those that are to get nothing
    ahead: Tally | None = None
    is_parked: bool = False
    push: Push | None = None
    over: tuple[Over, ...] = ()  # the limits of its queue and of its key, unless it runs or has ended
    running: Running | None = None
    waits: Waits | None = None

    @property
    def pushed(self) -> Push | None:
        """How it is pushed, where its command is."""
        return self.push if self.push is not None and self.push.ours else None
