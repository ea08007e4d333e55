"""Lines: work that waits for other servers. One thread, one event loop, any number of requests under way.

A line claims some, sends them side by side and settles what has come back, many at a time. No transaction is open
while a request is under way: `claim` and `settle` run in threads, each in transactions of its own.
"""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Generic, Protocol, TypeVar

import structlog

from taskyard.core.driver_errors import passes

log = structlog.get_logger("taskyard.dispatcher")
AFTER_ERROR_S = 1.0

Job = TypeVar("Job")
Done = TypeVar("Done")
R = TypeVar("R")


class Line(Protocol[Job, Done]):
    """What the frame asks of a kind of work. A job that was claimed is settled or released, never forgotten.

    All but `send` are called in threads, and block.
    """

    name: str
    room: int  # how many may be under way at once, in this process
    extend_s: float  # how often to extend what is under way
    stop_s: float  # how long what is under way may take to finish once the dispatcher is stopped

    def claim(self, room: int) -> Sequence[Job]:
        """Claim at most so many, waiting a second or so for a first one."""

    def stir(self) -> None:
        """Let a claim that waits return; called on the event loop."""

    async def send(self, job: Job) -> Done:
        """Do the job. What goes wrong with it is part of what is returned, also that it was cancelled."""
        ...

    def settle(self, done: Sequence[Done]) -> None:
        """Write down what became of these; called again with the same where it raised."""

    def release(self, jobs: Sequence[Job]) -> None:
        """Give back what was claimed but not sent before the stop."""

    def extend(self, jobs: Sequence[Job]) -> None:
        """Keep what is still under way."""


async def run(line: Line[Job, Done], stopped: asyncio.Event) -> None:
    """Work on a line until `stopped`; what was sent by then is finished within `stop_s`, or cut short."""
    await _Frame(line).run(stopped)


class _Frame(Generic[Job, Done]):
    def __init__(self, line: Line[Job, Done]) -> None:
        self._line = line
        self._flights: dict[asyncio.Task[None], Job] = {}
        self._landed = asyncio.Event()  # a flight has, since that was last cleared
        self._done: asyncio.Queue[Done] = asyncio.Queue()
        self._stopped = asyncio.Event()
        # Of their own, so that none waits for work of others; claims, settlements and extensions block in them.
        self._threads = ThreadPoolExecutor(3, thread_name_prefix=line.name)

    async def run(self, stopped: asyncio.Event) -> None:
        claiming = asyncio.create_task(self._claim())
        settling = asyncio.create_task(self._settle())
        extending = asyncio.create_task(self._extend())
        await stopped.wait()
        self._stopped.set()
        self._line.stir()
        self._landed.set()
        await claiming
        if self._flights:
            await asyncio.wait(self._flights, timeout=self._line.stop_s)
            for flight in list(self._flights):
                flight.cancel()
            await asyncio.gather(*self._flights)
        extending.cancel()
        await self._done.join()
        settling.cancel()
        await asyncio.gather(extending, settling, return_exceptions=True)
        self._threads.shutdown()

    async def _claim(self) -> None:
        while not self._stopped.is_set():
            room = self._line.room - len(self._flights)
            if room <= 0:
                self._landed.clear()
                await self._landed.wait()
                continue
            jobs = await self._try("claim", lambda room=room: self._line.claim(room))  # type: ignore[misc]
            if jobs is None:
                await self._pause()
            elif self._stopped.is_set() and jobs:
                await self._insist("release", lambda jobs=jobs: self._line.release(jobs))  # type: ignore[misc]
            else:
                for job in jobs:
                    flight = asyncio.create_task(self._fly(job))
                    self._flights[flight] = job
                    flight.add_done_callback(self._land)

    async def _fly(self, job: Job) -> None:
        try:
            self._done.put_nowait(await self._line.send(job))
        except Exception as error:  # a fault of ours: the job is not forgotten, as its lease runs out
            self._tell("send", error)

    def _land(self, flight: asyncio.Task[None]) -> None:
        del self._flights[flight]
        self._landed.set()

    async def _settle(self) -> None:
        while True:
            done = [await self._done.get()]
            while not self._done.empty():
                done.append(self._done.get_nowait())
            await self._insist("settle", lambda done=done: self._line.settle(done))  # type: ignore[misc]
            for _ in done:
                self._done.task_done()

    async def _extend(self) -> None:
        while True:
            await asyncio.sleep(self._line.extend_s)
            if jobs := list(self._flights.values()):
                await self._try("extend", lambda jobs=jobs: self._line.extend(jobs))  # type: ignore[misc]

    async def _insist(self, what: str, deed: Callable[[], None]) -> None:
        """Do it, again and again while it fails; once the dispatcher is stopped, a few times only."""
        left = 3
        while left:
            try:
                await asyncio.get_running_loop().run_in_executor(self._threads, deed)
            except Exception as error:
                self._tell(what, error)
                left -= self._stopped.is_set()
                await self._pause()
            else:
                return

    async def _try(self, what: str, deed: Callable[[], R]) -> R | None:
        """What it returns; None where it failed."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, deed)
        except Exception as error:  # whatever it is: a line that stopped for good would do so unseen
            self._tell(what, error)
            return None

    def _tell(self, what: str, error: Exception) -> None:
        if passes(error):
            log.warning(f"cannot {what} for now", line=self._line.name, error=str(error).partition("\n")[0])
        else:
            log.error(f"cannot {what}", line=self._line.name, exc_info=error)

    async def _pause(self) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopped.wait(), AFTER_ERROR_S)
