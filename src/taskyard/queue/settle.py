"""Settling: a worker says how an attempt ended. The token is the fence: what does not match changes nothing."""

from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import Connection, delete, select

from taskyard.core.db import AnyRow
from taskyard.core.lists import within
from taskyard.queue import gates, policy
from taskyard.queue.lifecycle import Status
from taskyard.queue.policy import End
from taskyard.queue.recording import Ended, Outcome, read_tasks, record, run_of
from taskyard.queue.tables import lease
from taskyard.queue.tokens import HELD, held_by


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
_DONE = End(Status.SUCCEEDED)


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


def _status(decision: policy.Decision, now: datetime) -> Status:
    if isinstance(decision, End):
        return decision.outcome
    return Status.SCHEDULED if decision.at > now else Status.QUEUED
