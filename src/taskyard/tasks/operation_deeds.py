"""What an operation does to each of its tasks, and why it may leave one as it is."""

from collections.abc import Callable, Sequence, Set
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, select

from taskyard.core.db import AnyRow
from taskyard.core.errors import Fault, Invalid
from taskyard.queue import control, gates
from taskyard.queue.control import Change
from taskyard.queue.lifecycle import RETRYABLE, Status
from taskyard.queue.tables import task
from taskyard.tasks.patched import Patch

FAULTS_EACH = 5

_PAYLOAD = select(task.c.id, task.c.command, task.c.payload, task.c.outcome).where(task.c.id == bindparam("id"))
_CANCELLED = select(task.c.id).where(
    task.c.id == bindparam("id"),
    task.c.outcome == Status.CANCELLED.value,
    task.c.finished_at >= bindparam("since", type_=task.c.finished_at.type),
)
NOT_RETRYABLE = (
    "Only a task that ended without success can be retried, while no other task has its unique key, and once those that"
    " waited for it have heard of its end."
)
NOT_OPEN = "It has ended already."
NOT_ENDED = "Only a task that has ended can be deleted."
NOT_WAITING = "Only a task that waits can be moved."
CHANGED = "It was changed by somebody else at this moment."

Deed = Callable[[str], bool]
# Of each task the payload that it had and what a patch makes of it, or why it makes nothing; None: not to be retried.
Made = dict[str, tuple[str, Change | Invalid] | None]


class Making:
    """What a patch makes of tasks, one after the other."""

    def __init__(self, connection: Connection, patch: Any) -> None:
        self._connection = connection
        self._patching = Patch(connection, patch)
        self.made: Made = {}

    def make(self, task_id: str) -> int:
        """Of this one, too; how many characters its payload has, or will have."""
        row = payload_of(self._connection, task_id)
        one = None if row is None or row.outcome not in RETRYABLE else _made(self._patching, row)
        self.made[task_id] = one
        return _weight(one)


def _made(patching: Patch, row: AnyRow) -> tuple[str, Change | Invalid]:
    try:
        return row.payload, patching.change(row)
    except Invalid as error:
        return row.payload, error


def _weight(one: tuple[str, Change | Invalid] | None) -> int:
    if one is None:
        return 0
    payload, new = one
    return max(len(payload), len(new.payload or "") if isinstance(new, Change) else 0)


def do(
    connection: Connection, operation: AnyRow, ids: list[str], fit: Set[str], made: Made, now: datetime
) -> list[dict[str, Any]]:
    """Do it to each of these tasks that still `fit` its filter; the faults of those that were refused."""
    deed, refusal = _deed(connection, operation, made, now)
    faults = []
    for task_id in ids:
        try:
            if task_id not in fit:
                faults.append(told(task_id, [Fault(CHANGED)]))
            elif not deed(task_id):
                faults.append(told(task_id, [Fault(refusal)]))
        except Invalid as error:
            faults.append(told(task_id, error.faults))
    return faults


def _deed(connection: Connection, operation: AnyRow, made: Made, now: datetime) -> tuple[Deed, str]:
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
        return lambda task_id: _retry_patched(connection, task_id, made[task_id], now), NOT_RETRYABLE
    return lambda task_id: control.retry(connection, task_id, now), NOT_RETRYABLE


def _cancel(connection: Connection, task_id: str, since: datetime, now: datetime) -> bool:
    """True, too, where it was cancelled `since`: most often as it waited for one that this operation cancelled."""
    if control.cancel(connection, task_id, now) is not None:
        return True
    return connection.execute(_CANCELLED, {"id": task_id, "since": since}).first() is not None


def _retry_patched(
    connection: Connection, task_id: str, made: tuple[str, Change | Invalid] | None, now: datetime
) -> bool:
    if made is None:
        return False
    payload, change = made
    if isinstance(change, Invalid):
        raise change
    row = payload_of(connection, task_id)
    if row is None or row.outcome not in RETRYABLE:
        return False
    if row.payload != payload:
        raise Invalid([Fault(CHANGED)])
    return control.retry(connection, task_id, now) and control.change(connection, task_id, change, now)


def payload_of(connection: Connection, task_id: str) -> AnyRow | None:
    """What a patch is tried on: one at a time, as a payload may take 256 KiB."""
    return connection.execute(_PAYLOAD, {"id": task_id}).first()


def told(task_id: str, faults: Sequence[Fault]) -> dict[str, Any]:
    """The faults of a task, as TaskFault shows them."""
    return {"task_id": task_id, "errors": [fault.to_dict() for fault in faults[:FAULTS_EACH]]}
