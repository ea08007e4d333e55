"""Payloads as a patch leaves them, checked against their commands' schemas as they are now."""

from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import catalogue
from taskyard.commands.catalogue import Definition
from taskyard.core.db import AnyRow
from taskyard.queue.control import Change
from taskyard.tasks.merge_patch import merged
from taskyard.tasks.moulds import checked_payload


class Patch:
    """A patch for tasks of any commands. The catalogue is read once a command: use one for one transaction."""

    def __init__(self, connection: Connection, patch: Any) -> None:
        self._connection = connection
        self._patch = patch
        self._definitions: dict[str, Definition | None] = {}

    def change(self, task: AnyRow) -> Change:
        """The change that the patch comes to; `task` has a command and a payload.

        Raises:
            Invalid: the payload would not fit the command's schema, or be too large.
        """
        definition = self._definition(task.command)
        payload = checked_payload(merged(orjson.loads(task.payload), self._patch), definition)
        return Change(payload=payload, command_version=definition.schema_version if definition else None)

    def _definition(self, command: str) -> Definition | None:
        if command not in self._definitions:
            self._definitions[command] = catalogue.current(self._connection, command)
        return self._definitions[command]
