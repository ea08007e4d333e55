"""Claiming and settling on a Session; the async form runs the same by `AsyncSession.run_sync`, in one switch.

As few statements as the ORM needs: the rows of many tasks are deleted, inserted and updated at once.
"""

import re
import secrets
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session, lazyload

from bench.fastapi_twin.keys import Actor
from bench.fastapi_twin.lease_schemas import ClaimIn, ReportIn
from bench.fastapi_twin.models import Attempt, Lease, Ready, Scheduled, Task
from taskyard.queue import policy
from taskyard.queue.fingerprint import fingerprint

TOKEN = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([0-9A-Za-z]{1,43})")
UNSYNCHRONISED = {"synchronize_session": False}


def claim(session: Session, actor: Actor, sent: ClaimIn) -> list[dict[str, Any]]:
    """Lease up to `limit` tasks, higher priorities first; the same claim_id gets the same leases again."""
    now = datetime.now(UTC)
    if sent.claim_id is not None and (held := _held(session, actor, sent, now)):
        return held
    head = (
        select(Ready.task_id)
        .where(Ready.queue.in_(sent.queues))
        .order_by(Ready.lane, Ready.turn, Ready.seq)
        .limit(sent.limit)
        .with_for_update(skip_locked=True)
    )
    take = delete(Ready).where(Ready.task_id.in_(head)).returning(Ready)
    taken = session.scalars(take, execution_options=UNSYNCHRONISED).all()
    if not taken:
        return []
    ids = [place.task_id for place in taken]
    tasks = session.scalars(select(Task).where(Task.id.in_(ids)).options(lazyload(Task.lease)))
    by_id = {task.id: task for task in tasks}
    leases = [
        {
            "task_id": place.task_id,
            "fence": secrets.token_hex(16),
            "attempt": place.attempts + 1,
            "queue": place.queue,
            "lane": place.lane,
            "worker": sent.worker,
            "holder_id": actor.user_id,
            "claim_id": sent.claim_id,
            "started_at": now,
            "expires_at": now + timedelta(seconds=sent.lease_s),
            "log": "",
        }
        for place in sorted(taken, key=lambda place: (place.lane, place.turn, place.seq))
    ]
    session.execute(insert(Lease), leases)
    session.commit()
    return [
        {"task": by_id[lease["task_id"]], "token": f"{lease['task_id']}.{lease['fence']}", **lease} for lease in leases
    ]


def _held(session: Session, actor: Actor, sent: ClaimIn, now: datetime) -> list[dict[str, Any]]:
    found = session.execute(
        select(Lease, Task)
        .join(Task, Task.id == Lease.task_id)
        .where(Lease.claim_id == sent.claim_id, Lease.holder_id == actor.user_id, Lease.expires_at > now)
        .where(Lease.queue.in_(sent.queues))
        .options(lazyload(Task.lease))
    )
    return [
        {"task": task, "token": f"{task.id}.{held.fence}", "attempt": held.attempt, "expires_at": held.expires_at}
        for held, task in found
    ]


def settle(session: Session, sent: list[ReportIn]) -> list[dict[str, Any]]:
    """Settle leases; the answers are in their order."""
    now = datetime.now(UTC)
    tokens = [match.groups() if (match := TOKEN.fullmatch(one.token)) else ("", "") for one in sent]
    found = session.execute(
        select(Lease, Task)
        .join(Task, Task.id == Lease.task_id)
        .where(Lease.task_id.in_({task_id for task_id, _ in tokens if task_id}))
        .order_by(Lease.task_id)
        .options(lazyload(Task.lease))
        .with_for_update(of=Lease)
    )
    held = {(lease.task_id, lease.fence): (lease, task) for lease, task in found}
    answers, over = [], []
    for token, one in zip(tokens, sent, strict=True):
        # Taken out: where two reports carry one token, the first counts and the second is stale.
        lease, task = held.pop(token, (None, None))
        if lease is None or task is None:
            answers.append({"token": one.token, "status": "stale", "task_status": None})
            continue
        over.append(task.id)
        status = _end(session, lease, task, one, now)
        told = "cancelled" if status == "cancelled" else "ok"
        answers.append({"token": one.token, "status": told, "task_status": status})
    session.execute(delete(Lease).where(Lease.task_id.in_(over)), execution_options=UNSYNCHRONISED)
    session.commit()
    return answers


def _end(session: Session, lease: Lease, task: Task, one: ReportIn, now: datetime) -> str:
    decision = _decide(lease, task, one, now)
    cancelled = isinstance(decision, policy.End) and decision.outcome == "cancelled"
    log = (lease.log + one.log)[-65_536:]
    if one.outcome == "succeeded" and not log:
        task.done_by, task.begun_at = lease.worker, lease.started_at
    else:
        session.add(
            Attempt(
                task_id=task.id,
                number=lease.attempt,
                worker=lease.worker,
                started_at=lease.started_at,
                ended_at=now,
                outcome="cancelled" if cancelled else one.outcome,
                error=one.error if one.outcome == "failed" else None,
                log=log,
            )
        )
    task.claims = lease.attempt
    if one.outcome == "failed":
        task.failures += 1
        task.error = one.error
    if isinstance(decision, policy.End):
        task.outcome, task.finished_at = decision.outcome.value, now
        if decision.outcome == "succeeded":
            task.result = one.result
            task.error = None
        elif decision.outcome == "failed":
            task.fingerprint = fingerprint(task.command, orjson.dumps(one.error).decode())
        return task.outcome
    return _again(session, lease, task, decision.at, now)


def _decide(lease: Lease, task: Task, one: ReportIn, now: datetime) -> policy.Decision:
    if one.outcome == "succeeded":
        return policy.End(policy.Status.SUCCEEDED)
    cancelled = lease.cancel_requested_at is not None
    crashes = task.max_crashes or policy.MAX_CRASHES
    run = policy.Run(task.failures, task.crashes, task.max_attempts, task.on_lost, task.backoff, cancelled, crashes)
    if one.outcome == "released":
        return policy.after_release(run, now, retry_in_s=one.retry_in_s)
    return policy.after_failure(run, now, retry=one.retry, retry_in_s=one.retry_in_s)


def _again(session: Session, lease: Lease, task: Task, at: datetime, now: datetime) -> str:
    """Back into the line, or until its time."""
    task.run_at = at
    place = {"task_id": task.id, "queue": lease.queue, "lane": lease.lane, "attempts": lease.attempt}
    if at > now:
        session.add(Scheduled(run_at=at, **place))
        return "scheduled"
    session.add(Ready(seq=time.time_ns() // 1000, **place))
    return "queued"
