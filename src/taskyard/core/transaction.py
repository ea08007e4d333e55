"""Every commit of Taskyard stands here, in three forms.

`request`: an ordinary HTTP request; begun at its first write, committed once when the answer is below 400.
`own`: a transaction of its own: a deed on one task, a duty of the dispatcher, what must stay although a request fails.
`batch`: the hot path; what concurrent requests want written, gathered into one transaction, each answered after the
commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

import gevent
from gevent import monkey
from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from taskyard.core.at_hand import at_hand
from taskyard.core.db import Database, db
from taskyard.core.db import database as opened
from taskyard.core.driver_errors import collided
from taskyard.core.errors import Unavailable
from taskyard.core.gather import Gatherer, Pending
from taskyard.core.notices import notices

I = TypeVar("I")  # noqa: E741
R = TypeVar("R")

TOLD = "told"
COLLISIONS = 3  # how often a transaction is run again that PostgreSQL ended for another's sake
MOST = 500  # items a transaction, so that none holds the write lock for long
SHORT_AT_ONCE = 2  # of what is one statement: the second need not wait for the first, to be done in steps


def commit_request() -> None:
    """Commit what this request wrote; nothing at all where it only read."""
    if not db.session.registry.has():
        return
    if db.session.new or db.session.dirty or db.session.deleted:
        db.session.flush()  # what no service has flushed is written all the same
    if db.session.info.get("writing"):
        told = _told(db.session.connection())  # while it is `writing`: later the session would give that for reading
        del db.session.info["writing"]
        db.session.commit()
        _spread(opened(), told)
    for deed in db.session.info.pop("afterwards", ()):
        deed()


def rollback_request() -> None:
    """Forget what this request wrote."""
    if not db.session.registry.has():
        return
    db.session.info.pop("writing", None)
    db.session.info.pop("afterwards", None)
    db.session.rollback()


def afterwards(deed: Callable[[], None]) -> None:
    """Do this once the request at hand has been committed, and not at all where it is rolled back."""
    db.session.info.setdefault("afterwards", []).append(deed)


@contextmanager
def own(database: Database) -> Iterator[Connection]:
    """A transaction of its own, committed when the block ends and rolled back when it raises."""
    with database.write.begin() as connection:
        try:
            yield connection
        finally:
            told = _told(connection)
    _spread(database, told)


def tell(connection: Connection, topic: str) -> None:
    """Give notice of this, to all processes, once what this connection writes is committed."""
    connection.info.setdefault(TOLD, set()).add(topic)


def _told(connection: Connection) -> set[str]:
    """What is to be told of this transaction, taken off the connection, which goes back to the pool after it.

    A request that is rolled back leaves it there for the next: it is but a hint.
    """
    if connection.invalidated:
        return set()  # it was lost, and cannot be asked for anything
    found: set[str] = connection.info.pop(TOLD, set())
    return found


def _spread(database: Database, topics: set[str]) -> None:
    for topic in topics:
        notices(database).spread(topic)


def batch(
    database: Database,
    handler: Callable[[Connection, list[I]], list[R]],
    item: I,
    shortcut: Callable[[Connection, list[I]], list[R] | None] | None = None,
) -> R:
    """Hand an item to the handler, together with those of concurrent requests; its result, once committed.

    The handler answers in the order of the items. It works on the connection alone and may be run again: where a batch
    fails, each item is tried in a transaction of its own, so that a bad one does not take its neighbours down.

    On PostgreSQL the `shortcut` is tried first: what can be done in a single statement, on a connection that opens no
    transaction, which spares two round trips at least. None: it has done nothing.
    """
    # SQLite has one writer at a time; on PostgreSQL each kind of work has a line of its own.
    line = _run if database.is_sqlite else handler
    if database.is_sqlite:
        shortcut = None
    at_once = SHORT_AT_ONCE if shortcut else 1
    gatherer = database.kept(line, lambda: Gatherer(partial(_run, database), MOST, at_once))
    result: R = gatherer.submit(Pending(handler, item, shortcut))
    return result


def _run(database: Database, batch: list[Pending], times: int = COLLISIONS) -> None:
    try:
        if not _run_short(database, batch):
            _run_together(database, batch)
    except Exception as error:
        if collided(error) and times:
            for pending in batch:
                _run(database, [pending], times - 1)
        elif isinstance(error, OperationalError | PoolTimeout | Unavailable) or len(batch) == 1:
            for pending in batch:  # the database's fault: it would not fare better alone
                pending.error = error
        else:
            for pending in batch:
                _run(database, [pending])


def _run_short(database: Database, batch: list[Pending]) -> bool:
    """Whether that was possible."""
    shortcut = batch[0].shortcut
    if shortcut is None or any(pending.shortcut is not shortcut for pending in batch):
        return False
    with at_hand(database).connection() as connection:
        results = shortcut(connection, [pending.item for pending in batch])
    if results is None:
        return False
    for pending, result in zip(batch, results, strict=True):
        pending.result = result
    return True


def _run_together(database: Database, batch: list[Pending]) -> None:
    with database.write.connect() as connection:
        transaction = connection.begin()
        try:
            for handler, members in _by_handler(batch).items():
                results = handler(connection, [pending.item for pending in members])
                for pending, result in zip(members, results, strict=True):
                    pending.result = result
        except BaseException:
            transaction.rollback()
            raise
        finally:
            told = _told(connection)
        _commit(transaction, waits_for_disk=database.is_sqlite)
    _spread(database, told)


def _by_handler(batch: list[Pending]) -> dict[Callable[..., Any], list[Pending]]:
    groups: dict[Callable[..., Any], list[Pending]] = {}
    for pending in batch:
        groups.setdefault(pending.handler, []).append(pending)
    return groups


def _commit(transaction: RootTransaction, *, waits_for_disk: bool) -> None:
    """Commit; under gevent SQLite's wait for the disk goes to a native thread, and the hub serves others meanwhile.

    By then all is written and the next batch gathers, so nothing runs into the lock that is still held.
    """
    if waits_for_disk and monkey.is_module_patched("threading"):
        gevent.get_hub().threadpool.apply(transaction.commit)
    else:
        transaction.commit()
