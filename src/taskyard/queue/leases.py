"""Leases as they are asked for and read: what a claim has taken, and what the same claim took before."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson
from sqlalchemy import Connection, Text, bindparam, select, type_coerce

from taskyard.core.lists import among
from taskyard.core.types import instant_from_text
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.tables import lease, task
from taskyard.queue.tokens import make_token


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker asks for."""

    holder_id: str
    worker: str
    queues: list[str]
    limit: int
    lease_s: int
    claim_id: str | None = None

    def expires_at(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.lease_s)


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Lease:
    """A task in a worker's hands. `token` names the task and carries the fence."""

    task_id: str
    token: str
    attempt: int
    expires_at: datetime
    command: str
    command_version: int | None
    queue: str
    priority: str
    payload: str  # JSON
    tags: list[str]
    created_at: datetime
    timeout_s: int
    max_attempts: int
    group_id: str | None = None

    @property
    def held(self) -> tuple[str, str]:
        """The task's id and the fence."""
        return self.task_id, self.fence

    @property
    def fence(self) -> str:
        return self.token.partition(".")[2]


@dataclass(slots=True)
class Taken:
    """What a claim got; `draining`: its worker gets nothing, now or later; `cut`: there may be more for it at once."""

    leases: list[Lease]
    draining: bool = False
    cut: bool = False


_LEASED = select(
    lease.c.expires_at,
    lease.c.task_id,
    lease.c.token,
    lease.c.attempt,
    task.c.command,
    task.c.command_version,
    task.c.queue,
    task.c.lane,
    task.c.payload,
    type_coerce(task.c.tags, Text),
    task.c.created_at,
    task.c.timeout_s,
    task.c.max_attempts,
    task.c.group_id,
).join_from(lease, task, task.c.id == lease.c.task_id)
_SAME_CLAIM = (
    select(lease.c.task_id, lease.c.queue)
    .where(
        lease.c.claim_id == bindparam("claim_id"),
        lease.c.holder_id == bindparam("holder"),
        lease.c.expires_at > bindparam("now", type_=lease.c.expires_at.type),
    )
    .order_by(lease.c.leased_at, lease.c.task_id)
)
_BY_ID = _LEASED.where(among(lease.c.task_id, "ids"))


def read(connection: Connection, ids: list[str]) -> dict[str, Lease]:
    """What was taken, in one go for many claims of one task each.

    In a statement of its own, which sees what was changed of a task until its row in `ready` was locked.
    """
    if not ids:
        return {}
    return {row.task_id: made_of(*row) for row in connection.execute(_BY_ID, {"ids": ids}).all()}


def held(connection: Connection, wanted: Claim, now: datetime) -> list[str]:
    """The ids of what the same claim got before, of its queues: another key of the user may not work on others."""
    if wanted.claim_id is None:
        return []
    again = {"claim_id": wanted.claim_id, "holder": wanted.holder_id, "now": now}
    return [row.task_id for row in connection.execute(_SAME_CLAIM, again) if row.queue in wanted.queues]


def made_of(
    expires_at: datetime,
    task_id: str,
    fence: str,
    attempt: int,
    command: str,
    version: int | None,
    queue: str,
    lane: int,
    payload: str,
    tags: str,
    created_at: datetime | str,
    timeout_s: int,
    max_attempts: int,
    group_id: str | None,
) -> Lease:
    """One of what is read of it: here, by `postgresql.CLAIM` or by `sqlite.HEAD`; tags are JSON text."""
    return Lease(
        task_id,
        make_token(task_id, fence),
        attempt,
        expires_at,
        command,
        version,
        queue,
        PRIORITIES[lane],
        payload,
        orjson.loads(tags),
        instant_from_text(created_at) if isinstance(created_at, str) else created_at.astimezone(UTC),
        timeout_s,
        max_attempts,
        group_id,
    )
