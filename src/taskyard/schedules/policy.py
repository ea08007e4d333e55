"""Which due times become a task, and when exactly it may run: decisions without a database."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from taskyard.schedules.timetable import Timetable

ON_TIME = timedelta(seconds=60)  # a due time dealt with by then was not missed: dispatchers pause, and restart
IN_TIME = 2  # due times within that at most, as they are a minute apart
MISSED = "Missed: no dispatcher ran at that time."


class Missed(StrEnum):
    SKIP = "skip"
    ONCE = "once"
    ALL = "all"


class Overlap(StrEnum):
    ALLOW = "allow"
    SKIP = "skip"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Due:
    """A due time, and why it becomes no task, if it does not."""

    at: datetime
    reason: str | None = None


def dealt_with(timetable: Timetable, missed: Missed, limit: int, since: datetime, now: datetime) -> list[Due]:
    """What to do about the due times from `since` to `now`, first to last. Those that are left out need no mention,
    but for the last one of `skip`, so that something is told of it."""
    if missed is not Missed.SKIP:
        return [Due(at) for at in timetable.latest(since, now, limit if missed is Missed.ALL else 1)]
    due = timetable.latest(since, now, IN_TIME + 1)
    late = [at for at in due if now - at > ON_TIME]
    return [*(Due(at, MISSED) for at in late[-1:]), *(Due(at) for at in due[len(late) :])]


def run_at(name: str, due_at: datetime, jitter_s: int) -> datetime:
    """The due time, put off by up to `jitter_s`: by as much whoever works it out, and however often."""
    digest = hashlib.sha256(f"{name}\0{due_at.timestamp()}".encode()).digest()
    return due_at + timedelta(seconds=jitter_s) * (int.from_bytes(digest[:6]) / 2**48)
