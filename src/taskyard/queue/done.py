"""Settling attempts that have succeeded, many at once, where nothing more is to be done of them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.core import driver
from taskyard.core.lists import postgresql_array
from taskyard.core.types import instant_to_text
from taskyard.queue import gates, postgresql, sqlite
from taskyard.queue.lifecycle import Status
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, Settled
from taskyard.queue.tokens import make_token

Freed = Sequence[Any]  # a queue, and how many of its leases are gone


def all_done(reports: list[Report]) -> bool:
    """Whether these may be settled so: each has succeeded, and is about a task of its own."""
    succeeded = {of.task_id for of in reports if of.outcome is Outcome.SUCCEEDED}
    return len(succeeded) == len(reports)


class Done:
    """Settles them: one statement on PostgreSQL, and on SQLite two that do something, where none of them left a log.

    `more` is a condition on `task` under which there is more to do.
    """

    def __init__(self, more: str) -> None:
        self._postgresql = postgresql.done(more)
        self._sqlite = sqlite.done(more)

    def settle(self, connection: Connection, reports: list[Report], now: datetime) -> list[Settled] | None:
        """The answers in the order of the reports; None: of one there is more to do, and nothing was done."""
        on_sqlite = connection.dialect.name == "sqlite"
        freed = (self._on_sqlite if on_sqlite else self._on_postgresql)(connection, reports, now)
        if freed is None:
            return None
        answers = [Settled(Status.SUCCEEDED) for _ in reports]
        limited = gates.seen_limited(connection)
        answers[0].ready = [queue for queue, leases in freed if queue in limited for _ in range(leases)]
        return answers

    def _on_postgresql(self, connection: Connection, reports: list[Report], now: datetime) -> Sequence[Freed] | None:
        sent = {
            "ids": postgresql_array([of.task_id for of in reports]),
            "fences": postgresql_array([of.fence for of in reports]),
            "results": postgresql_array([of.result for of in reports]),
            "logs": postgresql_array([of.log for of in reports]),
        }
        return driver.rows(connection, self._postgresql, {**sent, "count": len(reports), "now": now}) or None

    def _on_sqlite(self, connection: Connection, reports: list[Report], now: datetime) -> Sequence[Freed] | None:
        alike = len({(of.result, of.log) for of in reports}) == 1
        do = self._sqlite.alike if alike else self._sqlite.apart
        sent: dict[str, Any] = {"ids": _json([of.task_id for of in reports]), "now": instant_to_text(now)}
        if alike:
            tokens = _json([make_token(of.task_id, of.fence) for of in reports])
            sent |= {"tokens": tokens, "result": reports[0].result, "log": reports[0].log}
        else:
            sent["sent"] = _json([[of.task_id, of.fence, of.result, of.log] for of in reports])
        if any(of.log for of in reports) or not _all(connection, do.done, sent, len(reports)):
            if not _all(connection, do.attempted, sent, len(reports)):
                return None
            driver.execute(connection, do.ended, sent)
        freed: list[Freed] = []
        if gates.seen_limited(connection):
            with driver.own(connection, do.freed) as its:
                freed = its.execute(do.freed, sent).fetchall()
        driver.execute(connection, do.gone, sent)
        return freed


def _all(connection: Connection, statement: str, sent: dict[str, Any], count: int) -> bool:
    """Whether it was for so many rows; where it was for fewer it has done nothing."""
    driver.execute(connection, "SAVEPOINT settlement", ())
    driver.execute(connection, statement, sent)
    # The driver counts for no statement that begins with WITH.
    (changed,) = driver.execute(connection, "SELECT changes()", ()).fetchone()
    if changed < count:
        driver.execute(connection, "ROLLBACK TO settlement", ())
    driver.execute(connection, "RELEASE settlement", ())
    return bool(changed == count)


def _json(values: list[Any]) -> str:
    return orjson.dumps(values).decode()
