"""A client for the endpoint that waits: exactly so many requests over so many kept-alive connections at once.

wrk measures for a time, not for a number of requests. This speaks just enough HTTP/1.1 to cost little itself.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import uvloop


@dataclass(frozen=True)
class Waited:
    per_s: float
    p50_ms: float
    p99_ms: float
    bad: int


class Connection(asyncio.Protocol):
    """Sends the same request again and again while `turn` says so."""

    def __init__(self, request: bytes, turn: Callable[[], bool], finished: Callable[[], None]) -> None:
        self._request, self._turn, self._finished = request, turn, finished
        self._buffer, self._sent_at, self._running = b"", 0.0, False
        self.times: list[float] = []
        self.bad = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one but in name

    def start(self) -> None:
        self._running = True
        self._next()

    def close(self) -> None:
        self._transport.close()

    def _next(self) -> None:
        if not self._turn():
            self._running = False
            self._finished()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, separator, body = self._buffer.partition(b"\r\n\r\n")
        if not separator or len(body) < _length(head):
            return
        self._buffer = b""
        self.times.append(time.perf_counter() - self._sent_at)
        self.bad += not head.startswith(b"HTTP/1.1 2")
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._running:
            self.bad += 1
            self._finished()


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return 0


def hammer(port: int, path: str, connections: int, requests: int) -> Waited:
    """The clock starts when all connections are open, and stops at the last answer."""
    return uvloop.run(_hammer(port, path, connections, requests))


async def _hammer(port: int, path: str, connections: int, requests: int) -> Waited:
    loop = asyncio.get_running_loop()
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
    left, running, over = requests, connections, asyncio.Event()

    def turn() -> bool:
        nonlocal left
        left -= 1
        return left >= 0

    def finished() -> None:
        nonlocal running
        running -= 1
        if not running:
            over.set()

    opened: list[Connection] = []
    for _ in range(connections):
        _, protocol = await loop.create_connection(lambda: Connection(request, turn, finished), "127.0.0.1", port)
        opened.append(protocol)
    started_at = time.perf_counter()
    for connection in opened:
        connection.start()
    await over.wait()
    took_s = time.perf_counter() - started_at
    for connection in opened:
        connection.close()
    times = sorted(seconds for connection in opened for seconds in connection.times)
    bad = sum(connection.bad for connection in opened)
    return Waited(len(times) / took_s, _percentile(times, 50), _percentile(times, 99), bad)


def _percentile(ordered: list[float], percent: int) -> float:
    """In milliseconds."""
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 if ordered else 0.0
