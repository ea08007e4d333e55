"""Low-water marks: where the head of each line was seen last, so that claims on PostgreSQL begin there.

A row that is claimed leaves its index entry behind until vacuum may remove it, and any long transaction holds that up.
A claim that began at the very front would read all of them, more with every task that went through. A mark may be ahead
of a row: of a transaction that commits late, of a claim that was rolled back. So a sweep reads the true head of every
line in use again and again, from a little below its mark, and from the front where that was not done for long; marks
hold only while it does. SQLite removes rows at once and needs none of this.
"""

import threading
import time
from datetime import datetime

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from taskyard.core import clock
from taskyard.core.db import Database

log = structlog.get_logger("taskyard.marks")

MARGIN_S = 0.2  # how late a transaction may commit and not be missed until the next sweep
EVERY_S = 1.0
LATE_S = 10.0  # how late it may commit and not be missed until the next whole sweep
PACE = 20  # a sweep rests this much longer than it took
WHOLE_PACE = 200  # and a whole one, which reads all that the marks spare the claims, this much longer
TRUSTED_S = 30.0  # without a sweep
KEPT_S = 60.0  # without a claim

Line = tuple[int, str]  # lane and queue
Place = tuple[int, int]  # pass and seq
FRONT: Place = (-(2**63), -(2**63))

_HEADS = text(
    """
    SELECT wanted.rank, head.pass, head.seq
    FROM unnest(
        CAST(:lanes AS smallint[]), CAST(:queues AS text[]), CAST(:passes AS bigint[]), CAST(:seqs AS bigint[])
    ) WITH ORDINALITY AS wanted (lane, queue, pass, seq, rank)
    CROSS JOIN LATERAL (
        SELECT ready.pass, ready.seq FROM ready
        WHERE ready.queue = wanted.queue AND ready.lane = wanted.lane
        AND (ready.pass, ready.seq) >= (wanted.pass, wanted.seq)
        ORDER BY ready.pass, ready.seq LIMIT 1
    ) AS head
    """
)


class _Mark:
    __slots__ = ("following", "place", "used_at")

    def __init__(self) -> None:
        self.place = FRONT
        self.following: tuple[float, Place] | None = None  # where it goes, MARGIN_S after that was seen
        self.used_at = 0.0

    def below(self) -> Place:
        """Where a sweep begins that is no whole one. Only a row without a pass has a time for its seq."""
        pass_, seq = self.place
        return (0, seq - int(LATE_S * 1_000_000)) if pass_ == 0 else FRONT

    def pass_by(self, head: Place, now: datetime) -> None:
        """Move on to this head, less the margin."""
        if head[0] == 0:  # then seq is a time, and what is older than the margin has been committed
            self.place = max(self.place, (0, min(head[1], _settled(now))))
            return
        # A new row's pass is no lower than the head's at that moment: where the head was a margin ago is low enough.
        at, following = self.following or (time.monotonic(), head)
        if time.monotonic() - at >= MARGIN_S:
            self.place = max(self.place, following)
            at, following = time.monotonic(), head
        self.following = (at, following)


class Marks:
    """The marks of one process on one database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._marks: dict[Line, _Mark] = {}
        self._trusted_until = 0.0

    def places(self, lines: list[Line]) -> list[Place]:
        """Where to begin in each of these lines."""
        now = time.monotonic()
        with self._lock:
            found = [self._marks.get(line) or self._marks.setdefault(line, _Mark()) for line in lines]
            for mark in found:
                mark.used_at = now
            return [mark.place for mark in found] if now < self._trusted_until else [FRONT] * len(lines)

    def advance(self, line: Line, began: Place, head: Place, now: datetime) -> None:
        """A claim that began in this place found this one first. Not where a sweep has set the mark back meanwhile."""
        with self._lock:
            mark = self._marks.get(line)
            if mark is not None and mark.place == began:
                mark.pass_by(head, now)

    def sweep(self, connection: Connection, now: datetime, *, whole: bool = True) -> None:
        """Set each mark back to the true head of its line where it was ahead, and on where it was behind."""
        lines = self._in_use()
        heads: dict[Line, Place] = {}
        if lines:
            begin = [FRONT if whole else self._marks[line].below() for line in lines]
            values = {
                "lanes": [lane for lane, _ in lines],
                "queues": [queue for _, queue in lines],
                "passes": [pass_ for pass_, _ in begin],
                "seqs": [seq for _, seq in begin],
            }
            heads = {lines[row.rank - 1]: (row[1], row.seq) for row in connection.execute(_HEADS, values)}
        with self._lock:
            for line in lines:
                mark, head = self._marks[line], heads.get(line, (0, _settled(now)))
                if line in heads and head < mark.place:
                    mark.place, mark.following = head, None
                else:
                    mark.pass_by(head, now)
            self._trusted_until = time.monotonic() + TRUSTED_S

    def _in_use(self) -> list[Line]:
        """Those that were used lately; the others are forgotten."""
        with self._lock:
            oldest = time.monotonic() - KEPT_S
            self._marks = {line: mark for line, mark in self._marks.items() if mark.used_at >= oldest}
            return list(self._marks)


def _settled(now: datetime) -> int:
    """The seq up to which everything has been committed."""
    return clock.micros(now) - int(MARGIN_S * 1_000_000)


def marks(database: Database) -> Marks:
    """The marks of this process on this database."""
    return database.kept(Marks, Marks)


def keep_true(database: Database, stop: threading.Event) -> None:
    """Sweep until `stop` is set; a thread of each process that serves claims runs this."""
    whole_at = 0.0
    while not database.is_sqlite and not stop.is_set():
        began_at = time.monotonic()
        whole = began_at >= whole_at
        try:
            with database.read.connect() as connection:
                marks(database).sweep(connection, clock.now(), whole=whole)
        except SQLAlchemyError as error:
            log.warning("the heads of the lines could not be read", error=str(error))
        took_s = time.monotonic() - began_at
        if whole:
            whole_at = began_at + WHOLE_PACE * took_s
        stop.wait(max(EVERY_S, PACE * took_s))
