"""Webhooks passed on, as they come in, to a program on this machine."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

import urllib3
from urllib3.exceptions import HTTPError, LocationParseError

from taskyard.client.api import Client
from taskyard.client.hooks import Webhook

EVERY_S = 1.0
# A request gets its time when it comes and is seen once it is committed: so far back is looked each time.
OVERLAP = timedelta(seconds=5)
CONNECT_S, READ_S = 5.0, 60.0
MASK = "…"
# Of the connection to Taskyard (RFC 9110, section 7.6.1), and what the new one has of its own.
LEFT_OUT = {
    *("connection", "content-length", "host", "keep-alive", "proxy-connection", "te", "trailer"),
    *("transfer-encoding", "upgrade", "expect"),
}


class Tail:
    """Webhooks of a source in the order they came: the last few of before, then each new one."""

    def __init__(self, client: Client, source: str, *, replay: int = 0) -> None:
        self._client = client
        self._source = source
        self._seen: dict[str, datetime] = {}
        self._earlier = self._first(replay)

    def follow(self, over: threading.Event) -> Iterator[Webhook]:
        """What was verified, with headers and body, until `over`."""
        yield from map(self._whole, self._earlier)
        while not over.wait(EVERY_S):
            yield from map(self._whole, self._new())

    def _first(self, replay: int) -> list[Webhook]:
        """The last ones, oldest first. All that are new enough to be met again are known from then on."""
        last = list(islice(self._taken(None), replay))
        for one in (*islice(self._client.webhooks(source=self._source), 1), *last):
            self._seen[one.id] = one.received_at
        if self._seen:
            self._new()
        return last[::-1]

    def _new(self) -> list[Webhook]:
        since = max(self._seen.values()) - OVERLAP if self._seen else None
        found = [one for one in self._taken(since) if one.id not in self._seen]
        self._seen |= {one.id: one.received_at for one in found}
        self._seen = {name: at for name, at in self._seen.items() if since is None or at >= since}
        return found[::-1]

    def _taken(self, since: datetime | None) -> Iterator[Webhook]:
        found = self._client.webhooks(source=self._source, received_from=since)
        return (one for one in found if one.verdict != "rejected")

    def _whole(self, one: Webhook) -> Webhook:
        return self._client.webhook(one.id)


@dataclass(frozen=True)
class Passed:
    """What the program answered, or why it did not."""

    status: int | None
    failure: str = ""


class Forwarder:
    """Sends webhooks on to a URL, bytes and headers as they came."""

    def __init__(self, to: str) -> None:
        try:
            parts = urllib3.util.parse_url(to)
        except LocationParseError as error:
            raise ValueError(f"{to!r} is no URL such as http://localhost:3000") from error
        if parts.scheme not in {"http", "https"} or not parts.host or parts.query or parts.fragment:
            raise ValueError(f"{to!r} is no URL such as http://localhost:3000")
        self._to = to.rstrip("/")

    def send(self, webhook: Webhook) -> Passed:
        """By a connection of its own: one kept open may be closed at the other end just as the next one is sent."""
        url = self._to + webhook.path + (f"?{webhook.query}" if webhook.query else "")
        try:
            with urllib3.PoolManager(retries=False) as pool:
                answer = pool.request(
                    webhook.method,
                    url,
                    body=webhook.raw,
                    headers=_headers(webhook),
                    redirect=False,
                    timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
                )
        except (HTTPError, ValueError) as error:
            return Passed(None, str(error))
        return Passed(answer.status)


def _headers(webhook: Webhook) -> urllib3.HTTPHeaderDict:
    kept = urllib3.HTTPHeaderDict()
    for one in webhook.headers:
        if one["name"].lower() not in LEFT_OUT and one["value"] != MASK:
            kept.add(one["name"], one["value"])
    return kept
