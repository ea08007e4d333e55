"""Reports of attempts that ended: gathered for a moment, sent together, again and again until the server has them."""

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from queue import Empty, SimpleQueue

from taskyard.client import outcome
from taskyard.client.errors import Refused, TaskyardError
from taskyard.client.held import Held
from taskyard.client.leasing import Leasing
from taskyard.client.resources import Report, Settled
from taskyard.client.running import RunningTask
from taskyard.client.slices import MOST, slices
from taskyard.client.transport import pauses

log = logging.getLogger("taskyard.worker")
GATHER_S = 0.003
LONGEST_PAUSE_S = 1.0  # between tries: what is not told yet runs again where this process is killed
LAST_PAUSE_S = 0.5  # the same once the worker is being stopped
UNFIT = {400, 413, 422}  # sent again it would be refused again


class Settler:
    """Settles leases, in a thread of its own."""

    def __init__(self, client: Leasing, held: Held, speaking: threading.Lock) -> None:
        self._client = client
        self._held = held
        self._speaking = speaking
        self._queue: SimpleQueue[tuple[RunningTask, Report] | None] = SimpleQueue()
        self._give_up_at: float | None = None
        self._closing = threading.Event()

    def put(self, task: RunningTask, report: Report) -> None:
        self._queue.put((task, report))

    def close(self, flush_s: float) -> None:
        """Say that nothing more comes; what is there is tried for so many seconds."""
        self._give_up_at = time.monotonic() + flush_s
        self._closing.set()
        self._queue.put(None)

    def run(self) -> None:
        """Settle until `close`."""
        last = False
        while not last:
            batch, last = self._gather()
            if batch:
                self._settle(batch)

    def _gather(self) -> tuple[list[tuple[RunningTask, Report]], bool]:
        """What ended by now, and whether it is the last."""
        found = []
        item = self._queue.get()
        until = time.monotonic() + GATHER_S
        while item is not None:
            found.append(item)
            if len(found) == MOST:
                return found, False
            try:
                item = self._queue.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                return found, False
        return found, True

    def _settle(self, batch: Sequence[tuple[RunningTask, Report]]) -> None:
        with self._speaking:
            reports = [_with_log(task, report) for task, report in batch]
        tasks = {task.token: task for task, _ in batch}
        for some in slices(reports):
            self._send(some, tasks)

    def _send(self, reports: list[Report], tasks: dict[str, RunningTask], refusals: int = 0) -> None:
        """`refusals`: how often the server did not take what they stand for."""
        for pause_s in pauses():
            try:
                settled = self._client.settle(reports, retry_for_s=0)
            except TaskyardError as error:
                if isinstance(error, Refused) and error.status in UNFIT:
                    self._find_unfit(reports, tasks, error, refusals)
                    return
                if self._give_up_at is not None and time.monotonic() > self._give_up_at:
                    log.error("%s results could not be told, their tasks will run again: %s", len(reports), error)
                    return
                log.warning("settling failed, trying again: %s", error)
                self._pause(pause_s)
            else:
                for report, one in zip(reports, settled, strict=True):
                    self._close(tasks[report.token], report, one)
                return

    def _pause(self, pause_s: float) -> None:
        if self._closing.is_set():
            time.sleep(min(pause_s, LAST_PAUSE_S))
        else:
            self._closing.wait(min(pause_s, LONGEST_PAUSE_S))

    def _find_unfit(self, reports: list[Report], tasks: dict[str, RunningTask], error: Refused, refusals: int) -> None:
        """One report that the server does not take must not hold up the others."""
        if len(reports) > 1:
            for report in reports:
                self._send([report], tasks)
            return
        [report] = reports
        if refusals == 0:
            instead = outcome.refused(report, error.detail or error.title, error.errors)
        elif refusals == 1:
            instead = outcome.refused_again(report, error.errors)
        else:
            log.error("%s cannot be settled: %s", tasks[report.token], error)
            self._held.drop(tasks[report.token], "refused")
            return
        self._send([instead], tasks, refusals + 1)

    def _close(self, task: RunningTask, report: Report, settled: Settled) -> None:
        told = report.outcome if settled.status == "ok" else settled.status
        if settled.errors:
            told = "failed"
            log.warning("%s: the result does not fit its schema: %s", task, settled.errors)
        self._held.drop(task, told)
        level = logging.INFO if told in {"succeeded", "released", "cancelled"} else logging.WARNING
        reason = f": {(report.error or {}).get('message', report.error)}" if report.outcome == "failed" else ""
        log.log(level, "%s %s after %.1f s%s", task, told, task.seconds, reason)


def _with_log(task: RunningTask, report: Report) -> Report:
    rest = task.take_log()
    return replace(report, log=rest) if rest else report
