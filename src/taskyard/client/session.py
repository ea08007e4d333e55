"""A server, and who we are to it."""

import os
from typing import Self

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
