"""Groups: tasks that belong together, and one that runs after all of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote
from uuid import uuid4

from taskyard.client.resources import Resource, encode
from taskyard.client.session import Session
from taskyard.client.transport import Request

Tasks: TypeAlias = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class SubmittedGroup(Resource):
    """A group that was accepted, with the ids of its tasks."""

    id: str
    task_ids: list[str]
    completion_id: str
    created_at: datetime


@dataclass(frozen=True)
class Group(Resource):
    """How far a group is: how many of its tasks have which status."""

    id: str
    owner_id: str
    completion_id: str
    completion_status: str | None
    tasks: dict[str, int]
    created_at: datetime


class Grouping(Session):
    def submit_group(
        self,
        tasks: Tasks,
        completion: Mapping[str, Any],
        *,
        on_failure: str | None = None,
        idempotency_key: str | None = None,
    ) -> SubmittedGroup:
        """Submit up to 1,000 tasks and one that runs after all of them; each with the fields of `submit`."""
        sent: dict[str, Any] = {"tasks": [plain(one) for one in tasks], "completion": plain(completion)}
        body = encode(sent | ({"on_failure": on_failure} if on_failure else {}))
        headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
        return SubmittedGroup.from_json(self._send(Request("POST", "/v1/groups", body, headers=headers)).json())

    def group(self, group_id: str) -> Group:
        """How far a group is."""
        return Group.from_json(self._send(Request("GET", _path(group_id))).json())

    def cancel_group(self, group_id: str) -> Group:
        """Cancel what is open of a group, its completion included."""
        return Group.from_json(self._send(Request("POST", _path(group_id, "cancel"))).json())


def plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: at.isoformat() if isinstance(at, datetime) else at for name, at in fields.items()}


def _path(group_id: str, *deed: str) -> str:
    return "/".join(["/v1/groups", quote(group_id, safe=""), *deed])
