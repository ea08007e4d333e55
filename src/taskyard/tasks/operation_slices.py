"""Doing operations: a slice is one transaction, so what dies with it is done by the next, from where it was.

Which tasks it is about, and what a patch makes of their payloads, is found out before it, as on SQLite nobody else may
write meanwhile. The operation's row tells whether another dispatcher was faster: no slice is done twice.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from taskyard.core import clock
from taskyard.core.db import AnyRow
from taskyard.core.ids import NIL
from taskyard.queue import read, unique
from taskyard.queue.ready import gathered
from taskyard.tasks import operation_deeds, operation_filter
from taskyard.tasks.operation_deeds import Made, Making
from taskyard.tasks.operation_models import Operation

SLICE = 200  # tasks a transaction: some 50 ms of SQLite's write lock
CHARS = 1_000_000  # of payloads and results a transaction, as a task that changes is written whole
FAULTS = 20  # tasks whose faults are kept
KEPT = timedelta(days=30)  # after its end

# The one that has waited longest, so that a large one does not hold up the others.
_NEXT = (
    select(*Operation.__table__.c)
    .where(Operation.state == "running")
    .order_by(Operation.updated_at, Operation.id)
    .limit(1)
)
_HOLD = (
    select(Operation.state, Operation.above_id, Operation.below_id)
    .where(Operation.id == bindparam("id"))
    .with_for_update(skip_locked=True)
)


@dataclass(frozen=True, slots=True)
class Slice:
    """The next tasks of an operation, the oldest first, and what its patch makes of them; `last`: there are no more."""

    operation: AnyRow
    ids: list[str]
    made: Made
    last: bool


def find(connection: Connection) -> Slice | None:
    """The next slice of the operation that has waited longest; None where there is nothing to do."""
    operation = connection.execute(_NEXT).first()
    if operation is None:
        return None
    left = {"after_id": operation.above_id or NIL, "before_id": operation.below_id or operation.from_id}
    wanted = operation_filter.read(operation.filter)
    found = read.oldest(connection, wanted, clock.now(), limit=SLICE, **left)
    making = Making(connection, operation.arguments["patch"]) if "patch" in operation.arguments else None
    ids: list[str] = []
    chars, last = 0, True
    for row in found:
        chars += row.size if making is None else making.make(row.id)
        ids.append(row.id)
        if chars > CHARS:
            last = False
            break
    return Slice(operation, ids, making.made if making else {}, last and len(ids) < SLICE)


def work(connection: Connection, wanted: Slice) -> int:
    """Do a slice; 0 where another dispatcher is at it, or was, or somebody has stopped the operation."""
    operation, ids = wanted.operation, wanted.ids
    held = connection.execute(_HOLD, {"id": operation.id}).first()
    if held is None or held != (operation.state, operation.above_id, operation.below_id):
        return 0
    now = clock.now()
    unique.lock_keys(connection, ids, to_open=operation.action == "retry")  # before any task, as new tasks do
    fit = read.still(connection, operation_filter.read(operation.filter), ids, now)
    with gathered(connection, now):  # in the order of ids, in which heartbeats and settles lock leases
        faults = operation_deeds.do(connection, operation, ids, fit, wanted.made, now)
    ends = {"state": "done", "finished_at": now} if wanted.last else {}
    progress = update(Operation).where(Operation.id == operation.id)
    connection.execute(progress.values(**_progress(operation, ids, faults), **ends))
    return max(len(ids), 1)


def _progress(operation: AnyRow, ids: list[str], faults: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "above_id": ids[-1] if ids else operation.above_id,
        "matched": operation.matched + len(ids),
        "changed": operation.changed + len(ids) - len(faults),
        "refused": operation.refused + len(faults),
        "faults": [*operation.faults, *faults][:FAULTS],
    }


def forget(connection: Connection, now: datetime) -> int:
    """Forget operations that ended long ago; returns how many."""
    return connection.execute(delete(Operation).where(Operation.finished_at < now - KEPT)).rowcount
