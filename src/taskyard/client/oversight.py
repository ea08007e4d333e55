"""What whoever looks after the queues asks for: queues and workers, what they do, and to hold or drain them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias
from urllib.parse import quote

from taskyard.client.resources import Resource, encode
from taskyard.client.session import Session
from taskyard.client.transport import Request

PAGE = 200
Counts: TypeAlias = dict[str, Any]  # count, and capped where there may be more


@dataclass(frozen=True)
class Queue(Resource):
    """A queue. From `depth` (by priority) on, it is there where one queue was asked for."""

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
    parked: Counts = field(default_factory=dict)  # over the limit of their key
    limits: dict[str, Any] = field(default_factory=dict)  # max_running, and rate: count and per
    key_limits: dict[str, Any] = field(default_factory=dict)  # of each limit key that has none of its own
    weights: dict[str, int] = field(default_factory=dict)  # of fairness keys


@dataclass(frozen=True)
class Purged(Resource):
    """How many waiting tasks a purge has cancelled, and whether there are `more`."""

    cancelled: int
    more: bool


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
    running_capped: bool = False  # it has more


class Oversight(Session):
    def queues(self) -> Iterator[Queue]:
        """The queues of which something is set, or in which something waits or runs, by name."""
        return (Queue.from_json(one) for one in self._listed("/v1/queues", "queues", limit=PAGE))

    def queue(self, name: str) -> Queue:
        return self._queue(Request("GET", _path("queues", name)))

    def pause(self, name: str) -> Queue:
        """Let no worker have anything of a queue."""
        return self._queue(Request("POST", _path("queues", name, "pause")))

    def resume(self, name: str) -> Queue:
        return self._queue(Request("POST", _path("queues", name, "resume")))

    def drain_queue(self, name: str) -> Queue:
        """Take no new tasks into a queue; what waits there is still run."""
        return self._queue(Request("POST", _path("queues", name, "drain")))

    def open_queue(self, name: str) -> Queue:
        """Let a queue that was drained take new tasks again."""
        return self._queue(Request("POST", _path("queues", name, "open")))

    def purge_queue(self, name: str) -> Purged:
        """Cancel what waits in a queue: 10,000 tasks at most."""
        body = encode({"confirm": name})
        return Purged.from_json(self._send(Request("POST", _path("queues", name, "purge"), body)).json())

    def change_queue(self, name: str, **changes: Any) -> Queue:
        """Set `limits`, `key_limits` and `weights` by a merge patch: what is not named stays, None removes it."""
        return self._queue(Request("PATCH", _path("queues", name), encode(changes)))

    def workers(self) -> Iterator[WorkerInfo]:
        """Workers that asked in the last ten minutes or hold a task, by name."""
        return (WorkerInfo.from_json(one) for one in self._listed("/v1/workers", "workers", limit=PAGE))

    def drain_worker(self, worker_id: str) -> WorkerInfo:
        """Give a worker nothing more: `taskyard work` then ends once it is done."""
        return WorkerInfo.from_json(self._send(Request("POST", _path("workers", worker_id, "drain"))).json())

    def resume_worker(self, worker_id: str) -> WorkerInfo:
        """Let a drained worker have tasks again."""
        return WorkerInfo.from_json(self._send(Request("POST", _path("workers", worker_id, "resume"))).json())

    def _queue(self, request: Request) -> Queue:
        return Queue.from_json(self._send(request).json())


def _path(kind: str, name: str, *deed: str) -> str:
    return "/".join(["/v1", kind, quote(name, safe=""), *deed])
