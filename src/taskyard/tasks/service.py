"""What can be done with tasks, and by whom. Every look-up starts at the owner: what is not yours is not there."""

from datetime import datetime, timedelta
from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue, validation
from taskyard.commands.catalogue import Definition
from taskyard.core import clock, idempotency, transaction
from taskyard.core.db import AnyRow, database
from taskyard.core.errors import Conflict, Fault, Forbidden, Invalid, NotFound
from taskyard.core.idempotency import Answer, Once
from taskyard.core.ids import new_id
from taskyard.queue import control, policy, read
from taskyard.queue.control import Change
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.lifecycle import LANES, Status
from taskyard.queue.read import Filter
from taskyard.tasks import render
from taskyard.tasks.schemas import MAX_PAYLOAD
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor


def submit(actor: Actor, sent: dict[str, Any], once: Once | None = None, *, closed: bool = False) -> Answer:
    """Accept a task. `sent` is a loaded TaskIn; `closed` refuses commands that are not in the catalogue.

    Raises:
        Invalid: the payload is too large or does not fit the command's schema.
        Repeated: `once` was used by a call that committed in the meantime.
    """
    definition = catalogue.definition(sent["command"])
    if definition is None and closed:
        raise Invalid([Fault("This command is not registered, and the catalogue is closed.", pointer="/command")])
    now = clock.now()
    new = _new_task(actor, sent, definition, now)
    body = orjson.dumps(render.new_task(new))
    answer = Answer(201, {"Location": f"/v1/tasks/{new.id}"}, body)

    def operation(connection: Connection) -> None:
        if once is not None:
            idempotency.keep(connection, once, answer)
        enqueue(connection, [new])

    transaction.batch(database(), operation)
    if new.run_at <= now:
        waiting(database()).wake([new.queue])
    return answer


def _new_task(actor: Actor, sent: dict[str, Any], definition: Definition | None, now: datetime) -> NewTask:
    payload = _payload(sent["payload"], definition)
    queue = sent.get("queue") or (definition and definition.queue) or _own_queue(sent["command"])
    priority = sent.get("priority") or (definition.priority if definition else "normal")
    run_at = sent.get("run_at") or now + timedelta(seconds=sent.get("delay_s", 0))
    timeout_s = sent.get("timeout_s") or (definition and definition.timeout_s) or policy.DEFAULT_TIMEOUT_S
    max_attempts = sent.get("max_attempts") or (definition and definition.max_attempts) or policy.DEFAULT_MAX_ATTEMPTS
    return NewTask(
        id=new_id(),
        owner_id=actor.user_id,
        command=sent["command"],
        command_version=definition.schema_version if definition else None,
        payload=payload,
        queue=queue,
        lane=LANES[priority],
        tags=sent["tags"],
        created_at=now,
        run_at=max(run_at, now),
        expires_at=sent.get("expires_at"),
        timeout_s=timeout_s,
        max_attempts=max_attempts,
        backoff=definition.backoff if definition else None,
        on_lost=definition.on_lost if definition else policy.OnLost.RETRY,
    )


def _own_queue(command: str) -> str:
    """The queue named after a command; a name has fewer characters to choose from than a command."""
    return (
        "".join(c if c.isascii() and (c.isalnum() or c in "._:-") else "-" for c in command).lstrip("._:-") or "default"
    )


def _payload(value: Any, definition: Definition | None) -> str:
    text = orjson.dumps(value).decode()
    if len(text) > MAX_PAYLOAD:
        raise Invalid([Fault(f"The payload is larger than {MAX_PAYLOAD // 1024} KiB.", pointer="/payload")])
    if definition is not None and definition.payload is not None:
        found = validation.faults(definition.payload, value, "/payload")
        if found:
            raise Invalid(found)
    return text


def get(actor: Actor, task_id: str) -> AnyRow:
    """Raises:
    NotFound: there is no such task, or it is not the actor's.
    """
    with database().read.connect() as connection:
        return _own(connection, actor, task_id)


