"""Settling: a worker says how an attempt ended. The token is the fence: what does not match changes nothing."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, delete, select

from taskyard.core.bulk import BulkInsert
from taskyard.core.db import AnyRow
from taskyard.core.lists import among, within
from taskyard.queue import chains, gates, outcomes, parking, policy
from taskyard.queue.extend import MAX_LOG
from taskyard.queue.fingerprint import fingerprint
from taskyard.queue.lifecycle import DEAD, Status
from taskyard.queue.outcomes import Became
from taskyard.queue.policy import End, Retry, Run
from taskyard.queue.ready import Place, gathered, put
from taskyard.queue.tables import attempt, lease, task
from taskyard.queue.telling import HEARD, tell
from taskyard.queue.tokens import HELD, held_by


class Outcome(StrEnum):
    """What a worker may say of an attempt."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RELEASED = "released"
    LOST = "lost"  # no worker says so: whoever pushes a task does, where its answer never came


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Report:
    """How one attempt ended; `result` and `error` are JSON text."""

    task_id: str
    fence: str
    outcome: Outcome
    result: str | None = None
    error: str | None = None
    retry_in_s: float | None = None
    retry: bool = True
    log: str = ""  # to add to what the heartbeats brought


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Settled:
    """What became of a report: the task's new status, or None where the lease was not (any longer) held."""

    status: Status | None
    # Queues: where it waits again, where others wait that it let go, where limits were seen and so others may go on.
    ready: list[str] = field(default_factory=list)


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


# Locked in the order in which a heartbeat locks them: the two may be about the same leases at once.
_HELD = select(lease.c.task_id).where(*HELD).order_by(lease.c.task_id).with_for_update().cte("held")
_TAKE_LEASES = (
    delete(lease)
    .where(within(lease.c.task_id, select(_HELD.c.task_id)))
    .returning(
        lease.c.task_id,
        lease.c.token,
        lease.c.attempt,
        lease.c.queue,
        lease.c.lane,
        lease.c.worker,
        lease.c.leased_at,
        lease.c.cancel_at,
        lease.c.log,
        lease.c.limit_key,
        lease.c.fairness_key,
    )
)
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
_DONE = End(Status.SUCCEEDED)
_ATTEMPT = ("task_id", "number", "worker", "started_at", "ended_at", "outcome", "error", "log")
_INSERT_ATTEMPTS = BulkInsert(attempt, *_ATTEMPT)


def settle(connection: Connection, reports: list[Report], now: datetime) -> list[Settled]:
    """Settle these reports, in one go; the answers are in their order."""
    leases = _take_leases(connection, reports)
    tasks = read_tasks(connection, list(leases))
    ended: dict[int, Ended] = {}
    for index, report in enumerate(reports):
        held = leases.get(report.task_id)
        if held is not None and held.token == report.fence and report.task_id in tasks:
            # Taken out: where two reports carry one token, the first counts and the second is stale.
            ended[index] = _judge(report, leases.pop(report.task_id), tasks[report.task_id], now)
    freed = record(connection, list(ended.values()), now)
    limited = gates.seen_limited(connection)
    answers = [_settled(ended.get(index), now, limited) for index in range(len(reports))]
    return [replace(answers[0], ready=[*answers[0].ready, *freed]), *answers[1:]] if freed else answers


def _take_leases(connection: Connection, reports: list[Report]) -> dict[str, AnyRow]:
    held = held_by((r.task_id, r.fence) for r in reports)
    return {row.task_id: row for row in connection.execute(_TAKE_LEASES, held).all()}


def _settled(ended: Ended | None, now: datetime, limited: set[str]) -> Settled:
    if ended is None:
        return Settled(None)
    status = _status(ended.decision, now)
    return Settled(status, [ended.lease.queue] if status is Status.QUEUED or ended.lease.queue in limited else [])


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


def _judge(report: Report, held: AnyRow, of: AnyRow, now: datetime) -> Ended:
    if report.outcome is Outcome.SUCCEEDED:
        # Done is done, also where a cancellation was under way.
        return Ended(held, of, report.outcome, _DONE, result=report.result, log=report.log)
    run = run_of(held, of)
    if report.outcome is Outcome.LOST:
        lost = policy.after_loss(run, now)
        return Ended(held, of, report.outcome, lost, error=report.error, crashed=True, log=report.log)
    if report.outcome is Outcome.RELEASED:
        decision = policy.after_release(run, now, retry_in_s=report.retry_in_s)
        return Ended(held, of, report.outcome, decision, error=report.error, log=report.log)
    decision = policy.after_failure(run, now, retry=report.retry, retry_in_s=report.retry_in_s)
    return Ended(held, of, report.outcome, decision, error=report.error, failed=True, log=report.log)


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


def _status(decision: policy.Decision, now: datetime) -> Status:
    if isinstance(decision, End):
        return decision.outcome
    return Status.SCHEDULED if decision.at > now else Status.QUEUED


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
