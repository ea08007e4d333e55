"""The line that pushes: claims tasks of commands with a push, posts them, settles them by the answer."""

import asyncio
import os
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence, Set
from dataclasses import dataclass, replace

import structlog
from sqlalchemy import Connection

from taskyard.commands import catalogue, push
from taskyard.commands.catalogue import Checks
from taskyard.commands.push import Pushed
from taskyard.core import clock, transaction
from taskyard.core.db import Database
from taskyard.core.ids import new_id
from taskyard.egress.messages import Outgoing, Result
from taskyard.queue import heads
from taskyard.queue.claim import Claim, claim
from taskyard.queue.extend import Extension, extend
from taskyard.queue.leases import Lease
from taskyard.queue.lifecycle import OUTCOMES
from taskyard.queue.marks import marks
from taskyard.queue.read import retried_when_lost
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import settle
from taskyard.tasks import push_room, pushed, roll_call
from taskyard.tasks.fitting import Reported, fitting
from taskyard.tasks.push_room import HOLDER, Flights
from taskyard.tasks.results import results
from taskyard.tasks.waiting import bell, waiting

log = structlog.get_logger("taskyard.push")

LEASE_S = 60
MOST_CHECKS = 1000


@dataclass(frozen=True, slots=True)
class Job:
    lease: Lease
    to: Pushed | None  # None: its command is not pushed


@dataclass(frozen=True, slots=True)
class Done:
    """`reported` is None where the receiver will settle the task itself; `cut` where our stop broke the request off."""

    job: Job
    reported: Reported | None
    cut: bool = False


