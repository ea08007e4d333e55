"""Claiming step by step: on SQLite, and wherever a queue has limits, as each task is then judged before it is taken."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, delete, select

from taskyard.core import driver
from taskyard.core.bulk import BulkInsert
from taskyard.core.db import AnyRow
from taskyard.core.lists import among
from taskyard.queue import gates, leases, limits, parking, sqlite
from taskyard.queue.lanes import first_to_lower, turns
from taskyard.queue.leases import Claim, Lease
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.limits import Book
from taskyard.queue.tables import lease, ready
from taskyard.queue.tokens import FENCE_BYTES

MOST_PARKED = 500  # in one transaction, so that it holds its locks for a short time; the next one goes on
MOST_READ = 500

_HEAD = (
    select(ready)
    .where(ready.c.queue == bindparam("queue"), ready.c.lane == bindparam("lane"))
    .order_by(ready.c["pass"], ready.c.seq)
    .limit(bindparam("room"))
    .with_for_update(skip_locked=True)
)
_GONE = delete(ready).where(among(ready.c.task_id, "ids"))
_LEASE = BulkInsert(
    lease,
    *("task_id", "token", "attempt", "queue", "lane", "worker", "holder_id", "claim_id", "leased_at", "expires_at"),
    *("limit_key", "fairness_key"),
)


_KEPT = len(ready.columns)
_Head = Sequence[Any]  # a row of `ready`, and of a line without limits on SQLite its task's columns after it
_Chosen = tuple[_Head, datetime]  # and when its lease begins


@dataclass(slots=True)
class Got:
    """Tasks that are a claim's from now on, by id, with those that were `read` as they were taken.

    `cut`: so many were over a limit that it got no further. Of queues that are found to be `limited` PostgreSQL takes
    nothing at first.
    """

    ids: list[str]
    read: dict[str, Lease] = field(default_factory=dict)
    draining: bool = False
    cut: bool = False
    limited: list[str] = field(default_factory=list)


class Steps:
    """What the claims of one transaction share."""

    def __init__(self, connection: Connection, queues: set[str], now: datetime) -> None:
        self._connection, self._now = connection, now
        self._always = connection.dialect.name == "sqlite"
        self._known = gates.seen_limited(connection)
        self._shut: gates.Shut | None = None
        self._books: dict[str, Book] = {}
        self._may_park = MOST_PARKED
        self._empty: set[tuple[str, int]] = set()  # lines that have given all they had
        if self._always or not self._known.isdisjoint(queues):
            self._look(queues, wait=True)

    def _look(self, queues: set[str], *, wait: bool) -> None:
        self._shut = gates.shut(self._connection)
        self._known.clear()
        self._known |= self._shut.limited
        wanted = (self._shut.limited & queues) - self._books.keys()
        self._books |= limits.open_books(self._connection, wanted, self._now, wait=wait)

    def needed(self, queues: list[str]) -> bool:
        """Whether a claim on these queues has to be done here."""
        return self._always or (self._shut is not None and not self._shut.limited.isdisjoint(queues))

    def draining(self, wanted: Claim) -> bool:
        return self._shut is not None and (wanted.holder_id, wanted.worker) in self._shut.draining

    def limits(self, queues: list[str]) -> bool:
        """Whether one of these has limits that were looked at here."""
        return not self._books.keys().isdisjoint(queues)

    def learn(self, limited: list[str]) -> None:
        """These queues were found to have limits. Others may be locked already, so nobody is waited for."""
        self._look(set(limited), wait=False)

    def take(self, wanted: Claim, room: int) -> Got:
        """Take up to `room` tasks for this claim, higher priorities first."""
        assert self._shut is not None
        queues = self._shut.less(wanted.holder_id, wanted.worker, wanted.queues)
        # Who else holds the lock of a limited queue has it for itself this time.
        queues = [name for name in queues if name not in self._shut.limited or name in self._books]
        lines: dict[tuple[int, int], list[_Chosen]] = {}  # each as it was found, in one visit or two
        count, cut = 0, False
        first = turns(room) if self.limits(queues) else first_to_lower(room)
        for lane, most in [*first, *((lane, room) for lane in PRIORITIES)]:
            before = count
            for place, name in enumerate(queues):
                left = min(room - count, most - (count - before))
                if left > 0:
                    found, through = self._visit(name, lane, left)
                    lines.setdefault((lane, place), []).extend(found)
                    count += len(found)
                    cut = cut or not through
        taken = [one for _, line in sorted(lines.items()) for one in line]
        read = self._lease(wanted, taken) if taken else {}
        return Got([head[0] for head, _ in taken], read, self.draining(wanted), cut)

    def _visit(self, name: str, lane: int, room: int) -> tuple[list[_Chosen], bool]:
        """Take up to `room` tasks from the head of one lane of a queue, parking what is over the limit of its key.

        False besides: there may be more behind what was parked.
        """
        if (name, lane) in self._empty:
            return [], True
        book = self._books.get(name)
        if book is None:
            heads = self._heads_read(name, lane, room)
            if len(heads) < room:
                self._empty.add((name, lane))
            self._remove(heads)
            return [(head, self._now) for head in heads], True
        taken: list[_Chosen] = []
        aside: list[AnyRow] = []
        size = room
        through = False
        while not (through or len(taken) == room or book.whole.room == 0) and len(aside) < self._may_park:
            rows = self._heads(name, lane, size)
            before = len(aside)
            book.read(row.limit_key for row in rows if row.limit_key is not None)
            chosen = len(taken)
            for row in rows:
                if len(taken) == room or book.whole.room == 0:
                    break
                if row.limit_key is not None and book.key(row.limit_key).room == 0:
                    book.key(row.limit_key).parked = True
                    aside.append(row)
                else:
                    taken.append((row, book.start(row.limit_key)))
            self._remove([*(row for row, _ in taken[chosen:]), *aside[before:]])
            if len(rows) < size and len(taken) < room and book.whole.room != 0:
                through = True
                self._empty.add((name, lane))
            size = min(2 * size, MOST_READ)
        if aside:
            parking.park(self._connection, aside, book.weights)
            self._may_park -= len(aside)
        return taken, through or len(taken) == room or book.whole.room == 0

    def _heads(self, name: str, lane: int, room: int) -> Sequence[AnyRow]:
        return self._connection.execute(_HEAD, {"queue": name, "lane": lane, "room": room}).all()

    def _heads_read(self, name: str, lane: int, room: int) -> Sequence[_Head]:
        """The same of a line that is taken as it stands: on SQLite with its tasks, which nobody changes meanwhile."""
        if not self._always:
            return self._heads(name, lane, room)
        with driver.own(self._connection, sqlite.HEAD) as its:
            found: list[_Head] = its.execute(sqlite.HEAD, (name, lane, room)).fetchall()
            return found

    def _remove(self, heads: Sequence[_Head]) -> None:
        if heads:
            self._connection.execute(_GONE, {"ids": [head[0] for head in heads]})

    def _lease(self, wanted: Claim, taken: list[_Chosen]) -> dict[str, Lease]:
        """Lease them; those that were read with their tasks."""
        who = (wanted.worker, wanted.holder_id, wanted.claim_id)
        ends: dict[datetime, datetime] = {}
        rows: list[tuple[Any, ...]] = []
        read: dict[str, Lease] = {}
        for (head, at), fence in zip(taken, _fences(len(taken)), strict=True):
            task_id, queue, lane, _, _, attempts, limit_key, fairness_key = head[:_KEPT]
            expires_at = ends.get(at) or ends.setdefault(at, wanted.expires_at(at))
            rows.append((task_id, fence, attempts + 1, queue, lane, *who, at, expires_at, limit_key, fairness_key))
            if len(head) > _KEPT and head[_KEPT] is not None:
                read[task_id] = leases.made_of(expires_at, task_id, fence, attempts + 1, *head[_KEPT:])
        _LEASE.run(self._connection, rows)
        return read

    def end(self) -> None:
        """Write down what the limits are to know of these claims."""
        for _, book in sorted(self._books.items()):
            book.keep()


def _fences(count: int) -> list[str]:
    drawn = secrets.token_hex(count * FENCE_BYTES)
    return [drawn[start : start + 2 * FENCE_BYTES] for start in range(0, len(drawn), 2 * FENCE_BYTES)]
