"""The versions of a command's schemas. They outlive the command, as tasks refer to them."""

from typing import Any

from sqlalchemy import select

from taskyard.commands.models import CommandSchema
from taskyard.core.db import db
from taskyard.core.errors import NotFound


def page(name: str, query: dict[str, Any], before: int | None) -> list[CommandSchema]:
    """Versions from the newest on, one more than `limit`. `query` is a loaded PageQuery.

    Raises:
        NotFound: the command was never registered.
    """
    wanted = select(CommandSchema).where(CommandSchema.command == _storable(name))
    if before is not None:
        wanted = wanted.where(CommandSchema.version < before)
    found = list(db.session.scalars(wanted.order_by(CommandSchema.version.desc()).limit(query["limit"] + 1)))
    if not found and before is None:
        raise NotFound("There is no such command.")
    return found


def get(name: str, version: int) -> CommandSchema:
    """Raises:
    NotFound: there is no such version.
    """
    found = db.session.get(CommandSchema, (_storable(name), version)) if version < 2**31 else None
    if found is None:
        raise NotFound("There is no such version of this command.")
    return found


def _storable(name: str) -> str:
    if "\0" in name:  # which PostgreSQL does not take
        raise NotFound("There is no such command.")
    return name
