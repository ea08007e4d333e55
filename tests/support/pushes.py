"""Pushed tasks as their owner sees them, and receivers that take their time."""

import asyncio
import threading
from typing import Any

from support.caller import Caller
from support.receivers import Seen, read_request, whole
from support.signals import until

JSON = "Content-Type: application/json"


def ended(alice: Caller, task_id: str) -> dict[str, Any]:
    """The task once it has ended."""

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = alice.get(f"/v1/tasks/{task_id}", headers={"Prefer": "wait=5"}).json
        return found if found["finished_at"] is not None else None

    return until(look, 60)


class Holding:
    """A receiver's talk: it takes requests and answers none until it is let go; then each with 200."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        self._let_go = threading.Event()

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.seen.append(await read_request(reader))
        while not self._let_go.is_set():
            await asyncio.sleep(0.01)
        writer.write(whole("200 OK", b"1", JSON))

    def let_go(self) -> None:
        self._let_go.set()

    def wait_for(self, count: int) -> list[Seen]:
        """The requests, once there are so many."""
        until(lambda: len(self.seen) >= count, 60)
        return list(self.seen)


class Slow:
    """A receiver's talk: it answers each request with 200 after a while, and counts those under way together."""

    def __init__(self) -> None:
        self.most = 0
        self._under_way = 0

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        self._under_way += 1
        self.most = max(self.most, self._under_way)
        await asyncio.sleep(0.05)
        self._under_way -= 1
        writer.write(whole("200 OK"))
