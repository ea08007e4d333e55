"""Doing operations: a slice is one transaction, so what dies with it is done by the next, from where it was.

The operation's row is locked meanwhile, and passed over where another dispatcher holds it: no slice is done twice.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select, update

from taskyard.core import clock
from taskyard.core.db import AnyRow
from taskyard.core.errors import Fault, Invalid
from taskyard.core.ids import NIL
from taskyard.queue import control, gates, read, unique
from taskyard.queue.control import Change
from taskyard.queue.lifecycle import RETRYABLE, Status
from taskyard.queue.ready import gathered
from taskyard.queue.tables import task
from taskyard.tasks import operation_filter
from taskyard.tasks.operation_models import Operation
from taskyard.tasks.patched import Patch

SLICE = 200  # tasks a transaction: some 50 ms of SQLite's write lock
PATCHED = 50  # the same where payloads are read and checked
FAULTS = 20  # tasks whose faults are kept
FAULTS_EACH = 5
KEPT = timedelta(days=30)  # after its end

# The one that has waited longest, so that a large one does not hold up the others.
_NEXT = (
    select(*Operation.__table__.c)
    .where(Operation.state == "running")
    .order_by(Operation.updated_at, Operation.id)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_PAYLOAD = select(task.c.id, task.c.command, task.c.payload, task.c.outcome).where(task.c.id == bindparam("id"))
_CANCELLED = select(task.c.id).where(
    task.c.id == bindparam("id"),
    task.c.outcome == Status.CANCELLED.value,
    task.c.finished_at >= bindparam("since", type_=task.c.finished_at.type),
)
NOT_RETRYABLE = "Only a task that ended without success can be retried, while no other task has its unique key."
NOT_OPEN = "It has ended already."
NOT_ENDED = "Only a task that has ended can be deleted."
NOT_WAITING = "Only a task that waits can be moved."

Deed = Callable[[str], bool]


def work(connection: Connection) -> int:
    """Do a slice of the operation that has waited longest; 0 where there is nothing to do."""
    operation = connection.execute(_NEXT).first()
    if operation is None:
        return 0
    now = clock.now()
    size = PATCHED if "patch" in operation.arguments else SLICE
    left = {"after_id": operation.above_id or NIL, "before_id": operation.below_id or operation.from_id}
    ids = read.oldest_ids(connection, operation_filter.read(operation.filter), now, limit=size, **left)
    unique.lock_keys(connection, ids, to_open=operation.action == "retry")  # before any task, as new tasks do
    with gathered(connection, now):
        faults = _do(connection, operation, ids, now)  # in the order in which heartbeats and settles lock leases
    connection.execute(
        update(Operation)
        .where(Operation.id == operation.id)
        .values(
            **_progress(operation, ids, faults), **({} if len(ids) == size else {"state": "done", "finished_at": now})
        )
    )
    return max(len(ids), 1)


def forget(connection: Connection, now: datetime) -> int:
    """Forget operations that ended long ago; returns how many."""
    return connection.execute(delete(Operation).where(Operation.finished_at < now - KEPT)).rowcount


def _progress(operation: AnyRow, ids: list[str], faults: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "above_id": ids[-1] if ids else operation.above_id,
        "matched": operation.matched + len(ids),
        "changed": operation.changed + len(ids) - len(faults),
        "refused": operation.refused + len(faults),
        "faults": [*operation.faults, *faults][:FAULTS],
    }


def _do(connection: Connection, operation: AnyRow, ids: list[str], now: datetime) -> list[dict[str, Any]]:
    """Do it to each of these tasks; the faults of those that were refused."""
    deed, refusal = _deed(connection, operation, now)
    faults = []
    for task_id in ids:
        try:
            if not deed(task_id):
                faults.append(told(task_id, [Fault(refusal)]))
        except Invalid as error:
            faults.append(told(task_id, error.faults))
    return faults


def _deed(connection: Connection, operation: AnyRow, now: datetime) -> tuple[Deed, str]:
    """What to do to a task, and why it may be refused."""
    arguments = operation.arguments
    if operation.action == "cancel":
        return lambda task_id: _cancel(connection, task_id, operation.created_at, now), NOT_OPEN
    if operation.action == "delete":
        return lambda task_id: control.remove(connection, task_id), NOT_ENDED
    if operation.action == "move":
        place = Change(queue=arguments["queue"])
        if arguments["queue"] in gates.closed(connection):
            return lambda _: False, gates.refusal(arguments["queue"]).detail
        return lambda task_id: control.change(connection, task_id, place, now), NOT_WAITING
    if "patch" in arguments:
        patch = Patch(connection, arguments["patch"])
        return lambda task_id: _retry_patched(connection, task_id, patch, now), NOT_RETRYABLE
    return lambda task_id: control.retry(connection, task_id, now), NOT_RETRYABLE


def _cancel(connection: Connection, task_id: str, since: datetime, now: datetime) -> bool:
    """True, too, where it was cancelled `since`: most often as it waited for one that this operation cancelled."""
    if control.cancel(connection, task_id, now) is not None:
        return True
    return connection.execute(_CANCELLED, {"id": task_id, "since": since}).first() is not None


def _retry_patched(connection: Connection, task_id: str, patch: Patch, now: datetime) -> bool:
    row = payloads(connection, task_id)
    if row is None or row.outcome not in RETRYABLE:
        return False
    change = patch.change(row)
    return control.retry(connection, task_id, now) and control.change(connection, task_id, change, now)


def payloads(connection: Connection, task_id: str) -> AnyRow | None:
    """What a patch is tried on: one at a time, as a payload may take 256 KiB."""
    return connection.execute(_PAYLOAD, {"id": task_id}).first()


def told(task_id: str, faults: Sequence[Fault]) -> dict[str, Any]:
    """The faults of a task, as TaskFault shows them."""
    return {"task_id": task_id, "errors": [fault.to_dict() for fault in faults[:FAULTS_EACH]]}
