"""Tasks as JSON, written straight from their rows: payloads and results are stored as JSON and are not parsed again.

TaskOut (schemas.py) is the contract; a test holds the two together.
"""

from datetime import datetime
from typing import Any

import orjson

from taskyard.core.db import AnyRow
from taskyard.core.errors import Fault
from taskyard.core.types import instant_to_text
from taskyard.queue.enqueue import NewTask
from taskyard.queue.leases import Lease
from taskyard.queue.lifecycle import PRIORITIES, Status


def _time(at: datetime | str | None) -> str | None:
    """SQLite holds a moment just as it is shown."""
    return instant_to_text(at) if isinstance(at, datetime) else at


def raw(text: str | None) -> orjson.Fragment | None:
    """JSON text as it is stored."""
    return None if text is None else orjson.Fragment(text)


def _as_sent(of: AnyRow | NewTask) -> dict[str, Any]:
    """What is known of a task from its first moment on."""
    return {
        "id": of.id,
        "command": of.command,
        "command_version": of.command_version,
        "queue": of.queue,
        "priority": PRIORITIES[of.lane],
        "payload": raw(of.payload),
        "tags": raw(of.tags) if isinstance(of.tags, str) else of.tags,
        "owner_id": of.owner_id,
        "created_at": _time(of.created_at),
        "run_at": _time(of.run_at),
        "expires_at": _time(of.expires_at),
        "timeout_s": of.timeout_s,
        "max_attempts": of.max_attempts,
        "max_crashes": of.max_crashes,
        "backoff": raw(of.backoff) if isinstance(of.backoff, str) else of.backoff,
        "retry_until": _time(of.retry_until),
        "on_lost": of.on_lost,
        "unique_key": of.unique_key,
        "schedule": of.schedule,
        "limit_key": of.limit_key,
        "fairness_key": of.fairness_key,
    }


def new_task(new: NewTask) -> dict[str, Any]:
    """A task that is about to be stored."""
    return _as_sent(new) | {
        "status": Status.SCHEDULED if new.run_at > new.created_at else Status.QUEUED,
        "finished_at": None,
        "attempts": 0,
        "failures": 0,
        "crashes": 0,
        "result": None,
        "error": None,
        "lease": None,
        "after": new.link.after if new.link else [],
        "on_failure": new.link.on_failure if new.link else None,
        "group_id": new.link.group_id if new.link else None,
    }


def task(row: AnyRow) -> dict[str, Any]:
    """A task as it is now."""
    return _as_sent(row) | {
        "status": row.status,
        "finished_at": _time(row.finished_at),
        "attempts": row.attempts,
        "failures": row.failures,
        "crashes": row.crashes,
        "result": raw(row.result),
        "error": raw(row.error),
        "lease": _lease(row),
        "after": (raw(row.after) if isinstance(row.after, str) else row.after) or [],
        "on_failure": row.on_failure,
        "group_id": row.group_id,
    }


def _lease(row: AnyRow) -> dict[str, Any] | None:
    if row.worker is None:
        return None
    return {
        "worker": row.worker,
        "started_at": _time(row.leased_at),
        "expires_at": _time(row.lease_expires_at),
        "progress": row.progress,
        "note": row.note,
        "cancel_requested_at": _time(row.cancel_at),
    }


def attempt(row: AnyRow) -> dict[str, Any]:
    """An attempt that is over."""
    return {
        "number": row.number,
        "outcome": row.outcome,
        "worker": row.worker,
        "started_at": _time(row.started_at),
        "ended_at": _time(row.ended_at),
        "error": raw(row.error),
        "log": row.log,
    }


def attempt_under_way(lease: AnyRow) -> dict[str, Any]:
    return {
        "number": lease.attempt,
        "outcome": "running",
        "worker": lease.worker,
        "started_at": _time(lease.leased_at),
        "ended_at": None,
        "error": None,
        "log": lease.log,
    }


def lease(of: Lease) -> dict[str, Any]:
    """A lease as its worker gets it."""
    return {
        "task": {
            "id": of.task_id,
            "command": of.command,
            "command_version": of.command_version,
            "queue": of.queue,
            "priority": of.priority,
            "payload": raw(of.payload),
            "tags": of.tags,
            "created_at": _time(of.created_at),
            "timeout_s": of.timeout_s,
            "max_attempts": of.max_attempts,
            "group_id": of.group_id,
        },
        "attempt": of.attempt,
        "token": of.token,
        "expires_at": _time(of.expires_at),
    }


def settled(token: str, answer: str, status: Status | None, faults: list[Fault]) -> dict[str, Any]:
    """What became of a worker's report."""
    shown: dict[str, Any] = {"token": token, "status": answer, "task_status": status}
    return shown | {"errors": [fault.to_dict() for fault in faults]} if faults else shown
