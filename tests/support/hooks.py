"""The vectors of vectors.json, read."""

import base64
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Secret

VECTORS: list[dict[str, Any]] = json.loads((Path(__file__).parents[1] / "inbox" / "vectors.json").read_text())


def moment(at: float | None) -> datetime | None:
    return None if at is None else datetime.fromtimestamp(at, UTC)


def now_of(vector: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(vector["now"], UTC)


def secrets_of(vector: dict[str, Any]) -> list[Secret]:
    return [
        Secret(one["value"], moment(one.get("not_before")), moment(one.get("expires_at"))) for one in vector["secrets"]
    ]


def request_of(vector: dict[str, Any]) -> Received:
    pairs = [(name, value) for name, value in vector["headers"]]
    return Received("POST", "", vector["query"], pairs, base64.b64decode(vector["body"]))
