"""Registered commands in an OpenAPI document: dicts in, dicts out."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson

from taskyard.commands.components import component, legal_name
from taskyard.commands.samples import sample
from taskyard.web.examples import Examples

TEMPLATE = "/v1/commands/{name}/tasks"
MOST_BYTES = 2 * 1024 * 1024  # of schemas; beyond them only their address is shown
MEDIA = "application/json"
MOVED = "Its schema names or refers to its parts in a way that cannot be shown here"
TOO_MUCH = "There are more schemas than can be shown here"


@dataclass(frozen=True, slots=True)
class Shown:
    """What the document shows of a command."""

    name: str
    description: str
    payload_schema: Any
    result_schema: Any


def extend(spec: dict[str, Any], commands: list[Shown], fits: Callable[[Any, Any], bool]) -> dict[str, Any]:
    """Add a path for each command to the document. `fits(schema, value)` tells which examples may be shown."""
    _Extension(spec, fits).add(commands)
    return spec


class _Extension:
    def __init__(self, spec: dict[str, Any], fits: Callable[[Any, Any], bool]) -> None:
        self._spec = spec
        self._fits = fits
        self._schemas: dict[str, Any] = spec["components"]["schemas"]
        self._names = set(self._schemas)
        operations = [one for path in spec["paths"].values() for one in path.values() if isinstance(one, dict)]
        self._ids = {one["operationId"] for one in operations if "operationId" in one}
        self._bytes_left = MOST_BYTES
        self._task_example = Examples(spec).answered(self._schemas["TaskOut"])
        self._template = copy.deepcopy(spec["paths"][TEMPLATE]["post"])

    def add(self, commands: list[Shown]) -> None:
        for command in commands:
            path = f"/v1/commands/{quote(command.name, safe='')}/tasks"
            self._spec["paths"][path] = {"post": self._operation(command, path)}

    def _operation(self, command: Shown, path: str) -> dict[str, Any]:
        address = path.removesuffix("/tasks")
        payload = self._part(
            f"Payload.{command.name}", f"The payload of {command.name}.", command.payload_schema, address
        )
        result = self._part(f"Result.{command.name}", f"The result of {command.name}.", command.result_schema, address)
        operation: dict[str, Any] = copy.deepcopy(self._template) | {
            "operationId": legal_name(f"submit.{command.name}", self._ids),
            "summary": f"Submit {command.name}",
            "description": command.description or f"Submit a task of the command {command.name}.",
        }
        example = self._example(command.payload_schema)
        operation["requestBody"] = {"required": True, "content": {MEDIA: self._sent(payload, command, example)}}
        operation["responses"]["201"]["content"] = {MEDIA: self._answered(payload, result, command, example)}
        return operation

    def _part(self, wanted: str, description: str, schema: Any, address: str) -> dict[str, Any] | None:
        """A reference to the component that a schema becomes; None where there is no schema."""
        if schema is None:
            return None
        name = legal_name(wanted, self._names)
        self._bytes_left -= len(orjson.dumps(schema))
        moved = component(schema, name) if self._bytes_left >= 0 else None
        if moved is None:
            why = MOVED if self._bytes_left >= 0 else TOO_MUCH
            moved = {"description": f"{description} {why}: GET {address} has it."}
        self._schemas[name] = {"description": description} | moved
        return {"$ref": f"#/components/schemas/{name}"}

    def _example(self, schema: Any) -> dict[str, Any]:
        """`example` with a payload that fits, or else no examples at all: one that does not fit would mislead."""
        value = {} if schema is None else sample(schema)
        return {"example": value} if schema is None or self._fits(schema, value) else {"examples": {}}

    def _sent(self, payload: dict[str, Any] | None, command: Shown, example: dict[str, Any]) -> dict[str, Any]:
        schema = copy.deepcopy(self._schemas["CommandTaskIn"])
        if payload is not None:
            schema["properties"]["payload"] = payload
            if not self._fits(command.payload_schema, None):
                schema["required"] = [*schema.get("required", []), "payload"]
        shown = {"example": {"payload": example["example"]}} if "example" in example else example
        return {"schema": schema} | shown

    def _answered(
        self, payload: dict[str, Any] | None, result: dict[str, Any] | None, command: Shown, example: dict[str, Any]
    ) -> dict[str, Any]:
        narrowed: dict[str, Any] = {"payload": payload} if payload else {}
        if result:
            narrowed["result"] = {"anyOf": [result, {"type": "null"}]}
        schema = {"allOf": [{"$ref": "#/components/schemas/TaskOut"}, {"type": "object", "properties": narrowed}]}
        if "example" not in example:
            return {"schema": schema} | example
        sent = {"command": command.name, "payload": example["example"], "result": None, "status": "queued"}
        return {"schema": schema, "example": self._task_example | sent}
