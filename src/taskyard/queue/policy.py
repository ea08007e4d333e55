"""What happens next to a task: pure decisions from what is known of it, with no clock and no database."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from taskyard.queue.lifecycle import Status

DEFAULT_BACKOFF: dict[str, Any] = {"kind": "exponential", "base_s": 5, "cap_s": 3600}
DEFAULT_MAX_ATTEMPTS = 5
DEFAULT_TIMEOUT_S = 3600
MAX_CRASHES = 3
LATEST = datetime(9999, 1, 1, tzinfo=UTC)  # later than any moment that somebody may give
CAP_S = 3600  # where a backoff names none; it never cuts the base
JITTER = 0.1  # of a delay, either way, so that what failed together does not come back together


class OnLost(StrEnum):
    """What to do when a worker is lost, so that nobody knows whether its work was done."""

    RETRY = "retry"
    HOLD = "hold"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Run:
    """What a decision needs to know of the attempt that ended. `failures` and `crashes` are those before it."""

    failures: int
    crashes: int
    max_attempts: int
    on_lost: str
    backoff: dict[str, Any] | None
    cancelled: bool
    max_crashes: int = MAX_CRASHES
    retry_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Retry:
    at: datetime


@dataclass(frozen=True, slots=True)
class End:
    outcome: Status


Decision = Retry | End


def delay_s(backoff: dict[str, Any] | None, failures: int, chance: random.Random | None = None) -> float:
    """Seconds to wait after this many failures (1 or more), with its jitter."""
    spec = backoff or DEFAULT_BACKOFF
    jitter = float(spec.get("jitter", JITTER))
    swing = (chance or random).uniform(-jitter, jitter)
    return max(0.0, _planned_s(spec, failures) * (1 + swing))


def _planned_s(spec: dict[str, Any], failures: int) -> float:
    if spec["kind"] == "list":
        delays = spec["delays_s"]
        return float(delays[min(failures, len(delays)) - 1])  # the last one goes on
    growth = {"constant": 1.0, "linear": float(failures), "exponential": 2.0 ** min(failures - 1, 60)}[spec["kind"]]
    base = float(spec["base_s"])
    return min(base * growth, float(spec.get("cap_s", max(base, CAP_S))))


def retry_until(backoff: dict[str, Any] | None, run_at: datetime) -> datetime | None:
    """Until when a task that may first run at `run_at` is tried again; None: there is no such moment."""
    longest = (backoff or {}).get("max_duration_s")
    return None if longest is None else run_at + min(timedelta(seconds=longest), LATEST - run_at)


def after_failure(run: Run, now: datetime, *, retry: bool = True, retry_in_s: float | None = None) -> Decision:
    """The worker said that it failed, and perhaps that it is of no use to try again, or when."""
    if run.cancelled:
        return End(Status.CANCELLED)
    failures = run.failures + 1
    if not retry or failures >= run.max_attempts:
        return End(Status.FAILED)
    return _again(run, now, delay_s(run.backoff, failures) if retry_in_s is None else retry_in_s)


def after_release(run: Run, now: datetime, *, retry_in_s: float | None = None) -> Decision:
    """The worker gave it back (it is being stopped, say): counts neither as a failure nor as a crash.

    That is no retry, so `retry_until` does not end it.
    """
    if run.cancelled:
        return End(Status.CANCELLED)
    return Retry(now + timedelta(seconds=retry_in_s or 0))


def after_loss(run: Run, now: datetime) -> Decision:
    """The lease ran out: the outcome is unknown."""
    if run.cancelled:
        return End(Status.CANCELLED)
    if run.on_lost == OnLost.HOLD:
        return End(Status.LOST)
    crashes = run.crashes + 1
    if run.on_lost == OnLost.FAIL or crashes >= run.max_crashes:
        return End(Status.FAILED)
    return _again(run, now, delay_s(run.backoff, crashes))


def _again(run: Run, now: datetime, delay: float) -> Decision:
    at = now + timedelta(seconds=delay)
    return End(Status.FAILED) if run.retry_until is not None and at > run.retry_until else Retry(at)
