"""What can be done with tasks, and by whom. Every look-up starts at the owner: what is not yours is not there."""

from typing import Any

from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, database
from taskyard.core.errors import Conflict, Forbidden, NotFound
from taskyard.queue import control, read, unique
from taskyard.queue.control import Change
from taskyard.queue.lifecycle import LANES, Status
from taskyard.queue.read import Filter
from taskyard.tasks import render
from taskyard.tasks.moulds import checked_payload
from taskyard.tasks.results import results
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor

MOST_CHARS = 2_000_000  # of the logs and errors of a page of attempts


def get(actor: Actor, task_id: str) -> AnyRow:
    """Raises:
    NotFound: there is no such task, or it is not the actor's.
    """
    return seen(actor, read.current(database(), task_id, clock.now()))


def _own(connection: Connection, actor: Actor, task_id: str) -> AnyRow:
    return seen(actor, read.one(connection, task_id, clock.now()))


def seen(actor: Actor, row: AnyRow | None) -> AnyRow:
    if row is None or not (actor.sees_all_tasks or row.owner_id == actor.user_id):
        raise NotFound("There is no such task.")
    return row


def attempts(actor: Actor, task_id: str, limit: int, after: int) -> tuple[list[dict[str, Any]], int | None]:
    """The attempts of a task after that number, first to last, the one under way included; and where to go on from.

    Fewer than `limit` where their logs and errors are long.
    """
    found: list[dict[str, Any]] = []
    chars = 0
    with database().read.connect() as connection:
        _own(connection, actor, task_id)
        lease = read.running(connection, task_id)  # before what is over: an attempt may end in between
        for row in read.attempts(connection, task_id, after):
            if len(found) == limit or chars > MOST_CHARS:
                return found, after
            found.append(render.attempt(row))
            chars += len(row.log) + len(row.error or "")
            after = row.number
    if lease is not None and lease.attempt > after:
        if len(found) == limit:
            return found, after
        found.append(render.attempt_under_way(lease))
    return found, None


def owner_of(actor: Actor, asked: str) -> str | None:
    """The owner that `me`, `all` or an id stands for; None: everybody.

    Raises:
        Forbidden: a user asks for tasks of others.
    """
    owner = {"me": actor.user_id, "all": None}.get(asked, asked.lower())
    if owner != actor.user_id and not actor.sees_all_tasks:
        raise Forbidden("Only moderators and admins see the tasks of others. Ask for owner=me.")
    return owner


def newest(actor: Actor, query: dict[str, Any], before_id: str | None) -> list[AnyRow]:
    """Tasks from the newest on; one more than `limit`, to tell whether there is another page.

    Raises:
        Forbidden: a user asks for tasks of others.
    """
    wanted = Filter(
        owner_id=owner_of(actor, query["owner"]),
        status=Status(query["status"]) if "status" in query else None,
        group_id=str(query["group"]) if "group" in query else None,
        **{
            name: query.get(name)
            for name in ("command", "queue", "tag", "fingerprint", "schedule", "created_from", "created_until")
        },
    )
    with database().read.connect() as connection:
        return read.newest(connection, wanted, clock.now(), limit=query["limit"] + 1, before_id=before_id)


def cancel(actor: Actor, task_id: str) -> AnyRow:
    """Raises:
    Conflict: it has ended already.
    """
    with transaction.own(database()) as connection:
        task = _own(connection, actor, task_id)
        if task.status != Status.CANCELLED and control.cancel(connection, task_id, clock.now()) is None:
            task = _own(connection, actor, task_id)
            if task.status != Status.CANCELLED:  # somebody else has just done that
                raise Conflict(f"The task has ended already: it is {task.status}.")
        task = _own(connection, actor, task_id)
    results(database()).wake([task_id] if task.status == Status.CANCELLED else [])
    return task


def retry(actor: Actor, task_id: str) -> AnyRow:
    """Raises:
    Conflict: it has not ended, or it has succeeded, or its unique key is another task's by now.
    """
    with transaction.own(database()) as connection:
        task = _own(connection, actor, task_id)
        if not control.retry(connection, task_id, clock.now()):
            if control.is_told_of(connection, task_id):
                raise Conflict("Those that waited for it are still being told how it ended. Try again in a second.")
            if holder := unique.take_back(connection, task_id, clock.now()):
                raise Conflict(f"The task {holder} has its unique key by now.")
            raise Conflict(f"Only a task that ended without success can be retried; this one is {task.status}.")
        task = _own(connection, actor, task_id)
    waiting(database()).wake([task.queue])
    return task


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
        payload=checked_payload(sent["payload"], definition) if "payload" in sent else None,
        command_version=definition.schema_version if definition else None,
        tags=list(dict.fromkeys(sent["tags"])) if "tags" in sent else None,
    )
    with transaction.own(database()) as connection:
        task = _own(connection, actor, task_id)
        if not control.change(connection, task_id, new, clock.now()):
            raise Conflict(f"Only a task that waits can be changed; this one is {task.status}.")
        task = _own(connection, actor, task_id)
    waiting(database()).wake([task.queue])
    return task


def remove(actor: Actor, task_id: str) -> None:
    """Raises:
    Conflict: it has not ended.
    """
    with transaction.own(database()) as connection:
        task = _own(connection, actor, task_id)
        if not control.remove(connection, task_id):
            raise Conflict(f"Only a task that has ended can be deleted; this one is {task.status}. Cancel it first.")
