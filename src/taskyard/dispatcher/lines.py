"""Lines: work that waits for other servers. One thread, one event loop, any number of requests under way.

A line claims some, sends them side by side and settles what has come back, many at a time. No transaction is open
while a request is under way: `claim` and `settle` run in threads, each in transactions of its own.
"""

from collections.abc import Sequence
from typing import Protocol, TypeVar

Job = TypeVar("Job")
Done = TypeVar("Done")


class Line(Protocol[Job, Done]):
    """What the frame asks of a kind of work. A job that was claimed is settled or released, never forgotten."""

    name: str
    room: int  # how many may be under way at once, in this process
    every_s: float  # how long to wait, at most, where there was nothing to claim
    extend_s: float  # how often to extend what is under way
    stop_s: float  # how long what is under way may take to finish once the dispatcher is stopped

    def claim(self, room: int) -> Sequence[Job]:
        """Claim at most so many; called in a thread. Fewer than `room` means: nothing more is there now."""

    async def send(self, job: Job) -> Done:
        """Do the job on the event loop. What goes wrong with it is part of what is returned."""
        ...

    def settle(self, done: Sequence[Done]) -> None:
        """Write down what became of these; called in a thread, again with the same where it raised."""

    def release(self, jobs: Sequence[Job]) -> None:
        """Give back what was claimed but not finished before the stop; called in a thread."""

    def extend(self, jobs: Sequence[Job]) -> None:
        """Keep what is still under way; called in a thread, every `extend_s`."""
