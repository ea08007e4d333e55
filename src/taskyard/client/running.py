"""A task in this worker's hands: what its handler sees and says, and what is not told to the server yet."""

import threading
import time
from collections.abc import Callable
from enum import StrEnum

from taskyard.client.resources import Extension, Lease

MAX_LOG = 64 * 1024  # characters: what the server keeps of an attempt's log, and takes in one piece
MAX_NOTE = 500


class Stop(StrEnum):
    """Why a handler should stop."""

    CANCEL = "cancel"  # somebody cancelled the task
    TIMEOUT = "timeout"  # it takes longer than its timeout_s
    STALE = "stale"  # the lease is lost: whatever it answers changes nothing
    DRAIN = "drain"  # the worker is being stopped


def clean(text: str) -> str:
    """Text as the server takes it: without NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


class RunningTask:
    """Given to a handler beside the payload.

    `cancelled` is set when it should stop; `stopped` then says why. A handler that ignores it runs on.
    """

    def __init__(self, lease: Lease) -> None:
        task = lease.task
        self.id = task.id
        self.command = task.command
        self.payload = task.payload
        self.queue = task.queue
        self.priority = task.priority
        self.tags = task.tags
        self.created_at = task.created_at
        self.timeout_s = task.timeout_s
        self.max_attempts = task.max_attempts
        self.attempt = lease.attempt
        self.token = lease.token
        self.started = time.monotonic()
        self.cancelled = threading.Event()
        self.stopped: Stop | None = None
        self.percent: int | None = None
        self.note: str | None = None
        self._lock = threading.Lock()
        self._log = ""
        self._untold = False
        self.concluded = False
        self._callbacks: list[Callable[[float], None]] = []

    def __str__(self) -> str:
        return f"{self.command} {self.id} #{self.attempt}"

    @property
    def seconds(self) -> float:
        """How long it has been running."""
        return time.monotonic() - self.started

    def progress(self, percent: float, note: str | None = None) -> None:
        """Say how far it is, 0 to 100, and in words; goes out with the next heartbeat."""
        with self._lock:
            self.percent = min(100, max(0, int(percent)))
            self.note = self.note if note is None else clean(note)[:MAX_NOTE]
            self._untold = True

    def log(self, text: str) -> None:
        """Add a line to the attempt's log; the last 64 KiB are kept."""
        with self._lock:
            self._log = (self._log + clean(text).rstrip("\n") + "\n")[-MAX_LOG:]
            self._untold = True

    def on_stop(self, callback: Callable[[float], None]) -> None:
        """Call this with the seconds of grace that are left when it should stop; again when it must hurry."""
        with self._lock:
            self._callbacks.append(callback)
        if self.cancelled.is_set():
            callback(0.0)

    def stop(self, reason: Stop, grace_s: float) -> None:
        """Tell the handler to stop. The first reason stands, but for a lost lease, after which nothing matters."""
        with self._lock:
            if self.stopped is None or reason is Stop.STALE:
                self.stopped = reason
            callbacks = list(self._callbacks)
        self.cancelled.set()
        for callback in callbacks:
            callback(grace_s)

    def conclude(self) -> bool:
        """True for the first who asks, who alone may report how it ended."""
        with self._lock:
            first, self.concluded = not self.concluded, True
        return first

    @property
    def has_news(self) -> bool:
        return self._untold

    def news(self, lease_s: int) -> Extension:
        """A heartbeat with all that is not told yet; `untold` takes it back."""
        with self._lock:
            log, self._log, self._untold = self._log, "", False
            return Extension(self.token, lease_s, self.percent, self.note, log or None)

    def untold(self, extension: Extension) -> None:
        """The heartbeat did not arrive, as far as we know: its log goes with the next one."""
        with self._lock:
            self._log = ((extension.log or "") + self._log)[-MAX_LOG:]
            self._untold = True

    def take_log(self) -> str | None:
        """What of the log is not told yet."""
        with self._lock:
            log, self._log = self._log, ""
        return log or None
