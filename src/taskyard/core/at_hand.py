"""Connections at hand for work that is one statement, in autocommit; taken from the pool once and not each time.

To take one and to give it back costs a web process 5 to 9 % of all it does for a claim that finds nothing. Its
statements are planned once for all values: that of the claim takes PostgreSQL longer to plan than to do.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, Pool
from sqlalchemy.exc import SQLAlchemyError

from taskyard.core import plans
from taskyard.core.db import Database
from taskyard.core.hung_up import has_spoken

MOST = 6  # of the 16 that the pool has; the others of a rush go back to it
KEPT_S = 5.0  # then the pool gets it, to do to it what it does to all (core/plans.py)

_Kept = tuple[Connection, Pool, float]


class AtHand:
    """Those of one process: as many as were in use at the same time, up to MOST."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._free: list[_Kept] = []
        self._over = False

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """One that nobody else has meanwhile. After an error the pool gets it."""
        kept = self._take()
        connection = kept[0]
        try:
            yield connection
        except BaseException:
            _give_back(connection)
            raise
        if connection.in_transaction():  # SQLAlchemy's, of which the database knows nothing
            connection.rollback()
        if len(self._free) < MOST and not self._over:
            self._free.append(kept)
        else:
            _give_back(connection)

    def close(self) -> None:
        """Give all of them back, and from now on each after its use: who still reads may end later than this."""
        self._over = True
        while self._free:
            _give_back(self._free.pop()[0])

    def _take(self) -> _Kept:
        while True:
            try:
                kept = self._free.pop()  # the one used last: its plans are made
            except IndexError:
                return self._open()
            connection, pool, until = kept
            if pool is not self._engine.pool or has_spoken(connection.connection.driver_connection):
                connection.detach()  # the server has hung up, on this one or on another
                connection.close()
            elif time.monotonic() < until:
                return kept
            else:
                _give_back(connection)

    def _open(self) -> _Kept:
        connection = self._engine.connect()
        try:
            plans.one_for_all_values(connection)
        except BaseException:
            connection.close()
            raise
        return connection, self._engine.pool, time.monotonic() + KEPT_S


def _give_back(connection: Connection) -> None:
    if not connection.invalidated:  # to ask one that was lost for anything would open another
        try:
            plans.as_usual(connection)
        except SQLAlchemyError:
            connection.invalidate()
    connection.close()


def at_hand(database: Database) -> AtHand:
    """Those to this database."""

    def make() -> AtHand:
        made = AtHand(database.read)
        database.at_end(made.close)
        return made

    return database.kept(AtHand, make)
