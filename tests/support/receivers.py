"""Servers on 127.0.0.1 that answer, or misbehave, byte by byte; each in a thread with an event loop of its own."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Seen:
    """One request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """A server that is up. `requests` fills with what `answering` reads; other talks read as they please."""

    port: int = 0
    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    arrived: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def next(self, timeout_s: float = 10) -> Seen:
        """The next request that has not been asked for yet."""
        assert self.arrived.acquire(timeout=timeout_s), "no request arrived"
        return self.requests[-1]


async def read_request(reader: asyncio.StreamReader) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.split(": ", 1) for line in head[1:] if line)
    headers = {name.lower(): value for name, value in headers.items()}
    return Seen(head[0], headers, await reader.readexactly(int(headers.get("content-length", 0))))


def whole(status: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def receiver(
    talk: Talk | None = None, *, answers: Callable[[Seen], bytes] | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[Receiver]:
    """A server that reads a request and answers with what `answers` makes of it, or talks as `talk` does."""
    found = Receiver()

    async def polite(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = await read_request(reader)
        found.requests.append(seen)
        found.arrived.release()
        writer.write(answers(seen) if answers else whole("200 OK", b"{}"))
        await writer.drain()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.connections += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await (talk or polite)(reader, writer)
        finally:
            writer.close()
            with suppress(OSError, asyncio.CancelledError, TimeoutError):
                await asyncio.wait_for(writer.wait_closed(), 1)
            writer.transport.abort()
            await asyncio.sleep(0.01)  # in which the transport lets go of its socket

    async def run(sock: socket.socket) -> None:
        server = await asyncio.start_server(serve, sock=sock, ssl=tls, limit=2**20)
        up.set()
        await asyncio.to_thread(stop.wait)
        server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await server.wait_closed()

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        found.port = sock.getsockname()[1]
        up, stop = threading.Event(), threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(run(sock)))
        thread.start()
        assert up.wait(10)
        try:
            yield found
        finally:
            stop.set()
            thread.join(10)


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection as a crash does: with RST instead of FIN."""
    sock = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    writer.transport.abort()
