"""HTTP with the server: one pool of connections, retries with backoff and jitter, refusals as errors."""

import email.utils
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, LocationParseError, NewConnectionError, SSLError

from taskyard.client import errors
from taskyard.client.lines import Lines

CONNECT_S = 5.0
MINIMAL = "return=minimal"  # what the Prefer header may ask for (RFC 7240)
READ_S = 30.0
FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
NEVER_DONE = {429, 503}  # the server says that it did nothing
PERHAPS_DONE = {502, 504}  # a proxy does not know


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises:
        ServerError: it is none; a proxy's page, say.
        """
        found = self.problem()
        if found is None:
            raise errors.ServerError("The answer is no JSON", "Is this the URL of Taskyard?", status=self.status)
        return found

    def problem(self) -> Any:
        """The body, or None where it is no JSON."""
        try:
            return orjson.loads(self.body)
        except ValueError:
            return None


@dataclass(frozen=True)
class Request:
    """`repeatable`: doing it twice is the same as doing it once, so that a lost answer may be asked for again."""

    method: str
    path: str
    body: bytes | None = None
    query: str = ""
    headers: Mapping[str, str] | None = None
    repeatable: bool = True
    wait_s: float = 0.0  # how long the server was asked to hold its answer back


def pauses() -> Iterator[float]:
    """Seconds between tries: doubling, and random so that those who failed together do not come back together."""
    longest = FIRST_PAUSE_S
    while True:
        yield longest * random.uniform(0.5, 1)
        longest = min(longest * 2, LONGEST_PAUSE_S)


class Transport:
    """Connections to one server. Threads may share it."""

    def __init__(self, url: str, token: str | None, agent: str) -> None:
        try:
            parts = urllib3.util.parse_url(url)
        except LocationParseError as error:
            raise ValueError(f"{url!r} is no URL such as http://127.0.0.1:8000") from error
        if parts.scheme not in {"http", "https"} or not parts.host:
            raise ValueError(f"{url!r} is no URL such as http://127.0.0.1:8000")
        self.url = url.rstrip("/")
        self._prefix = (parts.path or "").rstrip("/")
        self._headers = {"User-Agent": agent, "Accept": "application/json"}
        if token:
            self._headers["Authorization"] = f"Bearer {token}"
        self._lines = Lines()
        self._pool = urllib3.connection_from_url(url, maxsize=16, retries=False)
        self._pool.ConnectionCls = self._lines.tracking(self._pool.ConnectionCls)

    def send(self, request: Request, *, retry_for_s: float) -> Answer:
        """Send it, again and again while that may help, for so many seconds.

        Raises:
            TaskyardError: it was refused, or no answer came.
        """
        give_up_at = time.monotonic() + retry_for_s
        for pause_s in pauses():
            answer, failure, again = self._try(request)
            if answer is not None:
                return answer
            assert failure is not None
            pause_s = max(pause_s, failure.retry_after_s or 0)
            if not again or time.monotonic() + pause_s > give_up_at:
                raise failure
            self._lines.cut.wait(pause_s)
        raise AssertionError("pauses never end")

    def _try(self, request: Request) -> tuple[Answer | None, errors.TaskyardError | None, bool]:
        """The answer, or what went wrong and whether it may be sent again."""
        try:
            answer = self._once(request)
        except HTTPError as error:
            if self._lines.cut.is_set():
                return None, errors.Interrupted("The request was interrupted"), False
            unsent = isinstance(error, NewConnectionError | ConnectTimeoutError)
            failure = errors.Unreachable(f"No answer from {self.url}", str(error))
            return None, failure, (request.repeatable or unsent) and not isinstance(error, SSLError)
        if answer.status < 300:
            return answer, None, False
        again = answer.status in NEVER_DONE or (answer.status in PERHAPS_DONE and request.repeatable)
        return None, errors.from_problem(answer.status, answer.problem(), _retry_after_s(answer.headers)), again

    def _once(self, request: Request) -> Answer:
        if self._lines.cut.is_set():
            raise HTTPError("interrupted")
        headers = {**self._headers, **(request.headers or {})}
        if request.body is not None:
            headers["Content-Type"] = "application/json"
        response = self._pool.request(
            request.method,
            f"{self._prefix}{request.path}" + (f"?{request.query}" if request.query else ""),
            body=request.body,
            headers=headers,
            redirect=False,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S + request.wait_s),
        )
        return Answer(response.status, response.headers, response.data)

    def interrupt(self) -> None:
        """End requests under way, from another thread; this transport is of no use afterwards."""
        self._lines.hang_up()

    def close(self) -> None:
        self._pool.close()


def _retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds or a date (RFC 9110, 10.2.3)."""
    text = headers.get("Retry-After")
    if text is None:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, (email.utils.parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
