"""Inbound webhooks: those that came in, what became of them, and why some were rejected."""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from taskyard.client.resources import Resource
from taskyard.client.session import Session
from taskyard.client.transport import Request


@dataclass(frozen=True)
class Webhook(Resource):
    """A request that came in. `headers` and `body` are there where one was asked for; credentials are masked."""

    id: str
    source: str
    received_at: datetime
    method: str
    path: str
    query: str
    verdict: str
    reason: str | None
    detail: str | None
    type: str | None
    headers: list[dict[str, str]] = field(default_factory=list)
    body: dict[str, Any] = field(default_factory=dict)

    @property
    def raw(self) -> bytes:
        """The body, byte for byte."""
        return base64.b64decode(self.body.get("base64", ""))


@dataclass(frozen=True)
class Finding(Resource):
    """Something wrong with a rejected request, and what to do about it."""

    code: str
    sentence: str
    advice: str


@dataclass(frozen=True)
class Source(Resource):
    """Where webhooks come in, and how they are verified: by a preset, or by knobs of its own (`scheme`)."""

    name: str
    path: str
    preset: str
    scheme: dict[str, Any] | None


class Hooks(Session):
    def source(self, name: str) -> Source:
        return Source.from_json(self._send(Request("GET", f"/v1/sources/{quote(name, safe='')}")).json())

    def webhooks(
        self, *, source: str | None = None, verdict: str | None = None, received_from: datetime | None = None
    ) -> Iterator[Webhook]:
        """Requests, newest first, page by page as they are asked for, without headers and bodies."""
        asked = {"source": source, "verdict": verdict, "received_from": received_from, "limit": 100}
        return (Webhook.from_json(one) for one in self._listed("/v1/requests", "requests", **asked))

    def webhook(self, request_id: str) -> Webhook:
        return Webhook.from_json(self._send(Request("GET", _path(request_id))).json())

    def diagnosis(self, request_id: str) -> list[Finding]:
        """Why it was rejected: the reason first, then what would put it right. Empty where it would now be taken."""
        found = self._send(Request("GET", f"{_path(request_id)}/diagnosis")).json()
        return [Finding.from_json(one) for one in found["findings"]]


def _path(request_id: str) -> str:
    return f"/v1/requests/{quote(request_id, safe='')}"
