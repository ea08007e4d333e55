"""Connections shared evenly among the web processes.

All of them wait at one listening socket, and the kernel gives a connection to whoever is there first: those of workers,
which stay open, may all end up in one process while the others have nothing to do, and so they do where one begins
later than the others. So each tells the others how many it holds, in memory that they share. One that holds more than
another lets that one accept first, and asks callers to connect anew, one at a time, until all hold the same.
"""

import mmap
import time
from typing import Any

from gevent.server import StreamServer

FIRST_S = 0.002  # for those who hold fewer
SPARE_EVERY_S = 0.1
FREE, CLOSED = -1, -2  # in place of a number


class Seats:
    """How many connections each process holds. The master makes it, gives the seats away, and clears them."""

    def __init__(self, number: int) -> None:
        self._held = memoryview(mmap.mmap(-1, 4 * number)).cast("i")
        for index in range(number):
            self._held[index] = FREE

    def take(self) -> "Seat":
        """One that is free; there being none, one where nobody else is seen."""
        index = next((index for index, held in enumerate(self._held) if held == FREE), None)
        return Seats(1).take() if index is None else Seat(self._held, index)


class Seat:
    """That of one process. Nobody else writes there while it lives."""

    def __init__(self, held: "memoryview[int]", index: int) -> None:
        self._held, self._index = held, index
        self._looks_at = 0.0
        self.close()

    def open(self) -> None:
        """The process accepts connections from now on."""
        self._held[self._index] = 0

    def close(self) -> None:
        """It accepts none, and nobody waits for it."""
        self._held[self._index] = CLOSED

    def free(self) -> None:
        """It is gone, and the seat another's to take."""
        self._held[self._index] = FREE

    def add(self, connections: int) -> None:
        """So many more, or fewer."""
        if self._held[self._index] != CLOSED:
            self._held[self._index] += connections

    def has_more(self, by: int = 1) -> bool:
        """Whether this process holds so many more than another that accepts."""
        most = self._held[self._index] - by
        return any(0 <= held <= most for held in self._held)

    def can_spare_one(self) -> bool:
        """Whether the caller at hand should rather connect anew. Seldom: what one gives up another has to take."""
        now = time.monotonic()
        if now < self._looks_at:
            return False
        self._looks_at = now + SPARE_EVERY_S
        return self.has_more(by=2)


class Server(StreamServer):
    """gevent's, which lets processes that hold fewer connections accept first."""

    max_accept = 1  # at a time

    def __init__(self, listener: Any, seat: Seat, **options: Any) -> None:
        self._seat, self._waited = seat, False
        super().__init__(listener, **options)

    def start(self) -> None:
        self._seat.open()
        super().start()

    def close(self) -> None:
        super().close()
        self._seat.close()

    def do_read(self) -> Any:
        """A connection and where it comes from; None: there is none for this process now."""
        if self._seat.has_more() and not self._waited:
            self.stop_accepting()
            self._timer = self.loop.timer(FIRST_S)
            self._timer.start(self._take_what_is_left)
            return None
        accepted = super().do_read()
        if accepted:
            self._seat.add(1)
        return accepted

    def do_close(self, *accepted: Any) -> None:
        self._seat.add(-1)
        super().do_close(*accepted)

    def _take_what_is_left(self) -> None:
        if self.started:
            self.start_accepting()
            self._waited = True
            try:
                self._do_read()  # type: ignore[attr-defined]  # gevent's own, which accepts as long as it may
            finally:
                self._waited = False
