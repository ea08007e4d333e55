"""Business uniqueness: one task at a time holds a key of its owner.

The primary key of `unique_key` decides between two that come at once. Whether its holder still counts is judged when
somebody else asks for the key, from the holder's status then: so no claim, no settling and no sweep touches the row.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import Connection, bindparam, delete, select, text, update

from taskyard.core.db import AnyRow
from taskyard.core.types import Id, Instant, Json
from taskyard.queue import read
from taskyard.queue.ending import end
from taskyard.queue.enqueue import NewTask
from taskyard.queue.lifecycle import OUTCOMES, Status
from taskyard.queue.portions import portions
from taskyard.queue.ready import take
from taskyard.queue.tables import task, unique_key

OPEN = [status.value for status in Status if status not in OUTCOMES]


class OnConflict(StrEnum):
    """What to do where another task holds the key."""

    REJECT = "reject"
    RETURN = "return"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Unique:
    """The key that a new task asks for, and while what it holds it: in these statuses, and until then at least."""

    key: str
    statuses: list[str]
    until: datetime | None = None
    on_conflict: OnConflict = OnConflict.REJECT


@dataclass(frozen=True, slots=True)
class Verdict:
    """`other` is the task in the way; where there is none the key was got. `replaced` was cancelled for that."""

    other: AnyRow | None = None
    instead: bool = False  # `other` is the answer
    replaced: str | None = None


Wanted = tuple[NewTask, Unique | None]

# The row there is, locked until the commit, or a new one. The update changes nothing: it makes RETURNING return it.
_HOLD = (
    text(
        'INSERT INTO unique_key (owner_id, "key", task_id, statuses, until)'
        " VALUES (:owner, :name, :task_id, :statuses, :until)"
        ' ON CONFLICT (owner_id, "key") DO UPDATE SET "key" = excluded."key" RETURNING task_id, statuses, until'
    )
    .bindparams(
        bindparam("owner", type_=Id),
        bindparam("task_id", type_=Id),
        bindparam("statuses", type_=Json),
        bindparam("until", type_=Instant),
    )
    .columns(task_id=Id, statuses=Json, until=Instant)
)
_PASS_ON = (
    update(unique_key)
    .where(unique_key.c.owner_id == bindparam("owner"), unique_key.c.key == bindparam("name"))
    .values(task_id=bindparam("to"), statuses=bindparam("new_statuses", type_=Json), until=bindparam("new_until"))
)
_KEY_OF = select(task.c.owner_id, task.c.unique_key).where(task.c.id == bindparam("id"))
_KEYS_OF = select(task.c.id, task.c.owner_id, task.c.unique_key, task.c.outcome).where(
    task.c.id.in_(bindparam("ids", expanding=True)), task.c.unique_key.is_not(None)
)
_STAYS = (
    select(task.c.id)
    .where(task.c.id.in_(bindparam("ids", expanding=True)))
    .order_by(task.c.id)
    .with_for_update(read=True, key_share=True)
)
_FORGET = delete(unique_key).where(unique_key.c.task_id.in_(bindparam("ids", expanding=True)))
_LOCK = (
    select(unique_key.c.task_id)
    .where(unique_key.c.owner_id == bindparam("owner"), unique_key.c.key == bindparam("name"))
    .with_for_update()
)


def holds(status: str | None, statuses: list[str], until: datetime | None, now: datetime) -> bool:
    """Whether a task of this status (None: deleted) still holds its key."""
    return status is not None and (status in statuses or (until is not None and until > now))


def rounds(wanted: Iterable[Wanted]) -> list[list[Wanted]]:
    """New tasks such that none asks for a key that one before it in its round asks for, each round after the other."""
    seen: Counter[tuple[str, str]] = Counter()
    found: list[list[Wanted]] = []
    for new, unique in wanted:
        at = 0
        if unique is not None:
            at = seen[new.owner_id, unique.key]
            seen[new.owner_id, unique.key] += 1
        if at == len(found):
            found.append([])
        found[at].append((new, unique))
    return found


def hold(connection: Connection, wanted: Iterable[Wanted]) -> None:
    """Lock all these keys, in the one order, for tasks that get them in several rounds: each for the first that asks.

    What is not stored after all has to `let_go` of them.
    """
    first: dict[tuple[str, str], Wanted] = {}
    for new, unique in wanted:
        if unique is not None:
            first.setdefault((new.owner_id, unique.key), (new, unique))
    for _, (new, unique) in sorted(first.items(), key=lambda one: one[0]):
        if unique is not None:
            _hold(connection, new.owner_id, unique, new.id)


def let_go(connection: Connection, ids: list[str]) -> None:
    """Forget keys that are held for these, which were not stored."""
    for portion in portions(ids):
        connection.execute(_FORGET, {"ids": portion})


def admit(connection: Connection, wanted: list[Wanted], now: datetime) -> dict[str, Verdict]:
    """Get the keys for the new tasks of one round, which are stored next; a verdict for each, by its id."""
    held = {}
    for new, unique in sorted(wanted, key=_name):  # in one order everywhere, so that no two wait for one another
        if unique is not None:
            held[new.id] = _hold(connection, new.owner_id, unique, new.id)
    verdicts = {new.id: Verdict() for new, unique in wanted if unique is None}
    # Those who are replaced by their ids, as whoever cancels many goes by that.
    for new, unique in sorted(wanted, key=lambda one: held[one[0].id].task_id if one[0].id in held else ""):
        if unique is not None:
            verdicts[new.id] = _judge(connection, new, unique, held[new.id], now)
    return verdicts


def _name(wanted: Wanted) -> tuple[str, str]:
    new, unique = wanted
    return new.owner_id, unique.key if unique is not None else ""


def _hold(connection: Connection, owner_id: str, unique: Unique, task_id: str) -> AnyRow:
    row = {"owner": owner_id, "name": unique.key, "task_id": task_id}
    return connection.execute(_HOLD, row | {"statuses": unique.statuses, "until": unique.until}).one()


def _judge(connection: Connection, new: NewTask, unique: Unique, held: AnyRow, now: datetime) -> Verdict:
    if held.task_id == new.id:
        return Verdict()
    other = read.one(connection, held.task_id, now)
    if other is None or not holds(other.status, held.statuses, held.until, now):
        replaced = None
    elif unique.on_conflict is OnConflict.REPLACE and take(connection, other.id):
        end(connection, [other.id], Status.CANCELLED, now)
        replaced = other.id
    else:
        return Verdict(other, instead=unique.on_conflict is OnConflict.RETURN)
    row = {"owner": new.owner_id, "name": unique.key, "to": new.id}
    connection.execute(_PASS_ON, row | {"new_statuses": unique.statuses, "new_until": unique.until})
    return Verdict(replaced=replaced)


def lock_keys(connection: Connection, ids: list[str], *, to_open: bool) -> None:
    """Lock the keys of these tasks, in the one order, so that the tasks can follow in theirs.

    Where those that have ended are to be opened again, a key that nobody has is noted for its task, which does not hold
    it yet. One whose task was deleted meanwhile, and had none to be locked, is taken back.
    """
    found = connection.execute(_KEYS_OF, {"ids": ids}).all()
    for of in sorted(found, key=lambda of: (of.owner_id, of.unique_key)):
        if to_open and of.outcome is not None:
            _hold(connection, of.owner_id, Unique(of.unique_key, OPEN), of.id)
        else:
            connection.execute(_LOCK, {"owner": of.owner_id, "name": of.unique_key})
    noted = [of.id for of in found if to_open and of.outcome is not None]
    if noted:
        there = set(connection.execute(_STAYS, {"ids": noted}).scalars())
        let_go(connection, [one for one in noted if one not in there])


def take_back(connection: Connection, task_id: str, now: datetime) -> str | None:
    """Get the key of a task that is about to be opened again; the id of the task that holds it now, if another does."""
    of = connection.execute(_KEY_OF, {"id": task_id}).first()
    if of is None or of.unique_key is None:
        return None
    held = _hold(connection, of.owner_id, Unique(of.unique_key, OPEN), task_id)
    if held.task_id == task_id:
        return None
    other = read.one(connection, held.task_id, now)
    if other is not None and holds(other.status, held.statuses, held.until, now):
        return str(held.task_id)
    row = {"owner": of.owner_id, "name": of.unique_key, "to": task_id}
    connection.execute(_PASS_ON, row | {"new_statuses": OPEN, "new_until": None})
    return None
