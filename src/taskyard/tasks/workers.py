"""What can be done with workers: moderators and admins see all, others those that claim as them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, database
from taskyard.core.errors import NotFound
from taskyard.queue import roll
from taskyard.tasks.waiting import bell, waiting
from taskyard.users.actor import Actor


@dataclass(frozen=True, slots=True)
class Working:
    """A worker with its leases, as WorkerOut shows it; `running_capped`: it has more than these."""

    worker: AnyRow
    running: list[AnyRow]
    running_capped: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.worker, name)


def page(actor: Actor, query: dict[str, Any], after: list[str] | None) -> list[Working]:
    """Workers by name, one more than `limit`: those that asked in the last ten minutes or hold a lease."""
    wanted = roll.Filter(_holder(actor), (after[0], after[1]) if after else None, query["limit"] + 1)
    with database().read.connect() as connection:
        return _with_leases(connection, roll.page(connection, wanted, clock.now()))


def drain(actor: Actor, worker_id: str) -> Working:
    """Give a worker nothing more; a claim of it that waits, or its next one, tells it so."""
    drained = _set(actor, worker_id, clock.now())
    waiting(database()).wake_everywhere([bell(drained.worker.holder_id, drained.worker.name)])
    return drained


def resume(actor: Actor, worker_id: str) -> Working:
    return _set(actor, worker_id, None)


def _set(actor: Actor, worker_id: str, drain_at: datetime | None) -> Working:
    """Raises:
    NotFound: there is no such worker, or it is not the actor's.
    """
    with transaction.own(database()) as connection:
        found = roll.one(connection, _holder(actor), worker_id)
        if found is None:
            raise NotFound("There is no such worker.")
        if drain_at is None or found.drain_at is None:
            roll.drain(connection, worker_id, drain_at)
        found = roll.one(connection, _holder(actor), worker_id)
        if found is None:  # forgotten meanwhile
            raise NotFound("There is no such worker any more.")
        return _with_leases(connection, [found])[0]


def _holder(actor: Actor) -> str | None:
    return None if actor.sees_all_tasks else actor.user_id


def _with_leases(connection: Connection, workers: list[AnyRow]) -> list[Working]:
    found, enough = roll.leases_of(connection, workers)
    held = defaultdict(list)
    for lease in found:
        held[lease.holder_id, lease.worker].append(lease)
    theirs = [held[one.holder_id, one.name] for one in workers]
    return [Working(one, leases[:enough], len(leases) > enough) for one, leases in zip(workers, theirs, strict=True)]
