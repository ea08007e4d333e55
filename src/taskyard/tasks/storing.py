"""What is done in the transaction in which tasks are accepted: keys got, tasks stored, answers kept.

Plain tasks are stored without looking at each; on PostgreSQL without a transaction, by one statement.
"""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.core import clock, idempotency, transaction
from taskyard.core.bulk import GuardedInserts
from taskyard.core.db import database
from taskyard.core.errors import Conflict, TaskyardError
from taskyard.core.idempotency import Answer, Once, Repeated
from taskyard.core.lists import postgresql_array
from taskyard.core.shortcut import shortcut
from taskyard.queue import gates, linking, plain, read, unique
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.ready import gathered
from taskyard.queue.unique import Unique, Verdict
from taskyard.tasks import render


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Item:
    """A new task; `shown` is it as JSON, empty where nobody asks to see it."""

    task: NewTask
    unique: Unique | None
    shown: bytes


@dataclass(slots=True)  # frozen, it would take twice as long to make
class Accepted:
    """A task that is stored: with 201 a new one, with 200 the one that has its unique key. `shown` is it as JSON."""

    status: int
    id: str
    shown: bytes


Outcome = Accepted | Conflict


@dataclass(frozen=True, slots=True)
class Submission:
    """Tasks that were checked against the catalogue as it was at `revision`.

    `answer` makes one of what became of each; where that is a refusal, nothing of it is stored. It may be called again:
    what was tried by a short way, or in a transaction with others, is done anew.
    """

    items: list[Item]
    revision: int
    answer: Callable[[list[Outcome]], Answer | TaskyardError]
    once: Once | None = None
    also: Callable[[Connection], None] | None = None  # what else is written where it is accepted


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of a submission: `answer` is None where the catalogue was not (any longer) at its revision."""

    revision: int
    answer: Answer | TaskyardError | None = None
    replaced: list[str] = field(default_factory=list)


_INSERTS = (*plain.INSERTS, idempotency.KEEP)
_PLAIN = GuardedInserts(f"{catalogue.AT_REVISION} AND {plain.ADMITTED}", *_INSERTS)


def accept(submission: Submission) -> Stored:
    """Store it, together with those of concurrent requests."""
    return transaction.batch(database(), store, submission, store_plain)


def store_plain(connection: Connection, submissions: list[Submission]) -> list[Stored] | None:
    """Store them all alike; None: there is more to do, and nothing was done."""
    now = clock.now()
    tasks = [item.task for one in submissions for item in one.items]
    revisions = {one.revision for one in submissions}
    if len(revisions) > 1 or any(one.also for one in submissions) or not all(plain.is_plain(t, now) for t in tasks):
        return None
    return shortcut(database(), store).tried(lambda: _insert(connection, submissions, tasks, now))


def _insert(
    connection: Connection, submissions: list[Submission], tasks: list[NewTask], now: datetime
) -> list[Stored] | None:
    """Insert plain tasks; None: the catalogue has changed, or a queue is closed or fair."""
    revision, queues = submissions[0].revision, {t.queue for t in tasks}
    on_sqlite = connection.dialect.name == "sqlite"
    if on_sqlite and not (catalogue.revision(connection) == revision and plain.admitted(connection, queues)):
        return None
    answers = [one.answer([Accepted(201, item.task.id, item.shown) for item in one.items]) for one in submissions]
    told = [answer for answer in answers if isinstance(answer, Answer)]
    if len(told) < len(answers):
        return None
    kept = [idempotency.row(one.once, answer) for one, answer in zip(submissions, told, strict=True) if one.once]
    rows = [*plain.stored_as(tasks, now), kept]
    with idempotency.telling_repeats():
        if on_sqlite:
            for insert, of in zip(_INSERTS, rows, strict=True):
                if of:
                    insert.run(connection, of)
        elif not _PLAIN.run(connection, (revision, postgresql_array(list(queues))), rows):
            return None
    return [Stored(revision, answer) for answer in told]


def store(connection: Connection, submissions: list[Submission]) -> list[Stored]:
    """Store those that were checked against the catalogue as it is."""
    on_sqlite = connection.dialect.name == "sqlite"  # where it has not been tried before
    if on_sqlite and (done := store_plain(connection, submissions)) is not None:
        return done
    revision = catalogue.revision(connection)
    fresh = [one for one in submissions if one.revision == revision]
    verdicts = _enqueue(connection, [item for one in fresh for item in one.items])
    return [_stored(connection, one, verdicts) if one.revision == revision else Stored(revision) for one in submissions]


def _enqueue(connection: Connection, items: list[Item]) -> dict[str, Verdict | Conflict]:
    """What became of each by its id."""
    now, rules = clock.now(), gates.rules(connection)
    verdicts: dict[str, Verdict | Conflict] = {
        item.task.id: gates.refusal(item.task.queue) for item in items if item.task.queue in rules.closed
    }
    admissible = [(item.task, item.unique) for item in items if item.task.queue not in rules.closed]
    if any(new.waits for new, _ in admissible):
        with gathered(connection, now, rules):
            return verdicts | linking.store(connection, admissible, verdicts, now)
    rounds = unique.rounds(admissible)
    # Of several rounds each gets keys: what locks the shares of a queue has to come after all of them.
    with gathered(connection, now, rules) if len(rounds) > 1 else nullcontext():
        for wanted in rounds:
            found = unique.admit(connection, wanted, now)
            if admitted := [new for new, _ in wanted if found[new.id].other is None]:
                enqueue(connection, admitted, now, rules)
            verdicts |= found
    return verdicts


def _stored(connection: Connection, one: Submission, verdicts: dict[str, Verdict | Conflict]) -> Stored:
    answer = one.answer(_outcomes(connection, one.items, verdicts))
    if isinstance(answer, Answer):
        if one.once is not None:
            idempotency.keep(connection, one.once, answer)
        if one.also is not None:
            one.also(connection)
        return Stored(one.revision, answer, _replaced(one.items, verdicts))
    if one.once is not None and idempotency.find_within(connection, one.once) is not None:
        raise Repeated  # what is in the way is the first task of the same call
    if len(one.items) > 1:
        raise answer  # some of it is written
    return Stored(one.revision, answer)


def _outcomes(connection: Connection, items: list[Item], verdicts: dict[str, Verdict | Conflict]) -> list[Outcome]:
    moved = [item.task.id for item in items if item.task.waits and item.shown]  # by what it waits for
    if len(items) > 1 and items[0].shown:
        moved += _replaced(items, verdicts)  # by a later one, as may be
    rows = read.some(connection, moved, clock.now()) if moved else {}
    shown = {task_id: orjson.dumps(render.task(row)) for task_id, row in rows.items()}
    return [_outcome(item, verdicts[item.task.id], shown) for item in items]


def _replaced(items: list[Item], verdicts: dict[str, Verdict | Conflict]) -> list[str]:
    became = (verdicts[item.task.id] for item in items)
    return [verdict.replaced for verdict in became if isinstance(verdict, Verdict) and verdict.replaced]


def _outcome(item: Item, verdict: Verdict | Conflict, shown: dict[str, bytes]) -> Outcome:
    """`shown` are tasks that are no more as they were sent, or as they were when they were found."""
    if isinstance(verdict, Conflict):
        return verdict
    if verdict.other is None:
        return Accepted(201, item.task.id, shown.get(item.task.id, item.shown))
    if verdict.instead:
        return Accepted(200, verdict.other.id, shown.get(verdict.other.id) or orjson.dumps(render.task(verdict.other)))
    return Conflict(f"The task {verdict.other.id} has this unique key; it is {verdict.other.status}.")
