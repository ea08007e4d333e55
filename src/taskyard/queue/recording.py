"""Attempts that are over: written down, and their tasks moved on."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from taskyard.core.bulk import BulkInsert
from taskyard.core.db import AnyRow
from taskyard.core.lists import among
from taskyard.queue import chains, outcomes, parking, policy
from taskyard.queue.extend import MAX_LOG
from taskyard.queue.fingerprint import fingerprint
from taskyard.queue.lifecycle import DEAD, Status
from taskyard.queue.outcomes import Became
from taskyard.queue.policy import End, Retry, Run
from taskyard.queue.ready import Place, gathered, put
from taskyard.queue.tables import attempt, task
from taskyard.queue.telling import HEARD, tell


class Outcome(StrEnum):
    """What a worker may say of an attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"
    LOST = "lost"  # no worker says so: whoever pushes a task does, where its answer never came


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Ended:
    """An attempt that is over, with all that the next step is decided on."""

    lease: AnyRow
    task: AnyRow
    outcome: str  # of the attempt
    decision: policy.Decision
    result: str | None = None
    error: str | None = None
    failed: bool = False
    crashed: bool = False
    log: str = ""


# Locked: whoever submits a task that is to wait for one of these comes before, and is seen, or after its end. By the
# order of their ids, as they do it.
_TASKS = (
    select(
        task.c.id,
        task.c.command,
        task.c.failures,
        task.c.crashes,
        task.c.max_attempts,
        task.c.max_crashes,
        task.c.on_lost,
        task.c.backoff,
        task.c.retry_until,
        task.c.followed,
        HEARD,
    )
    .where(among(task.c.id, "ids"))
    .order_by(task.c.id)
    .with_for_update(key_share=True)
)
_ATTEMPT = ("task_id", "number", "worker", "started_at", "ended_at", "outcome", "error", "log")
_INSERT_ATTEMPTS = BulkInsert(attempt, *_ATTEMPT)


def read_tasks(connection: Connection, ids: list[str]) -> dict[str, AnyRow]:
    return {row.id: row for row in connection.execute(_TASKS, {"ids": ids}).all()}


def run_of(held: AnyRow, of: AnyRow) -> Run:
    return Run(
        of.failures,
        of.crashes,
        of.max_attempts,
        of.on_lost,
        of.backoff,
        held.cancel_at is not None,
        of.max_crashes or policy.MAX_CRASHES,
        of.retry_until,
    )


def record(connection: Connection, ended: list[Ended], now: datetime) -> list[str]:
    """Write down attempts that are over and move their tasks on. The leases are gone already.

    Returns the queues of tasks that waited for these alone, and now wait for a worker.
    """
    if not ended:
        return []
    _INSERT_ATTEMPTS.run(connection, [_attempt_row(e, now) for e in ended])
    outcomes.write(connection, [_became(e, now) for e in ended])
    parking.freed(connection, [e.lease for e in ended])
    tell(connection, [e.task.id for e in ended if e.task.heard and isinstance(e.decision, End)], now)
    over = {e.task.id: e.decision.outcome for e in ended if e.task.followed and isinstance(e.decision, End)}
    with gathered(connection, now):
        put(connection, [_place(e, e.decision.at) for e in ended if isinstance(e.decision, Retry)], now)
        return chains.follow(connection, over, now) if over else []


def _place(ended: Ended, at: datetime) -> Place:
    held = ended.lease
    return Place(ended.task.id, held.queue, held.lane, at, held.attempt, held.limit_key, held.fairness_key)


def _attempt_row(ended: Ended, now: datetime) -> tuple[Any, ...]:
    """In the order of _ATTEMPT."""
    cancelled = isinstance(ended.decision, End) and ended.decision.outcome is Status.CANCELLED
    return (
        ended.task.id,
        ended.lease.attempt,
        ended.lease.worker,
        ended.lease.leased_at,
        now,
        Status.CANCELLED.value if cancelled else ended.outcome,
        ended.error,
        (ended.lease.log + ended.log)[-MAX_LOG:],
    )


def _became(ended: Ended, now: datetime) -> Became:
    decision = ended.decision
    over = isinstance(decision, End)
    return Became(
        ended.lease.attempt,
        int(ended.failed),
        int(ended.crashed),
        decision.outcome.value if isinstance(decision, End) else None,
        now if over else None,
        None if isinstance(decision, End) else decision.at,
        ended.result,
        _fingerprint(ended),
        int(ended.outcome == Outcome.RELEASED),
        ended.error,
        ended.task.id,
    )


def _fingerprint(ended: Ended) -> str | None:
    dead = isinstance(ended.decision, End) and ended.decision.outcome in DEAD
    return fingerprint(ended.task.command, ended.error) if dead else None
