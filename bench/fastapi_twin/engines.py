"""How both forms talk to the database: the settings that experienced users of each database choose.

SQLite: WAL, synchronous=FULL, a busy timeout, BEGIN IMMEDIATE before the first write, one connection for writers (so
that they queue in order instead of spinning on the file's lock) and several for readers. PostgreSQL: one pool.
Readers use autocommit, as each reads with one statement. These are the settings of Taskyard's own engines.
"""

import os
from typing import Any

from sqlalchemy import URL, Engine, event, make_url

READERS = {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
# Chosen of 8, 16 and 32 by one comparison on a busy machine. Overflow would open and close connections all the time.
POOL = 16
PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-32768", "mmap_size=268435456")


def url(*, sqlite: str, postgresql: str) -> URL:
    """DATABASE_URL with these drivers."""
    given = make_url(os.environ["DATABASE_URL"])
    return given.set(drivername=sqlite if given.get_backend_name() == "sqlite" else postgresql)


def options(of: URL, *, read: bool) -> dict[str, Any]:
    """Arguments of create_engine, or of create_async_engine."""
    chosen: dict[str, Any] = {**(READERS if read else {}), "pool_size": POOL, "max_overflow": 0}
    if of.get_backend_name() == "sqlite":
        chosen["connect_args"] = {"timeout": 5} if read else {"timeout": 5, "isolation_level": "IMMEDIATE"}
        chosen["pool_size"] = POOL if read else 1
    return chosen


def prepare(engine: Engine) -> Engine:
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def tell(connection: Any, _record: object) -> None:
            cursor = connection.cursor()
            for pragma in PRAGMAS:
                cursor.execute(f"PRAGMA {pragma}")
            cursor.close()

    return engine
