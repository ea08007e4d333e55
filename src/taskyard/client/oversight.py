"""What whoever looks after the queues asks for: queues and workers, what they do, and to hold or drain them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from taskyard.client.pages import next_page
from taskyard.client.resources import Resource
from taskyard.client.session import Session
from taskyard.client.transport import Request

Counts: TypeAlias = dict[str, Any]  # count, and capped where there may be more


@dataclass(frozen=True)
class Queue(Resource):
    """A queue. `depth` (by priority), `scheduled` and `running` are there where one queue was asked for."""

    name: str
    paused_at: datetime | None
    closed_at: datetime | None
    oldest_ready_at: datetime | None
    age_s: float | None
    last_asked_at: datetime | None
    warning: str | None
    depth: dict[str, Counts] = field(default_factory=dict)
    scheduled: Counts = field(default_factory=dict)
    running: Counts = field(default_factory=dict)


@dataclass(frozen=True)
class WorkerInfo(Resource):
    """A worker as the server knows it; `running` are its tasks, with `task_id`, `command`, `progress` and more."""

    id: str
    name: str
    holder_id: str
    queues: list[str]
    seen_at: datetime
    draining_since: datetime | None
    running: list[dict[str, Any]]


class Oversight(Session):
    def queues(self) -> Iterator[Queue]:
        """The queues of which something is set, or in which something waits or runs, by name."""
        return (Queue.from_json(one) for one in self._pages("/v1/queues", "queues"))

    def queue(self, name: str) -> Queue:
        return self._queue(Request("GET", _path("queues", name)))

    def pause(self, name: str) -> Queue:
        """Let no worker have anything of a queue."""
        return self._queue(Request("POST", _path("queues", name, "pause")))

    def resume(self, name: str) -> Queue:
        return self._queue(Request("POST", _path("queues", name, "resume")))

    def workers(self) -> Iterator[WorkerInfo]:
        """Workers that asked in the last ten minutes or hold a task, by name."""
        return (WorkerInfo.from_json(one) for one in self._pages("/v1/workers", "workers"))

    def drain_worker(self, worker_id: str) -> WorkerInfo:
        """Give a worker nothing more: `taskyard work` then ends once it is done."""
        return WorkerInfo.from_json(self._send(Request("POST", _path("workers", worker_id, "drain"))).json())

    def _queue(self, request: Request) -> Queue:
        return Queue.from_json(self._send(request).json())

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        query: str | None = urlencode({"limit": 200})
        while query is not None:
            answer = self._send(Request("GET", path, query=query))
            yield from answer.json()[key]
            query = next_page(answer)


def _path(kind: str, name: str, *deed: str) -> str:
    return "/".join(["/v1", kind, quote(name, safe=""), *deed])
