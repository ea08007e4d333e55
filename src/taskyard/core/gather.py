"""Gathering: what concurrent requests want done is handed to one of them, who does it for all.

The first to come leads; while it works the next ones pile up, and when it is done one of those leads in turn. So
nobody waits for company: alone, a request leads at once. Several may lead at once while nobody waits; as soon as some
do, they are left to the last leader, as doing much together is what takes least. Works for threads and for greenlets
alike.
"""

import threading
from collections.abc import Callable
from typing import Any


class Pending:
    """One item on its way, and what became of it."""

    __slots__ = ("error", "handler", "item", "leads", "result", "shortcut", "woken")

    def __init__(self, handler: Callable[..., Any], item: Any, shortcut: Callable[..., Any] | None = None) -> None:
        self.handler = handler
        self.item = item
        self.shortcut = shortcut
        self.result: Any = None
        self.error: BaseException | None = None
        self.leads = False
        self.woken: threading.Event | None = None


class Gatherer:
    """Hands all that waits to `run`, `at_once` batches at a time; `run` fills in `result` or `error` of each."""

    def __init__(self, run: Callable[[list[Pending]], None], most: int, at_once: int = 1) -> None:
        self._run = run
        self._most = most
        self._at_once = at_once
        self._lock = threading.Lock()
        self._line: list[Pending] = []
        self._leaders = 0

    def submit(self, pending: Pending) -> Any:
        """The result of this item, once its batch is done; raises what `run` put into `error`."""
        with self._lock:
            waits = any(not one.leads for one in self._line)
            if self._leaders == 0 or (self._leaders < self._at_once and not waits):
                self._leaders += 1
                pending.leads = True
            else:
                pending.woken = threading.Event()
            self._line.append(pending)
        if pending.woken is not None:
            self._wait(pending, pending.woken)
        if pending.leads:
            self._lead(pending)
        if pending.error is not None:
            raise pending.error
        return pending.result

    def _wait(self, pending: Pending, woken: threading.Event) -> None:
        try:
            woken.wait()
        except BaseException:  # this greenlet is being ended; whoever waits behind it must not be
            with self._lock:
                if pending in self._line:
                    self._line.remove(pending)
            if pending.leads:
                self._hand_on()
            raise

    def _lead(self, leader: Pending) -> None:
        """Run one batch, then hand the lead on."""
        with self._lock:  # whoever leads another batch is in that
            batch = [one for one in self._line if one is leader or not one.leads][: self._most]
            taken = set(map(id, batch))
            self._line = [one for one in self._line if id(one) not in taken]
        try:
            self._run(batch)
        except BaseException as error:
            for pending in batch:
                pending.error = pending.error or error
            raise
        finally:
            self._hand_on()
            for pending in batch:
                if pending.woken is not None:
                    pending.woken.set()

    def _hand_on(self) -> None:
        with self._lock:
            heir = next((one for one in self._line if not one.leads), None) if self._leaders == 1 else None
            if heir is None or heir.woken is None:
                self._leaders -= 1
            else:
                heir.leads = True
                heir.woken.set()
