"""The types of events that Taskyard publishes by itself, each with its schema and an example.

They appear in the API's description under `webhooks`, and in docs/events.md.
"""

from dataclasses import dataclass
from typing import Any

TASK_ID = "019a8d4f-5b20-7c43-a1f6-0d9c8e7b6a54"
ENDPOINT_ID = "019a8d4f-6c11-7a52-b0e4-1c8d7f6a5b43"
STARTED, ENDED = "2026-11-03T09:30:00.000000Z", "2026-11-03T09:30:04.210000Z"

# First parts of types that are ours; a type of a user's own begins with another word.
OURS = {
    *("command", "delivery", "dispatcher", "endpoint", "event", "key", "lease", "queue", "replay", "request", "route"),
    *("schedule", "source", "task", "taskyard", "user", "worker"),
}


@dataclass(frozen=True, slots=True)
class EventType:
    name: str
    summary: str
    data: dict[str, Any]  # JSON Schema
    example: dict[str, Any]  # of the data


def _object(**properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


_UUID = {"type": "string", "format": "uuid"}
_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_TASK = _object(
    task_id=_UUID,
    command=_TEXT,
    queue=_TEXT,
    priority={"type": "string", "enum": ["low", "normal", "high"]},
    tags={"type": "array", "items": _TEXT},
    schedule={"type": ["string", "null"], "description": "The schedule that made it."},
    status=_TEXT,
    attempts={"type": "integer"},
    result={"description": "Null where it is longer than 16 KiB: read the task."},
    error={"description": "Of the last attempt that failed; null where it is longer than 16 KiB."},
    created_at=_TIME,
    finished_at=_TIME,
)


def _task(status: str, summary: str, *, attempts: int = 1, result: Any = None, error: Any = None) -> EventType:
    example = {
        "task_id": TASK_ID,
        "command": "resize",
        "queue": "resize",
        "priority": "normal",
        "tags": ["images"],
        "schedule": None,
        "status": status,
        "attempts": attempts,
        "result": result,
        "error": error,
        "created_at": STARTED,
        "finished_at": ENDED,
    }
    return EventType(f"task.{status}", summary, _TASK, example)


_ENDPOINT = _object(endpoint_id=_UUID, url=_TEXT, reason=_TEXT)
_REQUEST = _object(request_id=_UUID, source=_TEXT, reason=_TEXT)
_BLOCKED = _object(endpoint_id=_UUID, delivery_id=_UUID, url=_TEXT, reason=_TEXT)
_MISSED = _object(schedule=_TEXT, due_at=_TIME, reason=_TEXT)
_TEST = _object(endpoint_id=_UUID, message=_TEXT)

ALL = (
    _task("succeeded", "A task succeeded", result={"url": "https://example.com/42.png"}),
    _task("failed", "A task failed for good", attempts=3, error={"type": "Timeout", "message": "No answer in 30 s."}),
    _task("lost", "A task's outcome is unknown", error={"type": "lost", "message": "The worker's lease expired."}),
    _task("cancelled", "A task was cancelled", attempts=0),
    _task("expired", "A task was not started in time", attempts=0),
    EventType(
        "request.rejected",
        "An inbound webhook was rejected",
        _REQUEST,
        {"request_id": TASK_ID, "source": "github", "reason": "signature_mismatch"},
    ),
    EventType(
        "endpoint.disabled",
        "An endpoint was disabled",
        _ENDPOINT,
        {"endpoint_id": ENDPOINT_ID, "url": "https://example.com/hook", "reason": "It failed for five days."},
    ),
    EventType(
        "delivery.blocked",
        "A delivery may not be sent where it was to go",
        _BLOCKED,
        {
            "endpoint_id": ENDPOINT_ID,
            "delivery_id": TASK_ID,
            "url": "https://hooks.example.com/in",
            "reason": "blocked_address",
        },
    ),
    EventType(
        "schedule.missed",
        "A due time of a schedule was left out",
        _MISSED,
        {"schedule": "nightly", "due_at": STARTED, "reason": "Missed: no dispatcher ran at that time."},
    ),
    EventType("endpoint.test", "A test of an endpoint", _TEST, {"endpoint_id": ENDPOINT_ID, "message": "It works."}),
)
BY_NAME = {one.name: one for one in ALL}
