"""Deeds on many tasks at once: what they died of, and operations on all that a filter finds."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote
from uuid import uuid4

from taskyard.client.resources import Resource, encode
from taskyard.client.session import Session
from taskyard.client.transport import Request

LOOK_EVERY_S = 0.5  # at an operation that is followed
Filter: TypeAlias = Mapping[str, Any]
OVER = frozenset({"done", "cancelled"})


@dataclass(frozen=True)
class DeadGroup(Resource):
    """Tasks that died of the same error; `error` is that of the newest, `task_id`."""

    fingerprint: str
    command: str
    queue: str
    error: dict[str, str]
    count: int
    capped: bool
    first_at: datetime
    last_at: datetime
    task_id: str


@dataclass(frozen=True)
class Operation(Resource):
    """A deed on many tasks, and how far it is; `faults` tell why the first 20 refused were left as they were."""

    id: str
    action: str
    filter: dict[str, Any]
    arguments: dict[str, Any]
    state: str
    matched: int
    changed: int
    refused: int
    faults: list[dict[str, Any]]
    created_at: datetime
    updated_at: datetime
    finished_at: datetime | None

    @property
    def over(self) -> bool:
        return self.state in OVER


@dataclass(frozen=True)
class DryRun(Resource):
    """What an operation would find: how many, those that it would refuse, the newest of them, and how many payloads its
    patch would spoil."""

    matched: int
    capped: bool
    refused: int
    sample: list[str]
    checked: int
    misfits: int
    faults: list[dict[str, Any]]


class Operating(Session):
    def dead(
        self, *, command: str | None = None, queue: str | None = None, since: datetime | None = None
    ) -> Iterator[DeadGroup]:
        """Failed and lost tasks by what they died of."""
        found = self._listed("/v1/dead", "groups", command=command, queue=queue, since=since)
        return (DeadGroup.from_json(one) for one in found)

    def operate(
        self,
        action: str,
        where: Filter,
        *,
        patch: Any = None,
        queue: str | None = None,
    ) -> Operation:
        """Retry (with a merge patch of each payload), cancel, delete or move (to a queue) all tasks that are found."""
        return Operation.from_json(self._start(action, where, patch, queue, dry=False))

    def try_operation(
        self,
        action: str,
        where: Filter,
        *,
        patch: Any = None,
        queue: str | None = None,
    ) -> DryRun:
        """What `operate` would find; nothing is changed."""
        return DryRun.from_json(self._start(action, where, patch, queue, dry=True))

    def operations(self, *, state: str | None = None) -> Iterator[Operation]:
        """Operations, the newest first."""
        return (Operation.from_json(one) for one in self._listed("/v1/operations", "operations", state=state))

    def operation(self, operation_id: str) -> Operation:
        return self._operation(Request("GET", _path(operation_id)))

    def pause_operation(self, operation_id: str) -> Operation:
        return self._operation(Request("POST", _path(operation_id, "pause")))

    def resume_operation(self, operation_id: str) -> Operation:
        return self._operation(Request("POST", _path(operation_id, "resume")))

    def cancel_operation(self, operation_id: str) -> Operation:
        """Do no more of it; what it has done is not undone."""
        return self._operation(Request("POST", _path(operation_id, "cancel")))

    def follow_operation(self, operation_id: str) -> Iterator[Operation]:
        """How far it is, again and again, until it is over or somebody pauses it."""
        while True:
            found = self.operation(operation_id)
            yield found
            if found.state != "running":
                return
            time.sleep(LOOK_EVERY_S)

    def _start(self, action: str, where: Filter, patch: Any, queue: str | None, *, dry: bool) -> Any:
        sent: dict[str, Any] = {"action": action, "filter": dict(where), "dry_run": dry}
        sent |= {name: value for name, value in (("patch", patch), ("queue", queue)) if value is not None}
        headers = {"Idempotency-Key": str(uuid4())}  # a lost answer is asked for again
        return self._send(Request("POST", "/v1/operations", encode(sent), headers=headers)).json()

    def _operation(self, request: Request) -> Operation:
        return Operation.from_json(self._send(request).json())


def _path(operation_id: str, *deed: str) -> str:
    return "/".join(["/v1/operations", quote(operation_id, safe=""), *deed])
