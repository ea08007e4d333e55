"""Every commit of Taskyard stands here, in three forms.

`request`: an ordinary HTTP request; begun at its first write, committed once when the answer is below 400.
`own`: what must stay although the request fails (a failed login, the last use of a key).
`batch`: the hot path; an operation over a connection, answered after the commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from sqlalchemy import Connection

from taskyard.core.db import Database, db

T = TypeVar("T")


def commit_request() -> None:
    """Commit what this request wrote; nothing at all where it only read."""
    if db.session.info.pop("writing", False):
        db.session.commit()


def rollback_request() -> None:
    """Forget what this request wrote."""
    db.session.info.pop("writing", None)
    db.session.rollback()


@contextmanager
def own(database: Database) -> Iterator[Connection]:
    """A transaction of its own, committed when the block ends."""
    with database.write.begin() as connection:
        yield connection


def batch(database: Database, operation: Callable[[Connection], T]) -> T:
    """Run an operation of the hot path and return its answer once it is committed.

    The operation works on the connection alone and must neither wait nor yield, so that a later writer may gather the
    operations of concurrent requests into one transaction, each in a savepoint, without any of them being changed.
    """
    with database.write.begin() as connection:
        return operation(connection)
