"""`python -m bench.receiver`: a receiver of webhooks in a process of its own, as small as it can be made.

It speaks just enough HTTP to answer a request with a length. On its first port it answers 200 at once, on its second
never. Written to standard output: the two ports, then after each line of input how many requests have come, and at the
end of the input when each came first.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"
BACKLOG = 4096


class Seen:
    """When each webhook-id came first, by time.monotonic, which all processes of a machine share."""

    def __init__(self) -> None:
        self.count = 0
        self.first: dict[str, float] = {}

    def note(self, head: bytes) -> None:
        self.count += 1
        self.first.setdefault(_header(head, b"webhook-id: ").decode(), time.monotonic())


def _header(head: bytes, name: bytes) -> bytes:
    begins = head.find(name) + len(name)
    return head[begins : head.index(b"\r\n", begins)]


class Fast(asyncio.Protocol):
    """Answers and hangs up."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._got = b""
        self._wanted = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def data_received(self, data: bytes) -> None:
        self._got += data
        if not self._wanted:
            ends = self._got.find(b"\r\n\r\n")
            if ends < 0:
                return
            head = self._got[: ends + 2].replace(b"Content-Length", b"content-length")
            self._seen.note(head)
            self._wanted = ends + 4 + int(_header(head, b"content-length: "))
        if len(self._got) >= self._wanted:
            self._transport.write(ANSWER)
            self._transport.close()


async def _serve() -> None:
    seen, loop = Seen(), asyncio.get_running_loop()
    fast = await loop.create_server(lambda: Fast(seen), "127.0.0.1", 0, backlog=BACKLOG)
    hole = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=BACKLOG)
    print(json.dumps([server.sockets[0].getsockname()[1] for server in (fast, hole)]), flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        print(json.dumps(seen.count), flush=True)
    print(json.dumps(seen.first), flush=True)


if __name__ == "__main__":
    uvloop.run(_serve())
