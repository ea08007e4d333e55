"""The worker: handlers by command, and `run`."""

import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import TypeVar

from taskyard.client.api import Client
from taskyard.client.outcome import Handler
from taskyard.client.shift import Settings, Shift

log = logging.getLogger("taskyard.worker")
H = TypeVar("H", bound=Handler)
SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Worker:
    """Runs tasks with handlers of yours, `concurrency` at a time, each in a thread.

        worker = Worker(Client())

        @worker.command("resize")
        def resize(payload, task):
            return {"url": ...}

        worker.run()

    What a handler returns is the result; raising fails the attempt (Failure with an error of your own; DoNotRetry
    where another attempt is of no use, RetryIn(seconds) to say when). It may call
    `task.progress(40, "page 4 of 10")` and `task.log("…")`, and should return soon once `task.cancelled` is set; what
    it then returns counts as the result, None as having stopped. A lease that is not extended for `lease_s` seconds
    is lost. On SIGTERM or SIGINT nothing more is claimed, and what has not ended within `grace_s` is given back.
    """

    def __init__(
        self,
        client: Client,
        *,
        concurrency: int = 4,
        queues: Sequence[str] | None = None,
        lease_s: int = 30,
        grace_s: float = 25.0,
        stop_grace_s: float = 5.0,
        name: str | None = None,
    ) -> None:
        """`queues`: those of the commands' names unless given. `stop_grace_s`: between being told to stop and force."""
        if concurrency < 1:
            raise ValueError("concurrency must be 1 or more")
        self.client = client
        self.queues = queues
        self.handlers: dict[str, Handler] = {}
        self.settings = Settings(
            concurrency, lease_s, grace_s, stop_grace_s, name or f"{socket.gethostname()}:{os.getpid()}"
        )
        self._mail: SimpleQueue[None] = SimpleQueue()

    def command(self, name: str) -> Callable[[H], H]:
        """Run the tasks of this command with the function below."""

        def register(handler: H) -> H:
            self.handlers[name] = handler
            return handler

        return register

    def run(self, *, show: bool = False) -> None:
        """Work until `stop`, SIGTERM or SIGINT; at the second signal stop at once. `show` a line of what is going on.

        Raises:
            TaskyardError: the server refuses this worker: its token, or one of its queues.
        """
        if not self.handlers:
            raise ValueError("The worker has no command: give it one with @worker.command(…).")
        queues = list(dict.fromkeys(self.queues or [queue_of(command) for command in self.handlers]))
        log.info("%s works on %s", self.settings.name, ", ".join(queues))
        with self._signals():
            Shift(self.client, self.handlers, queues, self.settings, self._mail, show=show).run()
        log.info("stopped")

    def stop(self) -> None:
        """Stop as at SIGTERM; a second time: at once. From any thread, or from a signal handler."""
        self._mail.put(None)  # SimpleQueue.put is reentrant, which an Event in a signal handler is not

    @contextmanager
    def _signals(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def heed(_number: int, _frame: FrameType | None) -> None:
            self.stop()

        before = {number: signal.signal(number, heed) for number in SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def queue_of(command: str) -> str:
    """The queue that a command's tasks go to by themselves: the one of its name."""
    named = "".join(c if c.isascii() and (c.isalnum() or c in "._:-") else "-" for c in command)
    return named.lstrip("._:-") or "default"
