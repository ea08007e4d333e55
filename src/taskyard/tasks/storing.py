"""What is done in the transaction in which tasks are accepted: keys got, tasks stored, answers kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.core import clock, idempotency
from taskyard.core.errors import Conflict, TaskyardError
from taskyard.core.idempotency import Answer, Once, Repeated
from taskyard.queue import gates, unique
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.unique import OnConflict, Unique, Verdict
from taskyard.tasks import render


@dataclass(frozen=True, slots=True)
class Item:
    """A new task; `shown` is it as JSON."""

    task: NewTask
    unique: Unique | None
    shown: bytes


Outcome = Answer | Conflict


@dataclass(frozen=True, slots=True)
class Submission:
    """Tasks that were checked against the catalogue as it was at `revision`.

    `answer` makes one of what became of each; where that is a refusal, nothing of it is stored.
    """

    items: list[Item]
    revision: int
    answer: Callable[[list[Outcome]], Answer | TaskyardError]
    once: Once | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a submission: `answer` is None where the catalogue was not (any longer) at its revision."""

    revision: int
    answer: Answer | TaskyardError | None = None
    replaced: list[str] = field(default_factory=list)


def store(connection: Connection, submissions: list[Submission]) -> list[Stored]:
    """Store those that were checked against the catalogue as it is."""
    revision = catalogue.revision(connection)
    fresh = [one for one in submissions if one.revision == revision]
    verdicts = _enqueue(connection, [item for one in fresh for item in one.items])
    return [_stored(connection, one, verdicts) if one.revision == revision else Stored(revision) for one in submissions]


def _enqueue(connection: Connection, items: list[Item]) -> dict[str, Verdict]:
    """What became of each by its id; those whose queue is closed are left out."""
    verdicts: dict[str, Verdict] = {}
    now, closed = clock.now(), gates.closed(connection)
    for wanted in unique.rounds((item.task, item.unique) for item in items if item.task.queue not in closed):
        found = unique.admit(connection, wanted, now)
        if admitted := [new for new, _ in wanted if found[new.id].other is None]:
            enqueue(connection, admitted, now)
        verdicts |= found
    return verdicts


def _stored(connection: Connection, one: Submission, verdicts: dict[str, Verdict]) -> Stored:
    answer = one.answer([_outcome(item, verdicts.get(item.task.id)) for item in one.items])
    if isinstance(answer, Answer):
        if one.once is not None:
            idempotency.keep(connection, one.once, answer)
        replaced = [verdicts[item.task.id].replaced for item in one.items if item.task.id in verdicts]
        return Stored(one.revision, answer, [task_id for task_id in replaced if task_id is not None])
    if one.once is not None and idempotency.find(connection, one.once) is not None:
        raise Repeated  # what is in the way is the first task of the same call
    if len(one.items) > 1:
        raise answer  # some of it is written
    return Stored(one.revision, answer)


def _outcome(item: Item, verdict: Verdict | None) -> Outcome:
    if verdict is None:
        return gates.refusal(item.task.queue)
    if verdict.other is None:
        return Answer(201, _location(item.task.id), item.shown)
    if item.unique is not None and item.unique.on_conflict is OnConflict.RETURN:
        return Answer(200, _location(verdict.other.id), orjson.dumps(render.task(verdict.other)))
    return Conflict(f"The task {verdict.other.id} has this unique key; it is {verdict.other.status}.")


def _location(task_id: Any) -> dict[str, str]:
    return {"Location": f"/v1/tasks/{task_id}"}