def _own(connection: Connection, actor: Actor, task_id: str) -> AnyRow:
    row = read.one(connection, task_id, clock.now())
    if row is None or not (actor.sees_all_tasks or row.owner_id == actor.user_id):
        raise NotFound("There is no such task.")
    return row


def attempts(actor: Actor, task_id: str) -> list[dict[str, Any]]:
    """The attempts of a task, first to last, the one under way included."""
    with database().read.connect() as connection:
        _own(connection, actor, task_id)
        over = [render.attempt(row) for row in read.attempts(connection, task_id)]
        lease = read.running(connection, task_id)
    return [*over, render.attempt_under_way(lease)] if lease is not None else over


def newest(actor: Actor, query: dict[str, Any], before_id: str | None) -> list[AnyRow]:
    """Tasks from the newest on; one more than `limit`, to tell whether there is another page.

    Raises:
        Forbidden: a user asks for tasks of others.
    """
    owner = {"me": actor.user_id, "all": None}.get(query["owner"], query["owner"])
    if owner != actor.user_id and not actor.sees_all_tasks:
        raise Forbidden("Only moderators and admins see the tasks of others. Ask for owner=me.")
    wanted = Filter(
        owner_id=owner,
        status=Status(query["status"]) if "status" in query else None,
        **{name: query.get(name) for name in ("command", "queue", "tag", "created_from", "created_until")},
    )
    with database().read.connect() as connection:
        return read.newest(connection, wanted, clock.now(), limit=query["limit"] + 1, before_id=before_id)


def cancel(actor: Actor, task_id: str) -> AnyRow:
    """Raises:
    Conflict: it has ended already.
    """

    def operation(connection: Connection) -> AnyRow:
        task = _own(connection, actor, task_id)
        if task.status != Status.CANCELLED and control.cancel(connection, task_id, clock.now()) is None:
            raise Conflict(f"The task has ended already: it is {_own(connection, actor, task_id).status}.")
        return _own(connection, actor, task_id)

    return transaction.batch(database(), operation)


def retry(actor: Actor, task_id: str) -> AnyRow:
    """Raises:
    Conflict: it has not ended, or it has succeeded.
    """

    def operation(connection: Connection) -> AnyRow:
        task = _own(connection, actor, task_id)
        if not control.retry(connection, task_id, clock.now()):
            raise Conflict(f"Only a task that ended without success can be retried; this one is {task.status}.")
        return _own(connection, actor, task_id)

    row = transaction.batch(database(), operation)
    waiting(database()).wake([row.queue])
    return row


def change(actor: Actor, task_id: str, sent: dict[str, Any]) -> AnyRow:
    """Change a task that has not started. `sent` is a loaded TaskPatch.

    Raises:
        Conflict: it has started.
        Invalid: the payload does not fit.
    """
    definition = catalogue.definition(get(actor, task_id).command) if "payload" in sent else None
    new = Change(
        lane=LANES[sent["priority"]] if "priority" in sent else None,
        run_at=sent.get("run_at"),
        payload=_payload(sent["payload"], definition) if "payload" in sent else None,
        command_version=definition.schema_version if definition else None,
        tags=sent.get("tags"),
    )

    def operation(connection: Connection) -> AnyRow:
        task = _own(connection, actor, task_id)
        if not control.change(connection, task_id, new, clock.now()):
            raise Conflict(f"Only a task that waits can be changed; this one is {task.status}.")
        return _own(connection, actor, task_id)

    row = transaction.batch(database(), operation)
    waiting(database()).wake([row.queue])
    return row


def remove(actor: Actor, task_id: str) -> None:
    """Raises:
    Conflict: it has not ended.
    """

    def operation(connection: Connection) -> None:
        task = _own(connection, actor, task_id)
        if not control.remove(connection, task_id):
            raise Conflict(f"Only a task that has ended can be deleted; this one is {task.status}. Cancel it first.")

    transaction.batch(database(), operation)
