"""The catalogue as the hot path sees it: what a process remembers of it, and when that is old.

Every change of the catalogue raises its revision. It is read at each look-up, so a command registered through one
process holds at once in all.
"""

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, bindparam, select, update

from taskyard.commands import dialect
from taskyard.commands.models import Command, CommandSchema, catalogue
from taskyard.commands.validation import Check
from taskyard.core.db import Database, database, db


@dataclass(frozen=True, slots=True)
class Definition:
    """What a registered command says of its tasks; None means the default."""

    name: str
    schema_version: int
    queue: str | None
    priority: str
    timeout_s: int | None
    max_attempts: int | None
    max_crashes: int | None
    backoff: dict[str, Any] | None
    on_lost: str
    limit_key: str | None
    fairness_key: str | None
    payload: Check | None  # None: any payload


@dataclass(frozen=True, slots=True)
class Checks:
    """What one version of a command's schemas checks; None: nothing."""

    payload: Check | None
    result: Check | None


@dataclass
class _Memory:
    definitions: dict[str, tuple[int, Definition | None]] = field(default_factory=dict)  # with the revision then
    checks: dict[tuple[str, int], Checks] = field(default_factory=dict)  # never old: versions do not change


_memories: WeakKeyDictionary[Database, _Memory] = WeakKeyDictionary()
MEMORY_SIZE = 10_000  # commands
MOST_CHECKS = 1_000  # versions; compiled schemas take more

_REVISION = select(catalogue.c.revision).where(catalogue.c.id == 1)
AT_REVISION = "EXISTS (SELECT FROM catalogue WHERE catalogue.id = 1 AND catalogue.revision = %s)"  # for PostgreSQL
_RAISE_REVISION = update(catalogue).where(catalogue.c.id == 1).values(revision=catalogue.c.revision + 1)
_DEFINITION = select(
    Command.name,
    Command.schema_version,
    Command.queue,
    Command.priority,
    Command.timeout_s,
    Command.max_attempts,
    Command.max_crashes,
    Command.backoff,
    Command.on_lost,
    Command.limit_key,
    Command.fairness_key,
).where(Command.name == bindparam("name"))
_SCHEMAS = select(CommandSchema.payload_schema, CommandSchema.result_schema).where(
    CommandSchema.command == bindparam("name"), CommandSchema.version == bindparam("version")
)


def _memory(of: Database) -> _Memory:
    return _memories.setdefault(of, _Memory())


def revision(connection: Connection) -> int:
    return int(connection.execute(_REVISION).scalar_one())


def change() -> None:
    """Raise the revision. The row is locked until the commit, so changes of the catalogue come one after another.

    Whatever else decides what a task is made of raises it too: whoever makes tasks looks at one number.
    """
    db.session.execute(_RAISE_REVISION)


def remembered(name: str) -> tuple[int, Definition | None]:
    """What this process knows of a command, and of which revision: whoever acts on it checks that it still holds."""
    found = _memory(database()).definitions.get(name)
    if found is not None:
        return found
    with database().read.connect() as connection:
        return _look_up(connection, name)


def definition(name: str) -> Definition | None:
    """What the catalogue says of a command now; None where it is not registered."""
    found = _memory(database()).definitions.get(name)
    with database().read.connect() as connection:
        if found is None or found[0] != revision(connection):
            found = _look_up(connection, name)
    return found[1]


def current(connection: Connection, name: str) -> Definition | None:
    """What the catalogue says of a command now, for a process that is no app: nothing is remembered."""
    row = connection.execute(_DEFINITION, {"name": name}).first()
    if row is None:
        return None
    schemas = connection.execute(_SCHEMAS, {"name": name, "version": row.schema_version}).one()
    return Definition(**row._mapping, payload=_check(schemas.payload_schema, "/payload_schema"))


def is_newest(known: int) -> bool:
    """Whether the catalogue is still what it was at this revision."""
    return newest_revision() == known


def newest_revision() -> int:
    with database().read.connect() as connection:
        return revision(connection)


def forget() -> None:
    """Look everything up anew."""
    _memories.pop(database(), None)


def _look_up(connection: Connection, name: str) -> tuple[int, Definition | None]:
    # The revision first: should the command change in between, what is kept counts as old, and not as new.
    found = revision(connection), _read(connection, name)
    known = _memory(database()).definitions
    if len(known) >= MEMORY_SIZE:
        known.clear()
    known[name] = found
    return found


def _read(connection: Connection, name: str) -> Definition | None:
    row = connection.execute(_DEFINITION, {"name": name}).first()
    if row is None:
        return None
    return Definition(**row._mapping, payload=checks(connection, name, row.schema_version).payload)


def unremembered(connection: Connection, name: str) -> Definition | None:
    """What the catalogue says of a command now, read anew: for processes that are no app."""
    row = connection.execute(_DEFINITION, {"name": name}).first()
    if row is None:
        return None
    schema, _ = connection.execute(_SCHEMAS, {"name": name, "version": row.schema_version}).one()
    return Definition(**row._mapping, payload=_check(schema, "/payload_schema"))


def checks(connection: Connection, name: str, version: int) -> Checks:
    """What is checked by one version of a command's schemas, whether or not the command is still registered."""
    known = _memory(database()).checks
    found = known.get((name, version))
    if found is None:
        found = unremembered_checks(connection, name, version)
        if len(known) >= MOST_CHECKS:
            known.clear()
        known[name, version] = found
    return found


def unremembered_checks(connection: Connection, name: str, version: int) -> Checks:
    """The same, read anew: for processes that are no app."""
    row = connection.execute(_SCHEMAS, {"name": name, "version": version}).first()
    payload, result = row or (None, None)
    return Checks(_check(payload, "/payload_schema"), _check(result, "/result_schema"))


def _check(schema: Any, at: str) -> Check | None:
    return None if schema is None else dialect.check(schema, at)
