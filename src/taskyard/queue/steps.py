"""Claiming step by step: on SQLite, and wherever a queue has limits, as each task is then judged before it is taken."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select

from taskyard.core.bulk import BulkInsert
from taskyard.core.db import AnyRow
from taskyard.core.lists import among
from taskyard.queue import gates, limits, parking
from taskyard.queue.lanes import first_to_lower
from taskyard.queue.lifecycle import PRIORITIES
from taskyard.queue.limits import Book
from taskyard.queue.tables import lease, ready
from taskyard.queue.tokens import FENCE_BYTES

MOST_PARKED = 500  # by one claim, so that it holds its locks for a short time; the next one goes on
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


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker asks for."""

    holder_id: str
    worker: str
    queues: list[str]
    limit: int
    lease_s: int
    claim_id: str | None = None

    def expires_at(self, now: datetime) -> datetime:
        return now + timedelta(seconds=self.lease_s)


@dataclass(slots=True)  # frozen, it would take twice as long to make
class _Chosen:
    row: AnyRow  # of `ready`
    at: datetime


class Steps:
    """What the claims of one transaction share."""

    def __init__(self, connection: Connection, queues: set[str], now: datetime) -> None:
        self._connection, self._now = connection, now
        self._always = connection.dialect.name == "sqlite"
        self._known = gates.seen_limited(connection)
        self._shut: gates.Shut | None = None
        self._books: dict[str, Book] = {}
        self._empty: set[tuple[str, int]] = set()  # lines of queues without limits that have given all they had
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

    def take(self, wanted: Claim, room: int) -> list[str]:
        """Take up to `room` tasks for this claim; their ids, higher priorities first."""
        assert self._shut is not None
        queues = self._shut.less(wanted.holder_id, wanted.worker, wanted.queues)
        # Who else holds the lock of a limited queue has it for itself this time.
        queues = [name for name in queues if name not in self._shut.limited or name in self._books]
        taken: list[_Chosen] = []
        parked = 0
        for lane, most in [*first_to_lower(room), *((lane, room) for lane in PRIORITIES)]:
            before = len(taken)
            for name in queues:
                left = min(room - len(taken), most - (len(taken) - before))
                if left > 0:
                    found, aside = self._visit(name, lane, left, MOST_PARKED - parked)
                    taken += found
                    parked += aside
        if not taken:
            return []
        taken.sort(key=lambda one: (one.row.lane, queues.index(one.row.queue), one.row[3], one.row.seq))
        self._lease(wanted, taken)
        return [one.row.task_id for one in taken]

    def _visit(self, name: str, lane: int, room: int, may_park: int) -> tuple[list[_Chosen], int]:
        """Take up to `room` tasks from the head of one lane of a queue, parking what is over the limit of its key."""
        book = self._books.get(name)
        if book is None:
            rows = self._heads(name, lane, room) if (name, lane) not in self._empty else []
            if len(rows) < room:
                self._empty.add((name, lane))
            self._remove(rows)
            return [_Chosen(row, self._now) for row in rows], 0
        taken: list[_Chosen] = []
        aside: list[AnyRow] = []
        size = room
        while len(taken) < room and len(aside) < may_park and book.whole.room != 0:
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
                    taken.append(_Chosen(row, book.start(row.limit_key)))
            self._remove([*(one.row for one in taken[chosen:]), *aside[before:]])
            if len(rows) < size:
                break
            size = min(2 * size, MOST_READ)
        if aside:
            parking.park(self._connection, aside)
        return taken, len(aside)

    def _heads(self, name: str, lane: int, room: int) -> Sequence[AnyRow]:
        return self._connection.execute(_HEAD, {"queue": name, "lane": lane, "room": room}).all()

    def _remove(self, rows: Sequence[AnyRow]) -> None:
        if rows:
            self._connection.execute(_GONE, {"ids": [row.task_id for row in rows]})

    def _lease(self, wanted: Claim, taken: list[_Chosen]) -> None:
        who = (wanted.worker, wanted.holder_id, wanted.claim_id)
        ends: dict[datetime, datetime] = {}
        rows = []
        for one, fence in zip(taken, _fences(len(taken)), strict=True):
            task_id, queue, lane, _, _, attempts, limit_key, fairness_key = one.row
            expires_at = ends.get(one.at) or ends.setdefault(one.at, wanted.expires_at(one.at))
            rows.append((task_id, fence, attempts + 1, queue, lane, *who, one.at, expires_at, limit_key, fairness_key))
        _LEASE.run(self._connection, rows)

    def end(self) -> None:
        """Write down what the limits are to know of these claims."""
        for _, book in sorted(self._books.items()):
            book.keep()


def _fences(count: int) -> list[str]:
    drawn = secrets.token_hex(count * FENCE_BYTES)
    return [drawn[start : start + 2 * FENCE_BYTES] for start in range(0, len(drawn), 2 * FENCE_BYTES)]
