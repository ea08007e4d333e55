"""A server, and who we are to it."""

import os
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from taskyard.client.transport import Answer, Request, Transport

DEFAULT_URL = "http://127.0.0.1:8000"
AGENT = "taskyard-python"


class Session:
    """The connections to one server. Threads may share it.

    `url` and `token` come from TASKYARD_URL (http://127.0.0.1:8000) and TASKYARD_TOKEN unless given. What fails for
    want of a connection, or with 429, 502, 503 or 504, is tried again for `retry_for_s` seconds where that is safe.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, retry_for_s: float = 30.0) -> None:
        self.url = url or os.environ.get("TASKYARD_URL") or DEFAULT_URL
        self._token = token or os.environ.get("TASKYARD_TOKEN")
        self.retry_for_s = retry_for_s
        self._transport = Transport(self.url, self._token, AGENT)

    def twin(self) -> Self:
        """The same server over connections of its own."""
        return type(self)(self.url, self._token, retry_for_s=self.retry_for_s)

    def interrupt(self) -> None:
        """End the requests under way from another thread: they raise Interrupted, as does whatever comes later."""
        self._transport.interrupt()

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, request: Request, retry_for_s: float | None = None) -> Answer:
        return self._transport.send(request, retry_for_s=self.retry_for_s if retry_for_s is None else retry_for_s)

    def _listed(self, path: str, key: str, **wanted: Any) -> Iterator[dict[str, Any]]:
        """What a list holds that is `wanted`, page by page as it is asked for."""
        query: str | None = urlencode({k: _plain(v) for k, v in wanted.items() if v is not None})
        while query is not None:
            answer = self._send(Request("GET", path, query=query))
            yield from answer.json()[key]
            query = _next_page(answer)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value


def _next_page(answer: Answer) -> str | None:
    """The query of the next page, from the Link header (RFC 8288)."""
    for link in answer.headers.get("Link", "").split(", "):
        target, _, relation = link.partition(">;")
        if 'rel="next"' in relation:
            return urlsplit(target.removeprefix("<")).query
    return None
