"""A load that comes by the clock: each request is due at its moment, whether earlier ones have been answered or not.

How long one took is counted from when it was due, so that a server that stands still is not spared what would have
come meanwhile.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

import uvloop

Answered: TypeAlias = "Callable[[_Connection, float, bytes], None]"


@dataclass
class Answers:
    """`took_ms` of each request in the order of the answers; `bad` are those that were not answered 200."""

    took_ms: list[float] = field(default_factory=list)
    bad: int = 0
    seconds: float = 0.0

    @property
    def per_s(self) -> float:
        return len(self.took_ms) / self.seconds


def load(port: int, requests: Sequence[bytes], per_s: float | None, connections: int) -> Answers:
    """Send these by so many kept-alive connections: so many a second, or each as soon as a connection is free."""
    return uvloop.run(_load(port, requests, per_s, connections))


async def _load(port: int, requests: Sequence[bytes], per_s: float | None, connections: int) -> Answers:
    found = Answers()
    due = deque[tuple[float, bytes]]()
    free = deque[_Connection]()
    over = asyncio.Event()

    def answered(connection: "_Connection", due_at: float, status: bytes) -> None:
        found.took_ms.append((time.perf_counter() - due_at) * 1000)
        found.bad += status != b"200"
        free.append(connection)
        send()
        if len(found.took_ms) == len(requests):
            over.set()

    def send() -> None:
        while due and free:
            free.popleft().send(*due.popleft())

    loop = asyncio.get_running_loop()
    for _ in range(connections):
        _, made = await loop.create_connection(lambda: _Connection(answered), "127.0.0.1", port)
        free.append(made)
    began_at = time.perf_counter()
    for number, request in enumerate(requests):
        due_at = began_at + number / per_s if per_s else 0.0
        if per_s and (left := due_at - time.perf_counter()) > 0:
            await asyncio.sleep(left)
        due.append((due_at, request))
        send()
    await over.wait()
    found.seconds = time.perf_counter() - began_at
    return found


class _Connection(asyncio.Protocol):
    """One request at a time; answers have a Content-Length."""

    def __init__(self, answered: Answered) -> None:
        self._answered = answered
        self._got = b""
        self._due_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, due_at: float, request: bytes) -> None:
        self._due_at = due_at or time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._got += data
        ends = self._got.find(b"\r\n\r\n")
        if ends < 0:
            return
        head = self._got[: ends + 2].lower()
        begins = head.index(b"content-length: ") + 16
        if len(self._got) >= ends + 4 + int(head[begins : head.index(b"\r\n", begins)]):
            status, self._got = self._got[9:12], b""
            self._answered(self, self._due_at, status)
