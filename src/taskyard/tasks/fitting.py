"""Whether results fit their commands' schemas: one that does not fails the attempt."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson
from sqlalchemy import Connection

from taskyard.commands import validation
from taskyard.commands.catalogue import Checks
from taskyard.core.errors import Fault
from taskyard.queue.read import schemas_of
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report

Reported = tuple[Report, Any]  # with the result as a value, to be checked
# The same as a condition on `task`: whether its command has a schema for results.
RESULT_IS_CHECKED = """task.command_version IS NOT NULL AND EXISTS (
    SELECT 1 FROM command_schema WHERE command_schema.command = task.command
    AND command_schema.version = task.command_version AND command_schema.result_schema IS NOT NULL
)"""


def fitting(
    connection: Connection, reports: list[Reported], checks: Callable[[Connection, str, int], Checks]
) -> list[tuple[Report, list[Fault]]]:
    """The reports as they stand after their results were checked, with the faults of each."""
    schemas = schemas_of(connection, [of.task_id for of, _ in reports if of.outcome is Outcome.SUCCEEDED])
    checked: list[tuple[Report, list[Fault]]] = []
    for of, result in reports:
        faults: list[Fault] = []
        if of.outcome is Outcome.SUCCEEDED and of.task_id in schemas:
            check = checks(connection, *schemas[of.task_id]).result
            if check is not None:
                faults = validation.faults(check, result, "/result")
        checked.append((_failed(of, faults) if faults else of, faults))
    return checked


def _failed(of: Report, faults: list[Fault]) -> Report:
    error = {
        "type": "invalid_result",
        "message": "The result does not fit the command's schema.",
        "errors": [fault.to_dict() for fault in faults],
    }
    return replace(of, outcome=Outcome.FAILED, result=None, error=orjson.dumps(error).decode())
