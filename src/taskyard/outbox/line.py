"""The delivery line: claim what is due, send it with no transaction open, settle in batches.

Runs in the dispatcher's event loop. SQL goes through threads, one claim and one settling at a time, each for many
deliveries.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from taskyard.core import clock, transaction
from taskyard.core.db import Database
from taskyard.core.driver_errors import passes
from taskyard.outbox import claim, fanout, gates, settle
from taskyard.outbox.claimed import Claimed
from taskyard.outbox.settle import Tried
from taskyard.outbox.tables import Kind

log = structlog.get_logger("taskyard.outbox")
SLOTS = 400  # requests at a time, of one dispatcher
EVERY_S = 0.05  # between two looks at a lane that is due and whose gate another holds
FLOOR_S = 0.5  # between two looks in any case: what tells of work are hints, and may be lost
AFTER_ERROR_S = 1.0
MOST_SETTLED = 500  # in one transaction
BUSY = 32  # requests under way from which on claims and settlements gather, so that each is for many
GATHER_S = 0.015

# Sends one and never raises; app-wide what knows sockets and signatures.
Send = Callable[[Claimed], Awaitable[Tried]]


class Line:
    """Delivers until it is stopped; what is in flight then is finished."""

    def __init__(self, database: Database, send: Send, *, slots: int = SLOTS) -> None:
        self._database = database
        self._send = send
        self._slots = slots
        self._busy: Counter[Kind] = Counter()
        self._over: list[Tried] = []
        self._sending: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()  # a request, or the whole line
        self._woken = asyncio.Event()  # there may be something to claim
        self._rest_s = FLOOR_S  # until something is due, as far as was seen

    async def run(self, stop: asyncio.Event) -> None:
        """Claim, send and settle until `stop` is set and what was begun has ended."""
        claimed = asyncio.Event()  # all that will be: the last claim may still be under way when `stop` is set
        settling = asyncio.create_task(self._settle_all(claimed))
        while not stop.is_set():
            self._woken.clear()
            try:
                found = await asyncio.to_thread(self._claim)
            except Exception as error:  # whatever it is: a line that stopped for good would do so unseen
                _tell("claiming deliveries failed", error)
                await asyncio.sleep(AFTER_ERROR_S)
                continue
            for one in found:
                self._busy[one.kind] += 1
                task = asyncio.create_task(self._deliver(one))
                self._sending.add(task)
                task.add_done_callback(self._sending.discard)
            if not found:
                await _wait(self._woken, self._rest_s)
            await self._gather()
        claimed.set()
        self._ended.set()
        await settling

    def wake(self) -> None:
        """Look again at once."""
        self._woken.set()

    async def _gather(self) -> None:
        """Under load, let room or results come together: what a transaction costs is shared by all that is in it."""
        if len(self._sending) >= BUSY:
            await asyncio.sleep(GATHER_S)

    def _claim(self) -> list[Claimed]:
        now = clock.now()
        with self._database.read.connect() as connection:
            due = gates.due(connection)
        room = claim.rooms(self._slots, self._busy)
        first = min((at for kind, at in due.items() if room[kind]), default=None)
        self._rest_s = FLOOR_S if first is None else min(max((first - now).total_seconds(), EVERY_S), FLOOR_S)
        wanted = {kind: room[kind] for kind, at in due.items() if at <= now and room[kind]}
        if not wanted:
            return []
        with transaction.own(self._database) as connection:
            return claim.claim(connection, wanted, now)

    async def _deliver(self, one: Claimed) -> None:
        try:
            tried = await self._send(one)
            self._over.append(tried)  # in two steps: the list may be another one by then
        except Exception:  # its lease ends, and it is sent again
            log.exception("sending failed", delivery=one.id)
        finally:
            self._busy[one.kind] -= 1
            self._ended.set()

    async def _settle_all(self, claimed: asyncio.Event) -> None:
        while not (claimed.is_set() and not self._sending and not self._over):
            await self._ended.wait()
            await self._gather()
            if not claimed.is_set() or self._sending:
                self._ended.clear()
            batch, self._over = self._over[:MOST_SETTLED], self._over[MOST_SETTLED:]
            if self._over:
                self._ended.set()
            try:
                if batch:
                    await asyncio.to_thread(self._settle, batch)
                    self.wake()  # what has ended makes room
            except Exception as error:
                _tell("settling deliveries failed", error)
                if claimed.is_set():
                    return  # their leases end, and they are sent again
                self._over = batch + self._over
                self._ended.set()
                await asyncio.sleep(AFTER_ERROR_S)

    def _settle(self, batch: list[Tried]) -> None:
        with transaction.own(self._database) as connection:
            settle.settle(connection, batch, clock.now())


class FanOut:
    """Makes deliveries of events until it is stopped."""

    def __init__(self, database: Database, done: Callable[[], None]) -> None:
        self._database = database
        self._done = done  # called after each slice
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Look again at once."""
        self._woken.set()

    async def run(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            self._woken.clear()
            try:
                if await asyncio.to_thread(self._slice):
                    self._done()
                else:
                    await asyncio.sleep(GATHER_S)  # on SQLite whatever is written wakes it, also what the line settles
                    await _wait(self._woken, FLOOR_S)
            except Exception as error:
                _tell("fanning events out failed", error)
                await _wait(stop, AFTER_ERROR_S)

    def _slice(self) -> int:
        with self._database.read.connect() as connection:
            if not fanout.is_pending(connection):
                return 0
        with transaction.own(self._database) as connection:
            return fanout.fan_out(connection, clock.now())


def _tell(what: str, error: Exception) -> None:
    if passes(error):
        log.warning(what, error=str(error).partition("\n")[0])
    else:
        log.error(what, exc_info=error)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
