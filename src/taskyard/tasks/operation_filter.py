"""The filter of an operation, as it is stored."""

from datetime import datetime
from typing import Any

from taskyard.core.types import instant_to_text
from taskyard.queue.lifecycle import Status
from taskyard.queue.read import Filter

_MOMENTS = ("created_from", "created_until")


def stored(sent: dict[str, Any], owner_id: str | None) -> dict[str, Any]:
    """`sent` is a loaded OperationFilter; `owner_id` is whom its owner stands for, None for everybody."""
    moments = {name: instant_to_text(sent[name]) for name in _MOMENTS if name in sent}
    return {**sent, **moments, "owner": owner_id or "all"}


def read(stored: dict[str, Any]) -> Filter:
    fields = dict(stored)
    owner = fields.pop("owner")
    if "status" in fields:
        fields["status"] = Status(fields["status"])
    moments = {name: datetime.fromisoformat(fields[name]) for name in _MOMENTS if name in fields}
    return Filter(**{**fields, **moments, "owner_id": None if owner == "all" else owner})
