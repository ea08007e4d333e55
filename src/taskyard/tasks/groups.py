"""What can be done with groups, and by whom: as with tasks, what is not yours is not there."""

from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, database
from taskyard.core.errors import Conflict, Invalid, NotFound, TaskyardError
from taskyard.core.idempotency import Answer, Once
from taskyard.core.ids import NIL, new_id
from taskyard.core.types import instant_to_text
from taskyard.queue import control, groups
from taskyard.queue.groups import Group
from taskyard.queue.lifecycle import Status
from taskyard.tasks import batches
from taskyard.tasks.batches import Loaded
from taskyard.tasks.group_schemas import CompletionIn
from taskyard.tasks.results import results
from taskyard.tasks.schemas import TaskIn
from taskyard.tasks.storing import Accepted, Item, Outcome, Submission, accept
from taskyard.tasks.waiting import waiting
from taskyard.users.actor import Actor

SLICE = 200  # tasks a transaction
TASK, COMPLETION = TaskIn(), CompletionIn()


def submit(actor: Actor, sent: dict[str, Any], once: Once | None, *, closed: bool = False) -> Answer:
    """Accept a group, all of it or nothing. `sent` is a loaded GroupIn, but for its tasks.

    Raises:
        Invalid: some of its tasks are wrong; lists every fault of each.
        Conflict: another task has the unique key of one of them, or a queue is closed.
    """
    group_id, loaded = new_id(), _loaded(sent)
    for one in loaded:
        if not isinstance(one, Invalid):
            one["group_id"] = group_id
    where = [batches.at(index) for index in range(len(sent["tasks"]))] + ["/completion"]
    asked = [one for entry, at in zip(loaded, where, strict=True) for one in batches.tasks_of(entry, at)]
    while True:
        revision, checked = batches.check(actor, asked, closed=closed, show=False)
        refused = [fault for one in checked if isinstance(one, Invalid) for fault in one.faults]
        if not refused:
            items = [one for one in checked if isinstance(one, Item)]
            stored = accept(_submission(actor, group_id, items, revision, once))
            if stored.answer is not None:
                break
        elif catalogue.is_newest(revision):
            raise Invalid(refused)
        catalogue.forget()  # it has changed since this process last looked: check again
    if isinstance(stored.answer, TaskyardError):
        raise stored.answer
    results(database()).wake(stored.replaced)
    waiting(database()).wake([one.task.queue for one in items if one.task.run_at <= one.task.created_at])
    return stored.answer


def _loaded(sent: dict[str, Any]) -> list[Loaded]:
    """Its tasks and, last, the completion, which waits for each of them by its position."""
    tasks = [batches.load(one, batches.at(index), TASK) for index, one in enumerate(sent["tasks"])]
    completion = batches.load(sent["completion"], "/completion", COMPLETION)
    if not isinstance(completion, Invalid):
        # A task that is refused is told of itself.
        accepted = [index for index, one in enumerate(tasks) if not isinstance(one, Invalid)]
        completion |= {"after": [f"#{index}" for index in accepted], "on_failure": sent["on_failure"]}
    return [*tasks, completion]


def _submission(actor: Actor, group_id: str, items: list[Item], revision: int, once: Once | None) -> Submission:
    completion_id, now = items[-1].task.id, items[-1].task.created_at

    def also(connection: Connection) -> None:
        groups.add(connection, group_id, actor.user_id, completion_id, now)

    def answer(outcomes: list[Outcome]) -> Answer | TaskyardError:
        for index, one in enumerate(outcomes):
            if isinstance(one, Conflict):
                at = batches.at(index) if index < len(items) - 1 else "/completion"
                return Conflict(f"{at}: {one.detail} Nothing of this group was accepted.")
        ids = [one.id for one in outcomes if isinstance(one, Accepted)]
        told = {"id": group_id, "task_ids": ids[:-1], "completion_id": ids[-1], "created_at": instant_to_text(now)}
        return Answer(201, {"Location": f"/v1/groups/{group_id}"}, orjson.dumps(told))

    return Submission(items, revision, answer, once, also)


def get(actor: Actor, group_id: str) -> Group:
    """Raises:
    NotFound: there is no such group, or it is not the actor's.
    """
    with database().read.connect() as connection:
        return groups.counted(connection, _seen(connection, actor, group_id), clock.now())


def _seen(connection: Connection, actor: Actor, group_id: str) -> AnyRow:
    row = groups.find(connection, group_id)
    if row is None or not (actor.sees_all_tasks or row.owner_id == actor.user_id):
        raise NotFound("There is no such group.")
    return row


def cancel(actor: Actor, group_id: str) -> Group:
    """Cancel what is open of a group, slice by slice, the completion first: it must not be let go by the others.

    Raises:
        Conflict: all of it has ended already.
    """
    with transaction.own(database()) as connection:
        row, now = _seen(connection, actor, group_id), clock.now()
        done = [control.cancel(connection, row.completion_id, now)]
    above = NIL
    while True:
        with transaction.own(database()) as connection:
            ids = groups.open_tasks(connection, group_id, above, SLICE)
            done += [control.cancel(connection, one, clock.now()) for one in ids]
        if len(ids) < SLICE:
            break
        above = ids[-1]
    found = get(actor, group_id)
    if found.completion_status != Status.CANCELLED and not any(done):
        raise Conflict("All tasks of this group have ended already.")
    return found