class PushLine:
    """A line as dispatcher/lines.py runs it."""

    name = "push"
    room = 500

    def __init__(
        self,
        database: Database,
        send: Callable[[Outgoing], Awaitable[Result]],
        server_secret: bytes,
        *,
        every_s: float = 1.0,
        extend_s: float = LEASE_S / 3,
        stop_s: float = 10.0,
    ) -> None:
        self.extend_s = extend_s
        self.stop_s = stop_s
        self._database = database
        self._send = send
        self._secret = server_secret
        self._every_s = every_s
        self._worker = f"push@{socket.gethostname()}:{os.getpid()}"[:100]
        self._revision = -1
        self._pushed: dict[str, Pushed] = {}
        self._checks: dict[tuple[str, int], Checks] = {}
        self._flights = Flights()
        self._full: Set[str] = frozenset()  # queues, at the last look
        self._stirs = 0
        self._bell = bell(new_id())  # it wakes this line and nobody else
        self._idle = threading.Event()

    def claim(self, room: int) -> list[Job]:
        """Claim at most so many, waiting `every_s` for a first one."""
        stirs, landings = self._stirs, self._flights.landings
        with self._database.read.connect() as connection:
            bounds = self._bounds(connection)
        queues = self._flights.room(bounds)
        self._full = bounds.keys() - queues.keys()
        if bounds:  # those that are full, too: they are looked after
            roll_call.note(self._database, HOLDER, self._worker, list(bounds))
        found: list[Job] = []

        def again() -> bool:
            """Whether something has changed since: also where an answer came before `_full` told it to stir."""
            return self._stirs != stirs or (bool(self._full) and self._flights.landings != landings)

        def attempt() -> bool:
            found.extend(self._take(room, queues))
            return bool(found) or again()

        if queues:
            waiting(self._database).until([*queues, self._bell], attempt, self._every_s, again)
        elif not again():
            self._idle.wait(self._every_s)
            self._idle.clear()
        return found

    def stir(self) -> None:
        """Let a claim that waits look again: something has changed that it went by."""
        self._stirs += 1
        self._idle.set()
        waiting(self._database).wake_here([self._bell])

    def _bounds(self, connection: Connection) -> Counter[str]:
        """How many requests may be under way of each pushed queue, by the catalogue as it is now."""
        revision = catalogue.revision(connection)
        if revision != self._revision:
            self._pushed = {one.name: one for one in push.pushed(connection)}
            self._revision = revision
        return push_room.bounds(self._pushed.values())

    def _take(self, room: int, queues: dict[str, int]) -> list[Job]:
        known = marks(self._database)
        with self._database.read.connect() as connection:
            bounds = self._bounds(connection)  # anew: secrets may have changed while it waited
            busy = [name for name in heads.with_work(connection, list(queues), known, clock.now()) if name in bounds]
        random.shuffle(busy)  # where there is room for few of them it is not always the same
        busy = busy[:room]
        if not busy:
            return []
        share = room // len(busy)
        with transaction.own(self._database) as connection:
            rooms = push_room.left(connection, {name: bounds[name] for name in busy}, self._flights)
            most = {name: min(left, share, queues[name]) for name, left in rooms.items()}
            wanted = [Claim(HOLDER, self._worker, [name], count, LEASE_S) for name, count in most.items()]
            taken = claim(connection, wanted, clock.now(), known)
        self._full |= set(busy) - rooms.keys()
        jobs = [Job(lease, self._pushed.get(lease.command)) for one in taken for lease in one.leases]
        self._flights.take_off(job.lease.queue for job in jobs)
        if any(one.cut for one in taken):
            waiting(self._database).wake_here([self._bell])  # it looks again at once
        return jobs

    async def send(self, job: Job) -> Done:
        """Post the task; what its answer means for it."""
        try:
            done = await self._post(job)
        except Exception:  # a fault of ours: its lease runs out
            self._flights.drop([job.lease.queue])
            raise
        self._flights.land(job.lease.queue, job.lease.fence)
        if job.lease.queue in self._full:
            self.stir()
        return done

    async def _post(self, job: Job) -> Done:
        if job.to is None:
            log.warning("a pushed queue holds a task that is not", queue=job.lease.queue, command=job.lease.command)
            return Done(job, (pushed.put_aside(job.lease), None))
        began_at = time.monotonic()
        try:
            result = await self._send(pushed.request(job.lease, job.to, self._secret, clock.now()))
        except asyncio.CancelledError:  # the dispatcher is being stopped, and has waited long enough
            return Done(job, (pushed.cut(job.lease), None), cut=True)
        if result.error is not None:
            log.info(
                "a push failed",
                task=job.lease.task_id,
                error=result.error,
                detail=result.detail,
                seconds=round(time.monotonic() - began_at, 3),
            )
        return Done(job, pushed.judge(result, job.to, job.lease, clock.now()))

    def settle(self, done: Sequence[Done]) -> None:
        """Settle these; where the receiver will do so itself, give it the task's own time for it."""
        later = [one.job.lease for one in done if one.reported is None]
        reports = [one.reported for one in done if one.reported is not None]
        cut = {one.job.lease.task_id for one in done if one.cut}
        if later:  # in a transaction of its own, so that leases are locked in one order
            with transaction.own(self._database) as connection:
                self._extend(connection, [(lease, lease.timeout_s) for lease in later])
                push_room.hand_over(connection, [lease.held for lease in later])
        with transaction.own(self._database) as connection:
            checked = [one for one, _ in fitting(connection, reports, self._checks_of)]
            if cut:  # it was interrupted, and did not crash: what may be done twice counts nothing
                again = retried_when_lost(connection, sorted(cut))
                checked = [replace(one, outcome=Outcome.RELEASED) if one.task_id in again else one for one in checked]
            settled = settle(connection, checked, clock.now())
        ended = [of.task_id for of, one in zip(checked, settled, strict=True) if one.status in OUTCOMES]
        results(self._database).wake(ended)
        waiting(self._database).wake([queue for one in settled for queue in one.ready])
        self._flights.settle(one.job.lease.fence for one in done)

    def release(self, jobs: Sequence[Job]) -> None:
        """Give back what was never sent."""
        self._flights.drop(job.lease.queue for job in jobs)
        reports = [pushed.report(job.lease, Outcome.RELEASED) for job in jobs]
        with transaction.own(self._database) as connection:
            settle(connection, reports, clock.now())

    def extend(self, jobs: Sequence[Job]) -> None:
        """Keep the leases of what is under way."""
        with transaction.own(self._database) as connection:
            self._extend(connection, [(job.lease, LEASE_S) for job in jobs])

    def _extend(self, connection: Connection, leases: list[tuple[Lease, int]]) -> None:
        extend(connection, [Extension(*lease.held, lease_s) for lease, lease_s in leases], clock.now())

    def _checks_of(self, connection: Connection, name: str, version: int) -> Checks:
        found = self._checks.get((name, version))
        if found is None:
            if len(self._checks) >= MOST_CHECKS:
                self._checks.clear()
            found = self._checks[name, version] = catalogue.unremembered_checks(connection, name, version)
        return found
