"""What the catalogue adds to the API's description: for each command a path of its own, with its schemas."""

from typing import Any

from sqlalchemy import select

from taskyard.commands import dialect, openapi
from taskyard.commands.models import Command, CommandSchema
from taskyard.commands.openapi import Shown
from taskyard.core.db import database

MOST = 500  # commands; of more the first ones by name

_SHOWN = (
    select(Command.name, Command.description, CommandSchema.payload_schema, CommandSchema.result_schema)
    .join(CommandSchema, (CommandSchema.command == Command.name) & (CommandSchema.version == Command.schema_version))
    .order_by(Command.name)
    .limit(MOST)
)


def extended(spec: dict[str, Any]) -> dict[str, Any]:
    """The description with the registered commands in it."""
    with database().read.connect() as connection:
        rows = connection.execute(_SHOWN).all()
    return openapi.extend(spec, [Shown(*row) for row in rows], dialect.accepts)
