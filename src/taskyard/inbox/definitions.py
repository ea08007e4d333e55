"""Sources as the hot path sees them: ready for use, and remembered for as long as nothing has changed.

A change of a source raises the revision of the catalogue, like one of a command: what becomes of a request depends on
both, and so one look tells whether either has changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from sqlalchemy import Connection, bindparam, select

from taskyard.commands import catalogue
from taskyard.core import expressions
from taskyard.core.db import AnyRow, Database, database
from taskyard.core.expressions import Expression
from taskyard.inbox import keyring, presets
from taskyard.inbox.models import NAME, Source
from taskyard.inbox.presets import Preset
from taskyard.inbox.routing import Route
from taskyard.inbox.scheme import Secret
from taskyard.users.models import User
from taskyard.web.wire import Network

MEMORY_SIZE = 2_000  # sources
TASK_FIELDS = ("command", "queue", "priority", "delay_s", "tags")


@dataclass(frozen=True, slots=True)
class Definition:
    """A source, ready for use."""

    id: str
    name: str
    owner_id: str
    preset: Preset
    secrets: Sequence[Secret]
    secret_ids: Sequence[str]
    routes: Sequence[Route]
    event_type: Expression | None
    dedupe_key: Expression | None
    window_s: int
    max_body: int
    rate: dict[str, Any] | None
    networks: Sequence[Network]
    respond: dict[str, Any] | None


@dataclass
class _Memory:
    definitions: dict[str, tuple[int, Definition | None]] = field(default_factory=dict)  # with the revision then


# A source whose owner is gone is none.
_SOURCE = select(Source.__table__).join(User, User.id == Source.owner_id).where(Source.name == bindparam("name"))


def _memory(of: Database) -> dict[str, tuple[int, Definition | None]]:
    return of.kept(_Memory, _Memory).definitions


def remembered(name: str) -> tuple[int, Definition | None]:
    """What this process knows of a source, and of which revision: whoever acts on it checks that it still holds."""
    return _memory(database()).get(name) or current(name)


def current(name: str) -> tuple[int, Definition | None]:
    """A source as it is now, if there is one, with the revision of the catalogue that it was read at."""
    known = _memory(database())
    revision = catalogue.newest_revision()
    if not NAME.fullmatch(name):
        return revision, None
    found = known.get(name)
    if found is None or found[0] != revision:
        with database().read.connect() as connection:
            found = revision, read(connection, name)
        if len(known) >= MEMORY_SIZE:
            known.clear()
        known[name] = found
    return found


def forget() -> None:
    """Look everything up anew, commands too."""
    _memory(database()).clear()
    catalogue.forget()


def read(connection: Connection, name: str) -> Definition | None:
    row = connection.execute(_SOURCE, {"name": name}).first()
    return None if row is None else made(row)


def made(row: AnyRow | Source) -> Definition:
    kept = keyring.opened(row.secrets)
    return Definition(
        id=row.id,
        name=row.name,
        owner_id=row.owner_id,
        preset=presets.of(row.preset, row.scheme),
        secrets=[Secret(value, not_before, expires_at) for _, value, not_before, expires_at in kept],
        secret_ids=[secret_id for secret_id, *_ in kept],
        routes=[_route(one) for one in row.routes],
        event_type=_expression(row.event_type),
        dedupe_key=_expression(row.dedupe["key"]),
        window_s=row.dedupe["window_s"],
        max_body=row.max_body,
        rate=row.rate,
        networks=[ip_network(one) for one in row.networks],
        respond=row.respond,
    )


def _route(kept: dict[str, Any]) -> Route:
    task = {name: kept[name] for name in TASK_FIELDS}
    payload = expressions.compiled(kept["payload"])
    return Route(_expression(kept["filter"]), payload, _expression(kept["unique_key"]), task)


def _expression(text: str | None) -> Expression | None:
    return None if text is None else expressions.compiled(text)
