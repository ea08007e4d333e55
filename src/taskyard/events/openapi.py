"""The events as `webhooks` of the API's description (OpenAPI 3.1): what a receiver gets, type by type."""

from typing import Any

from taskyard.events.types import ALL, STARTED, EventType

EVENT_ID = "019a8d4f-7c1e-7b7a-9d55-2f6d3c1b8e10"
_HEADERS = {
    "webhook-id": ("The event's id: the same at every try, so that you can tell a repeat.", EVENT_ID),
    "webhook-timestamp": ("When it was signed, in seconds since 1970.", "1762162200"),
    "webhook-signature": (
        "Signatures by every living secret (Standard Webhooks), one of which must match.",
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    "webhook-attempt": ("Which try this is, from 1.", "1"),
}


def add(spec: dict[str, Any]) -> dict[str, Any]:
    """Add what endpoints receive to a description."""
    spec["webhooks"] = {one.name: {"post": _operation(one)} for one in ALL}
    return spec


def _operation(of: EventType) -> dict[str, Any]:
    return {
        "operationId": f"webhook-{of.name}",
        "summary": of.summary,
        "tags": ["events"],
        "security": [],
        "parameters": [
            {
                "in": "header",
                "name": name,
                "required": True,
                "description": told,
                "schema": {"type": "string"},
                "example": example,
            }
            for name, (told, example) in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": _schema(of), "example": _example(of)}},
        },
        "responses": {
            "2XX": {"description": "It has arrived."},
            "410": {"description": "Never again: the endpoint is disabled."},
            "429": {"description": "Later: see Retry-After."},
        },
    }


def _schema(of: EventType) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "type": {"type": "string", "const": of.name},
            "timestamp": {"type": "string", "format": "date-time"},
            "key": {"type": ["string", "null"]},
            "data": of.data,
        },
        "required": ["id", "type", "timestamp", "data"],
    }


def _example(of: EventType) -> dict[str, Any]:
    return {
        "id": EVENT_ID,
        "type": of.name,
        "timestamp": STARTED,
        "key": of.example.get("task_id"),
        "data": of.example,
    }
