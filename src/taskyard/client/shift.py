"""One run of a worker, from its first claim to the last result settled."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from queue import Empty, SimpleQueue

from taskyard.client import outcome
from taskyard.client.api import Client
from taskyard.client.claiming import Claiming
from taskyard.client.deadlines import Deadlines
from taskyard.client.display import Display
from taskyard.client.heartbeat import Heartbeat
from taskyard.client.held import Held
from taskyard.client.outcome import Handler
from taskyard.client.resources import Lease, Report
from taskyard.client.running import RunningTask, Stop
from taskyard.client.settling import Settler

log = logging.getLogger("taskyard.worker")
UNKNOWN_RETRY_S = 30.0  # a task of a command that this worker does not know goes back for so long
FLUSH_S = 5.0  # how long the last results are tried
CLAIM_END_S = 5.0
TICK_S = 0.1


@dataclass(frozen=True)
class Settings:
    concurrency: int
    lease_s: int
    grace_s: float  # for running tasks to end by themselves when the worker is stopped
    stop_grace_s: float  # from being told to stop until force
    name: str


class Shift:
    """`mail` brings a word each time somebody wants the worker to stop."""

    def __init__(
        self,
        client: Client,
        handlers: Mapping[str, Handler],
        queues: Sequence[str],
        settings: Settings,
        mail: "SimpleQueue[None]",
        *,
        show: bool,
    ) -> None:
        self._handlers = handlers
        self._settings = settings
        self._mail = mail
        self._held = Held(settings.concurrency)
        self._heartbeat = Heartbeat(client, self._held, settings.lease_s, settings.stop_grace_s)
        self._settler = Settler(client, self._held, self._heartbeat.speaking)
        self._deadlines = Deadlines(self._held, settings.stop_grace_s, self._late)
        self._claiming = Claiming(
            client,
            self._held,
            queues=queues,
            lease_s=settings.lease_s,
            name=settings.name,
            take=self._take,
            sorry=self._return,
        )
        self._display = Display(self._held) if show else None

    def run(self) -> None:
        """Work until the mail says stop, or the server refuses this worker.

        Raises:
            Refused: it does.
        """
        loops = [self._start(one.run) for one in (self._heartbeat, self._deadlines)]
        settling = self._start(self._settler.run)
        claiming = self._start(self._claiming.run)
        if self._display:
            loops.append(self._start(self._display.run))
        try:
            while claiming.is_alive() and not self._stop_wanted(TICK_S):
                pass
            if self._claiming.drained:
                self._finish()
            self._drain(claiming)
        finally:
            self._settler.close(FLUSH_S)
            settling.join()
            for one in (self._heartbeat, self._deadlines, self._display):
                if one:
                    one.end()
            for loop in loops:
                loop.join()
        if self._claiming.fatal:
            raise self._claiming.fatal

    def _stop_wanted(self, wait_s: float) -> bool:
        try:
            self._mail.get(timeout=wait_s)
        except Empty:
            return False
        return True

    def _finish(self) -> None:
        """The server wants this worker to end: what runs may take its time, unless somebody else wants it to stop."""
        log.info("drained by the server: stopping once %s running tasks have ended", self._held.busy)
        while self._held.busy and not self._stop_wanted(TICK_S):
            pass

    def _drain(self, claiming: threading.Thread) -> None:
        """Claim nothing more; let what runs end within the grace, then stop it, then give it back."""
        self._claiming.end()
        if self._held.busy:
            log.info("stopping: %s running tasks have %s s to end", self._held.busy, self._settings.grace_s)
        at_once = self._let_end(self._settings.grace_s)
        claiming.join(CLAIM_END_S)
        if self._held.busy:
            grace_s = 0.0 if at_once else self._settings.stop_grace_s
            self._tell(grace_s)
            if self._let_end(grace_s + 1) and not at_once:
                self._tell(0.0)
                self._let_end(1)
        for task in self._held.tasks():
            if task.conclude():
                self._settler.put(task, outcome.released(task))

    def _let_end(self, grace_s: float) -> bool:
        """Wait for the handlers; True where a stop at once was asked for meanwhile."""
        until = time.monotonic() + grace_s
        while self._held.busy and time.monotonic() < until:
            if self._stop_wanted(TICK_S):
                return True
        return False

    def _tell(self, grace_s: float) -> None:
        for task in self._held.tasks():
            if not task.concluded:
                task.stop(Stop.DRAIN, grace_s)

    def _take(self, leases: list[Lease]) -> None:
        for lease in leases:
            task = RunningTask(lease)
            handler = self._handlers.get(task.command)
            self._held.take(task)
            if handler is None:
                log.warning("%s: no handler here for %r, given back", task, task.command)
                self._give_back(task, outcome.unknown(task, UNKNOWN_RETRY_S))
            else:
                self._start(partial(self._run, handler, task))

    def _run(self, handler: Handler, task: RunningTask) -> None:
        log.info("%s started", task)
        report = outcome.attempt(handler, task)
        if task.conclude() and report is not None:
            self._settler.put(task, report)
        self._held.hand_back()

    def _late(self, task: RunningTask) -> None:
        if task.conclude():
            self._settler.put(task, outcome.timed_out(task))

    def _return(self, leases: list[Lease]) -> None:
        for lease in leases:
            task = RunningTask(lease)
            self._held.take(task)
            self._give_back(task, outcome.released(task))

    def _give_back(self, task: RunningTask, report: Report) -> None:
        task.conclude()
        self._settler.put(task, report)
        self._held.hand_back()

    def _start(self, loop: Callable[[], None]) -> threading.Thread:
        def run() -> None:
            try:
                loop()
            except Exception:
                log.exception("a thread of the worker failed, so it stops")
                self._mail.put(None)

        # A daemon: a handler that does not return must not keep the process from ending.
        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread
