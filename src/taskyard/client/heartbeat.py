"""Signs of life: all leases in one call, with progress and log; and what the server says back."""

import logging
import threading
import time
from collections.abc import Sequence

from taskyard.client.errors import Invalid, TaskyardError, TooLarge
from taskyard.client.held import Held
from taskyard.client.leasing import Leasing
from taskyard.client.resources import Extension
from taskyard.client.running import RunningTask, Stop
from taskyard.client.slices import slices

log = logging.getLogger("taskyard.worker")
BEATS_A_LEASE = 3
NEWS_EVERY_S = 2.0  # progress and log do not wait for a long lease's beat
AFTER_FAILURE_S = 1.0
TICK_S = 0.2


class Heartbeat:
    """Extends the leases a worker holds; also those whose result waits to be settled."""

    def __init__(self, client: Leasing, held: Held, lease_s: int, stop_grace_s: float) -> None:
        self._client = client
        self._held = held
        self._lease_s = lease_s
        self._stop_grace_s = stop_grace_s
        self._last = time.monotonic()
        self._due = self._last
        self._over = threading.Event()
        self.speaking = threading.Lock()  # held while a beat is under way, whose log must arrive before the settlement

    def run(self) -> None:
        """Beat until `end`."""
        tick_s = min(TICK_S, self._lease_s / BEATS_A_LEASE / 4)
        while not self._over.wait(tick_s):
            tasks = self._held.tasks()
            now = time.monotonic()
            news = now >= self._last + NEWS_EVERY_S and any(task.has_news for task in tasks)
            if tasks and (now >= self._due or news):
                self._beat(tasks)

    def end(self) -> None:
        self._over.set()

    def soon(self) -> None:
        """Beat at once: how long the leases still hold is not known."""
        self._due = time.monotonic()

    def _beat(self, tasks: Sequence[RunningTask]) -> None:
        self._last = time.monotonic()
        self._due = self._last + self._lease_s / BEATS_A_LEASE
        by_token = {task.token: task for task in tasks}
        with self.speaking:
            for extensions in slices([task.news(self._lease_s) for task in tasks]):
                try:
                    beats = self._tell(extensions)
                except TaskyardError as error:
                    log.warning("heartbeat failed, running tasks go on: %s", error)
                    self._due = time.monotonic() + AFTER_FAILURE_S
                    for extension in extensions:
                        by_token[extension.token].untold(extension)
                    continue
                for extension, beat in zip(extensions, beats, strict=True):
                    self._heed(by_token[extension.token], beat)

    def _tell(self, extensions: list[Extension]) -> list[str]:
        try:
            return self._client.extend(extensions, retry_for_s=0)
        except (Invalid, TooLarge) as error:  # what a handler said must not cost the others their leases
            log.error("heartbeat refused, sent without progress and log: %s", error)
            bare = [Extension(extension.token, extension.lease_s) for extension in extensions]
            return self._client.extend(bare, retry_for_s=0)

    def _heed(self, task: RunningTask, beat: str) -> None:
        if task.concluded:
            return  # its report is on the way and says how it ended
        if beat == "cancel" and not task.cancelled.is_set():
            log.info("%s is to be cancelled", task)
            task.stop(Stop.CANCEL, self._stop_grace_s)
        elif beat == "stale":
            log.warning("%s is no longer ours: its lease ran out, or it was deleted", task)
            task.stop(Stop.STALE, self._stop_grace_s)
            self._held.drop(task, "stale")
