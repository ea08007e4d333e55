"""Heartbeats: a worker asks for more time, tells how far it is, and learns that it should stop."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection, bindparam, case, func, literal, select, update

from taskyard.core.db import AnyRow
from taskyard.queue.tables import lease
from taskyard.queue.tokens import HELD, held_by

MAX_LOG = 64 * 1024  # characters of an attempt's log that are kept: its last ones


class Beat(StrEnum):
    """What a worker is told."""

    OK = "ok"
    STALE = "stale"  # the lease is no longer held: stop, and say nothing more of it
    CANCEL = "cancel"  # still held, but the task is to be cancelled: stop, then settle


@dataclass(frozen=True, slots=True)
class Extension:
    """One heartbeat. `log` is text to add to the attempt's log."""

    task_id: str
    fence: str
    lease_s: int
    progress: int | None = None
    note: str | None = None
    log: str | None = None


_HELD = (
    select(lease.c.task_id, lease.c.token, lease.c.cancel_at).where(*HELD).order_by(lease.c.task_id).with_for_update()
)
_LOG = lease.c.log + bindparam("added")
_EXTEND = (
    update(lease)
    .where(lease.c.task_id == bindparam("id"))
    .values(
        expires_at=bindparam("until"),
        beat_at=bindparam("at"),
        progress=func.coalesce(bindparam("percent"), lease.c.progress),
        note=func.coalesce(bindparam("remark"), lease.c.note),
        log=case(
            (func.length(_LOG) > literal(MAX_LOG), func.substr(_LOG, func.length(_LOG) - literal(MAX_LOG - 1))),
            else_=_LOG,
        ),
    )
)


def extend(connection: Connection, extensions: list[Extension], now: datetime) -> list[Beat]:
    """Extend these leases, in one go; the answers are in their order."""
    tokens = held_by((e.task_id, e.fence) for e in extensions)
    held = {(row.task_id, row.token): row for row in connection.execute(_HELD, tokens)}
    alive = [e for e in extensions if (e.task_id, e.fence) in held]
    if alive:
        connection.execute(
            _EXTEND,
            [
                {
                    "id": e.task_id,
                    "until": now + timedelta(seconds=e.lease_s),
                    "at": now,
                    "percent": e.progress,
                    "remark": e.note,
                    "added": e.log or "",
                }
                for e in alive
            ],
        )
    return [_beat(held.get((e.task_id, e.fence))) for e in extensions]


def _beat(row: AnyRow | None) -> Beat:
    if row is None:
        return Beat.STALE
    return Beat.CANCEL if row.cancel_at is not None else Beat.OK
