"""Attempts that take longer than their timeout: their handlers are told to stop, and given up if they do not."""

import logging
import threading
from collections.abc import Callable

from taskyard.client.held import Held
from taskyard.client.running import RunningTask, Stop

log = logging.getLogger("taskyard.worker")
TICK_S = 0.1
MORE_S = 2.0  # beyond the grace, for what has been killed to be cleared away


class Deadlines:
    """Watches the running tasks; `give_up` gets those that went on after they were told to stop."""

    def __init__(self, held: Held, stop_grace_s: float, give_up: Callable[[RunningTask], None]) -> None:
        self._held = held
        self._stop_grace_s = stop_grace_s
        self._give_up = give_up
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(TICK_S):
            for task in self._held.tasks():
                self._watch(task)

    def end(self) -> None:
        self._over.set()

    def _watch(self, task: RunningTask) -> None:
        late_s = task.seconds - task.timeout_s
        if late_s < 0 or task.concluded:
            return
        if not task.cancelled.is_set():
            log.warning("%s takes longer than %s s and is stopped", task, task.timeout_s)
            task.stop(Stop.TIMEOUT, self._stop_grace_s)
        elif late_s > self._stop_grace_s + MORE_S:
            log.error("%s does not stop; its slot stays busy until its handler returns", task)
            self._give_up(task)
