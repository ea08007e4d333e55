"""The catalogue as the hot path sees it: what a process remembers of it, and when that is old.

Every change of the catalogue raises its revision. It is read at each look-up, so a command registered through one
process holds at once in all.
"""

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, bindparam, select

from taskyard.commands.models import Command, CommandSchema, catalogue
from taskyard.commands.validation import Validator, compiled
from taskyard.core.db import Database, database


@dataclass(frozen=True, slots=True)
class Definition:
    """What a registered command says of its tasks; None means the default."""

    name: str
    schema_version: int
    queue: str | None
    priority: str
    timeout_s: int | None
    max_attempts: int | None
    backoff: dict[str, Any] | None
    on_lost: str
    payload: Validator | None  # None: any payload


@dataclass
class _Memory:
    revision: int = -1
    definitions: dict[str, Definition | None] = field(default_factory=dict)
    results: dict[tuple[str, int], Validator | None] = field(default_factory=dict)  # never old: versions do not change


_UNKNOWN: Any = object()
_memories: WeakKeyDictionary[Database, _Memory] = WeakKeyDictionary()
MEMORY_SIZE = 10_000

_REVISION = select(catalogue.c.revision).where(catalogue.c.id == 1)
_DEFINITION = (
    select(
        Command.name,
        Command.schema_version,
        Command.queue,
        Command.priority,
        Command.timeout_s,
        Command.max_attempts,
        Command.backoff,
        Command.on_lost,
        CommandSchema.payload_schema,
    )
    .join(CommandSchema, (CommandSchema.command == Command.name) & (CommandSchema.version == Command.schema_version))
    .where(Command.name == bindparam("name"))
)
_RESULT_SCHEMA = select(CommandSchema.result_schema).where(
    CommandSchema.command == bindparam("name"), CommandSchema.version == bindparam("version")
)


def _memory(of: Database) -> _Memory:
    return _memories.setdefault(of, _Memory())


def revision(connection: Connection) -> int:
    return int(connection.execute(_REVISION).scalar_one())


def remembered(name: str) -> tuple[int, Definition | None]:
    """What this process knows of a command, and of which revision: whoever acts on it checks that it still holds."""
    memory = _memory(database())
    found = memory.definitions.get(name, _UNKNOWN)
    if found is _UNKNOWN:
        with database().read.connect() as connection:
            _look_up(connection, memory, name)
        found = memory.definitions[name]
    return memory.revision, found


def definition(name: str) -> Definition | None:
    """What the catalogue says of a command; None where it is not registered."""
    memory = _memory(database())
    with database().read.connect() as connection:
        if revision(connection) != memory.revision or name not in memory.definitions:
            _look_up(connection, memory, name)
    return memory.definitions[name]


def forget() -> None:
    """Look everything up anew."""
    _memory(database()).revision = -1
    _memory(database()).definitions = {}


def _look_up(connection: Connection, memory: _Memory, name: str) -> None:
    newest = revision(connection)
    if newest != memory.revision or len(memory.definitions) > MEMORY_SIZE:
        memory.definitions = {}
        memory.revision = newest
    memory.definitions[name] = _read(connection, name)


def _read(connection: Connection, name: str) -> Definition | None:
    row = connection.execute(_DEFINITION, {"name": name}).first()
    if row is None:
        return None
    *values, payload_schema = row
    return Definition(*values, None if payload_schema is None else compiled(payload_schema))


def result_validator(connection: Connection, name: str, version: int) -> Validator | None:
    """What a result must fit that belongs to a task checked against this version; None: any result does."""
    results = _memory(database()).results
    if (name, version) not in results:
        if len(results) > MEMORY_SIZE:
            results.clear()
        schema = connection.execute(_RESULT_SCHEMA, {"name": name, "version": version}).scalar()
        results[name, version] = None if schema is None else compiled(schema)
    return results[name, version]
