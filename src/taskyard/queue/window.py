"""A rate, counted without a clock or a database: at most `count` starts in any `per_s` seconds, wherever they begin.

Starts are kept in slots of a fiftieth of the window; a slot counts until its last start is a whole window ago. So the
bound is exact, and a start may come up to a fiftieth of the window later than it could.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

SLOTS = 50
PER = {"second": 1, "minute": 60, "hour": 3600}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Slots = list[list[int]]  # each the microsecond of its last start, and how many there were


@dataclass(frozen=True, slots=True)
class Rate:
    count: int
    per_s: int

    @property
    def per(self) -> str:
        return next(name for name, seconds in PER.items() if seconds == self.per_s)


class Window:
    """The latest starts of a queue or key under its rate."""

    def __init__(self, rate: Rate, slots: Slots | None, now: datetime) -> None:
        self.rate = rate
        self._per = rate.per_s * 1_000_000
        self._slots = [list(slot) for slot in slots or []]
        # Processes' clocks differ by some milliseconds: a start is never counted before one that is known.
        self._now = max([_micros(now), *(last for last, _ in self._slots)])
        self._slots = [slot for slot in self._slots if slot[0] + self._per > self._now]

    @property
    def at(self) -> datetime:
        """The moment as which a start is counted now."""
        return _EPOCH + timedelta(microseconds=self._now)

    @property
    def left(self) -> int:
        """How many may start now."""
        return max(0, self.rate.count - self._total())

    @property
    def slots(self) -> Slots:
        return self._slots

    def add(self) -> None:
        """One starts."""
        width = self._per // SLOTS
        if self._slots and self._slots[-1][0] // width == self._now // width:
            self._slots[-1] = [self._now, self._slots[-1][1] + 1]
        else:
            self._slots.append([self._now, 1])

    def free_at(self) -> datetime:
        """When one more may start."""
        over, at = self._total() - self.rate.count, self._now
        for last, count in self._slots:
            if over < 0:
                break
            over, at = over - count, last + self._per
        return _EPOCH + timedelta(microseconds=at)

    def _total(self) -> int:
        return sum(count for _, count in self._slots)


def _micros(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(microseconds=1)
