"""What becomes of a delivery after a try, and when: decisions without a database.

docs/webhooks-out.md has the table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

# Seconds before each try; the first is not put off. 75 h 35 min 5 s in all.
SCHEDULE_S = (0, 5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400)
JITTER = 0.2  # of a pause, up or down
DEADLINE = timedelta(days=4)  # or the whole schedule, where that is longer; the default one fits, with its jitter
LONGEST_HINT_S = 86_400  # of a Retry-After
FIRST_PAUSE_S = 5  # of a 429 without a hint
SHORT_TRIES = 3
# The receiver has read it and says no: more of the same will hardly change that.
SHORT = frozenset({400, 401, 403, 404, 413, 422})
GONE = 410
BLOCKED = frozenset({"blocked_address", "bad_url"})


class Class(Enum):
    """What a try came to."""

    SUCCESS = "success"
    GONE = "gone"
    LATER = "later"  # 429, or 503 with a hint: nothing is wrong, it is too much
    REFUSED = "refused"  # the short list
    DOWN = "down"  # 5xx, 408, 425, time-out, network: the whole schedule
    BLOCKED = "blocked"  # by our own policy: no request was made


class Next(Enum):
    DELIVERED = "delivered"
    RETRY = "retry"
    FAILED = "failed"
    HELD = "held"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a status, or the class of what went wrong instead of one."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A delivery before the try is counted; `delays_s` are the pauses before each try."""

    charged: int
    deadline_at: datetime
    delays_s: Sequence[float] = SCHEDULE_S


@dataclass(frozen=True, slots=True)
class Decision:
    next: Next
    charged: bool  # whether the try counts against the schedule
    at: datetime | None = None  # of the retry
    pause_s: float | None = None  # for the whole endpoint
    disable: bool = False  # the endpoint


def deadline(delays_s: Sequence[float], now: datetime) -> datetime:
    """When a delivery that is made now is given up, parked or not."""
    return now + max(DEADLINE, timedelta(seconds=sum(delays_s) * (1 + JITTER) + 3600))


def classify(answer: Answer) -> Class:
    status = answer.status
    if answer.error in BLOCKED:
        return Class.BLOCKED
    if answer.error is not None or status is None:
        return Class.DOWN
    if 200 <= status < 300:
        return Class.SUCCESS
    if status == GONE:
        return Class.GONE
    if status == 429 or (status == 503 and answer.retry_after_s is not None):
        return Class.LATER
    return Class.REFUSED if status in SHORT or 300 <= status < 400 else _other(status)


def _other(status: int) -> Class:
    """A 4xx that is none of the short list is treated as one of it, but for those that ask to come again."""
    return Class.REFUSED if 400 <= status < 500 and status not in (408, 425) else Class.DOWN


def decide(standing: Standing, answer: Answer, now: datetime, jitter: float, *, probe: bool = False) -> Decision:
    """`jitter` is in -1 … 1. A probe of an endpoint whose breaker is open is charged nothing where it fails."""
    found = classify(answer)
    if found is Class.SUCCESS:
        return Decision(Next.DELIVERED, charged=True)
    if found is Class.GONE:
        return Decision(Next.FAILED, charged=True, disable=True)
    if found is Class.BLOCKED:
        return Decision(Next.HELD, charged=False)
    if found is Class.LATER:
        pause_s = min(max(answer.retry_after_s or 0, FIRST_PAUSE_S), LONGEST_HINT_S)
        return _retry(standing, now, pause_s, charged=False, pause_s=pause_s)
    charged = not (probe and found is Class.DOWN)
    count = standing.charged + int(charged)
    allowed = len(standing.delays_s)
    if count >= (min(SHORT_TRIES, allowed) if found is Class.REFUSED else allowed):
        return Decision(Next.FAILED, charged=charged)
    wait_s = standing.delays_s[max(count, 1)] if allowed > 1 else 0
    wait_s *= 1 + JITTER * jitter
    return _retry(standing, now, max(wait_s, min(answer.retry_after_s or 0, LONGEST_HINT_S)), charged=charged)


def _retry(
    standing: Standing, now: datetime, wait_s: float, *, charged: bool, pause_s: float | None = None
) -> Decision:
    at = now + timedelta(seconds=wait_s)
    if at >= standing.deadline_at:
        return Decision(Next.FAILED, charged=charged, pause_s=pause_s)
    return Decision(Next.RETRY, charged=charged, at=at, pause_s=pause_s)
