"""The line that pushes: claims tasks of commands with a push, posts them, settles them by the answer."""

import asyncio
import os
import socket
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
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
from taskyard.queue.claim import Claim, Lease, claim
from taskyard.queue.extend import Extension, extend
from taskyard.queue.lifecycle import OUTCOMES
from taskyard.queue.marks import marks
from taskyard.queue.read import retried_when_lost
from taskyard.queue.settle import Outcome, settle
from taskyard.queue.tokens import split_token
from taskyard.tasks import pushed, roll_call
from taskyard.tasks.fitting import Reported, fitting
from taskyard.tasks.results import results
from taskyard.tasks.submission import own_queue
from taskyard.tasks.waiting import waiting

log = structlog.get_logger("taskyard.push")

HOLDER = "00000000-0000-0000-0000-000000000000"  # the dispatcher is nobody's worker
LEASE_S = 60
NOT_PUSHED_S = 60.0  # until a task of another command, found in a pushed queue, is looked at again
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
    """A line as dispatcher/lines.py runs it. How many are under way of a command counts for this process alone."""

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
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        self._revision = -1
        self._pushed: dict[str, Pushed] = {}
        self._checks: dict[tuple[str, int], Checks] = {}
        self._stirs = 0
        self._bell = f"({new_id()})"  # no queue's name: it wakes this line and nobody else
        self._idle = threading.Event()

    def claim(self, room: int) -> list[Job]:
        """Claim at most so many, waiting `every_s` for a first one."""
        stirs = self._stirs
        with self._database.read.connect() as connection:
            queues = list(self._rooms(connection))
        if not queues:
            self._idle.wait(self._every_s)
            self._idle.clear()
            return []
        roll_call.note(self._database, HOLDER, self._worker, queues)
        found: list[Job] = []

        def attempt() -> bool:
            found.extend(self._take(room))
            return bool(found) or self._stirs != stirs

        waiting(self._database).until([*queues, self._bell], attempt, self._every_s, lambda: self._stirs != stirs)
        return found

    def stir(self) -> None:
        """Let a claim that waits look again: something has changed that it went by."""
        self._stirs += 1
        self._idle.set()
        waiting(self._database).wake_here([self._bell])

    def _rooms(self, connection: Connection) -> Counter[str]:
        """The queues of commands of which more may be under way, and how many, by the catalogue as it is now."""
        revision = catalogue.revision(connection)
        if revision != self._revision:
            self._pushed = {one.name: one for one in push.pushed(connection)}
            self._revision = revision
        rooms: Counter[str] = Counter()
        with self._lock:
            for name, one in self._pushed.items():
                rooms[_queue(one)] += max(one.concurrency - self._under_way[name], 0)
        return +rooms

    def _take(self, room: int) -> list[Job]:
        known = marks(self._database)
        with self._database.read.connect() as connection:
            rooms = self._rooms(connection)
            busy = heads.with_work(connection, list(rooms), known, clock.now())[:room] if rooms else []
        if not busy:
            return []
        share = room // len(busy)
        wanted = [Claim(HOLDER, self._worker, [name], min(rooms[name], share), LEASE_S) for name in busy]
        with transaction.own(self._database) as connection:
            taken = claim(connection, wanted, clock.now(), known)
        jobs = [Job(lease, self._pushed.get(lease.command)) for leases in taken for lease in leases]
        with self._lock:
            self._under_way.update(job.lease.command for job in jobs)
        return jobs

    async def send(self, job: Job) -> Done:
        try:
            return await self._post(job)
        finally:
            with self._lock:
                saturated = job.to is not None and self._under_way[job.lease.command] >= job.to.concurrency
                self._under_way[job.lease.command] -= 1
            if saturated:
                self.stir()

    async def _post(self, job: Job) -> Done:
        if job.to is None:
            log.warning("a pushed queue holds a task that is not", queue=job.lease.queue, command=job.lease.command)
            return Done(job, (pushed.report(job.lease, Outcome.RELEASED, retry_in_s=NOT_PUSHED_S), None))
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
        with transaction.own(self._database) as connection:
            checked = [one for one, _ in fitting(connection, reports, self._checks_of)]
            if cut:  # it was interrupted, and did not crash: what may be done twice counts nothing
                again = retried_when_lost(connection, sorted(cut))
                checked = [replace(one, outcome=Outcome.RELEASED) if one.task_id in again else one for one in checked]
            settled = settle(connection, checked, clock.now())
        ended = [of.task_id for of, one in zip(checked, settled, strict=True) if one.status in OUTCOMES]
        results(self._database).wake(ended)
        waiting(self._database).wake([queue for one in settled for queue in one.ready])

    def release(self, jobs: Sequence[Job]) -> None:
        """Give back what was never sent."""
        with self._lock:
            self._under_way.subtract(job.lease.command for job in jobs)
        reports = [pushed.report(job.lease, Outcome.RELEASED) for job in jobs]
        with transaction.own(self._database) as connection:
            settle(connection, reports, clock.now())

    def extend(self, jobs: Sequence[Job]) -> None:
        """Keep the leases of what is under way."""
        with transaction.own(self._database) as connection:
            self._extend(connection, [(job.lease, LEASE_S) for job in jobs])

    def _extend(self, connection: Connection, leases: list[tuple[Lease, int]]) -> None:
        tokens = [(split_token(lease.token), lease_s) for lease, lease_s in leases]
        extend(connection, [Extension(*held, lease_s) for held, lease_s in tokens if held], clock.now())

    def _checks_of(self, connection: Connection, name: str, version: int) -> Checks:
        found = self._checks.get((name, version))
        if found is None:
            if len(self._checks) >= MOST_CHECKS:
                self._checks.clear()
            found = self._checks[name, version] = catalogue.unremembered_checks(connection, name, version)
        return found


def _queue(command: Pushed) -> str:
    return command.queue or own_queue(command.name)
