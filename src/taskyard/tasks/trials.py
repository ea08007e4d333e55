"""Trying schemas on the tasks there are, before they are registered."""

import time
from collections.abc import Iterator
from typing import Any

import orjson

from taskyard.commands import catalogue, service, validation
from taskyard.commands.validation import Check
from taskyard.core import clock
from taskyard.core.db import AnyRow, database
from taskyard.core.errors import NotFound
from taskyard.queue import read
from taskyard.queue.lifecycle import Status
from taskyard.queue.read import Filter
from taskyard.users.actor import Actor
from taskyard.users.models import Role

PORTION = 20  # tasks read at once: a payload and a result may take more than 1 MiB
LONGEST_S = 10.0
MAX_MISFITS = 50
MAX_FAULTS = 10  # of one task


def tried(actor: Actor, name: str, sent: dict[str, Any]) -> dict[str, Any]:
    """How many of a command's most recent tasks fit, as CheckOut shows it. `sent` is a loaded CheckIn.

    Raises:
        Invalid: a schema cannot be used.
        NotFound: there is neither such a command nor a task of it.
    """
    actor.require(Role.MODERATOR)
    checks = service.checks_of(sent)
    give_up_at = time.monotonic() + LONGEST_S
    told: dict[str, Any] = {"checked": 0, "fitting": 0, "complete": True, "misfits": []}
    for task in _newest(name, sent["limit"]):
        if time.monotonic() > give_up_at:
            return told | {"complete": False}
        errors = _errors(task, checks)
        told["checked"] += 1
        told["fitting"] += not errors
        if errors and len(told["misfits"]) < MAX_MISFITS:
            told["misfits"].append({"task_id": task.id, "errors": errors[:MAX_FAULTS]})
    if not told["checked"] and ("\0" in name or catalogue.definition(name) is None):
        raise NotFound("There is neither such a command nor a task of it.")
    return told


def _newest(name: str, limit: int) -> Iterator[AnyRow]:
    before_id: str | None = None
    while limit and "\0" not in name:
        with database().read.connect() as connection:
            rows = read.newest(
                connection, Filter(command=name), clock.now(), limit=min(limit, PORTION), before_id=before_id
            )
        yield from rows
        if len(rows) < PORTION:
            return
        limit -= len(rows)
        before_id = rows[-1].id
        time.sleep(0)  # under gevent other requests have their turn


def _errors(task: AnyRow, checks: dict[str, Check]) -> list[dict[str, str]]:
    faults = []
    if "payload_schema" in checks:
        faults += validation.faults(checks["payload_schema"], orjson.loads(task.payload), "/payload")
    if "result_schema" in checks and task.status == Status.SUCCEEDED:
        result = None if task.result is None else orjson.loads(task.result)
        faults += validation.faults(checks["result_schema"], result, "/result")
    return [fault.to_dict() for fault in faults]
