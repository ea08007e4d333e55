"""The database: two engines on one URL, and the session that chooses between them.

`write` opens every transaction for writing at once; on SQLite it has a single connection, which makes its pool the one
gate that all writers of a process pass in order. `read` never opens a transaction at all (autocommit).
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from flask import current_app
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from psycopg.types.string import TextLoader
from sqlalchemy import URL, Connection, Engine, MetaData, Row, create_engine, event, make_url
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.sql.dml import UpdateBase

from taskyard.core import hung_up, plans, pooler, psycopg3, sqlite

T = TypeVar("T")

POOL_WAIT_S = 10.0  # for a connection; on SQLite that is the writers' queue within this process
# A statement that is prepared while its table is small is planned to read all of it, and keeps that plan until the
# table is analysed: by then a minute's tasks may be read through at every claim. What is often asked for has an index.
# PostgreSQL up to 17 takes what is read whole for all that, as a small table is, for so dear that it would compile each
# statement before it runs: a claim took 0.7 s on Debian's 15, and takes 3 ms.
PLANNING = "-c enable_seqscan=off -c jit=off"

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


AnyRow: TypeAlias = Row[*tuple[Any, ...]]


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


@dataclass(frozen=True, eq=False)
class Database:
    """The two engines, and what a process remembers of a database (see `kept`)."""

    write: Engine
    read: Engine
    _held: list[Any] = field(default_factory=list)
    _ends: list[Callable[[], None]] = field(default_factory=list)
    _kept: dict[Any, Any] = field(default_factory=dict)
    _reading: threading.Lock = field(default_factory=threading.Lock)
    _making: threading.RLock = field(default_factory=threading.RLock)  # what is made may ask for something else

    def kept(self, key: Any, make: Callable[[], T]) -> T:
        """What was made for this key first; it lives as long as this object."""
        if key not in self._kept:
            with self._making:
                if key not in self._kept:
                    self._kept[key] = make()
        found: T = self._kept[key]
        return found

    @property
    def is_sqlite(self) -> bool:
        return self.write.dialect.name == "sqlite"

    @contextmanager
    def sqlite_reader(self) -> Iterator[Any]:
        """SQLite's own connection, for reading in autocommit, without SQLAlchemy.

        It is opened once and shared, by one thread at a time: a statement that begins while another is under way on the
        same connection sees what that one sees, and so perhaps not what was committed in between.
        """
        with self._reading:
            if not self._held:
                connection = self.read.raw_connection()
                connection.detach()
                self._held.append(connection.dbapi_connection)
            yield self._held[0]

    def at_end(self, deed: Callable[[], None]) -> None:
        """Do this before the engines are closed."""
        self._ends.append(deed)

    def dispose(self) -> None:
        while self._ends:
            self._ends.pop()()
        while self._held:
            self._held.pop().close()
        self.write.dispose()
        self.read.dispose()


def _options(url: str, *, read: bool) -> dict[str, Any]:
    """Arguments of create_engine for one of the two engines."""
    parsed = normalise(url)
    options: dict[str, Any] = {"url": parsed}
    if read:
        options |= {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    if parsed.get_backend_name() == "sqlite":
        # timeout: SQLite's own waiting would block every greenlet of the process, so there is next to none.
        options["connect_args"] = {"check_same_thread": False, "timeout": 0.001}
        options |= {"pool_size": 4, "max_overflow": 4} if read else {"pool_size": 1, "max_overflow": 0}
        options["pool_timeout"] = POOL_WAIT_S
    else:
        # The connection used last comes first: it has its statements prepared and its plans made (core/plans.py).
        options |= {"pool_size": 8, "max_overflow": 8, "pool_timeout": POOL_WAIT_S, "pool_use_lifo": True}
        options["connect_args"] = {"options": f"-c timezone=UTC {PLANNING}"}
    return options


def normalise(url: str) -> URL:
    """The SQLAlchemy URL of what an operator wrote: postgres:// and postgresql:// mean psycopg 3."""
    parsed = make_url(url)
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def engine_binds(url: str) -> dict[str | None, dict[str, Any]]:
    """What Flask-SQLAlchemy is told in SQLALCHEMY_BINDS."""
    return {None: _options(url, read=False), "read": _options(url, read=True)}


def open_database(url: str) -> Database:
    """Both engines, for a process that is no Flask app."""
    return attach(create_engine(**_options(url, read=False)), create_engine(**_options(url, read=True)))


def attach(write: Engine, read: Engine) -> Database:
    """Teach the engines' connections what each database needs to be told."""
    if write.dialect.name == "sqlite":
        sqlite.teach(write, read)
    else:
        psycopg3.install(write)
        psycopg3.install(read)
        hung_up.watch(write)
        hung_up.watch(read)
        plans.renew(write)
        plans.renew(read)
        pooler.allow(write, read)
        event.listen(write, "connect", _postgresql_connect)
        event.listen(read, "connect", _postgresql_connect)
    return Database(write, read)


def _postgresql_connect(connection: Any, _record: object) -> None:
    """Ids are text everywhere; nobody wants a UUID object of each."""
    connection.adapters.register_loader("uuid", TextLoader)


def database() -> Database:
    """The database of the app at hand."""
    found: Database = current_app.extensions["taskyard.database"]
    return found


class RoutingSession(Session):
    """Reads go to the read engine until the first write; from then on everything goes to the transaction."""

    def get_bind(self, mapper: Any = None, clause: Any = None, bind: Any = None, **kwargs: Any) -> Engine | Connection:
        if bind is not None:
            given: Engine | Connection = bind
            return given
        engines = self._db.engines
        if self._flushing or isinstance(clause, UpdateBase) or getattr(clause, "_for_update_arg", None) is not None:
            self.info["writing"] = True
        return engines[None] if self.info.get("writing") else engines["read"]


db = SQLAlchemy(model_class=Base, session_options={"class_": RoutingSession})

if TYPE_CHECKING:
    Model = Base
else:
    Model = db.Model
