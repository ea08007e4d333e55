"""How an endpoint fares: when its breaker opens, when it is probed, how it comes back. No database, no clock."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from taskyard.outbox.policy import Class

OPENS_AFTER = 5  # failures one after the other
FIRST_PROBE_S = 10
LONGEST_PROBE_S = 900
RAMPED = 8  # from here on only the endpoint's own bound holds
GIVEN_UP_AFTER = timedelta(days=5)  # of failing


@dataclass(frozen=True, slots=True)
class Health:
    """The part of a gate that tries change."""

    cap: int | None = None
    failures: int = 0
    failing_since: datetime | None = None
    opened_at: datetime | None = None
    probe_s: int = 0
    hold_until: datetime | None = None
    last_error: str | None = None
    delivered_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.opened_at is not None

    def given_up(self, now: datetime) -> bool:
        return self.failing_since is not None and now - self.failing_since >= GIVEN_UP_AFTER


def after(
    health: Health, found: Class, now: datetime, *, probe: bool, error: str | None = None, pause_s: float | None = None
) -> Health:
    """An endpoint's health after one more try. `probe`: it was sent while the breaker was open."""
    if found is Class.SUCCESS:
        return replace(_well(health, probe=probe), last_error=None, delivered_at=now)
    if found is Class.DOWN:
        return replace(_down(health, now, probe=probe), last_error=error)
    if pause_s is not None:
        until = now + timedelta(seconds=pause_s)
        health = replace(health, hold_until=max(until, health.hold_until or until))
    if found is Class.BLOCKED:  # no request was made: it says nothing of the receiver
        return replace(health, last_error=error)
    # Whatever it said, somebody was there: the breaker is about those who are not.
    return replace(_well(health, probe=probe, pause=pause_s is not None), last_error=error)


def _well(health: Health, *, probe: bool, pause: bool = False) -> Health:
    cap = health.cap
    if cap is not None and (probe or not health.is_open):
        cap = cap + 1 if cap < RAMPED else None  # one for each success: 1, 2, 4, 8 at a time
    if health.is_open and not probe:  # sent before the breaker opened, answered after
        return health
    hold = health.hold_until if pause or not health.is_open else None
    return replace(health, cap=cap, failures=0, failing_since=None, opened_at=None, probe_s=0, hold_until=hold)


def _down(health: Health, now: datetime, *, probe: bool) -> Health:
    failing_since = health.failing_since or now
    failures = health.failures + 1
    if health.is_open and not probe:
        return replace(health, failing_since=failing_since)
    if not health.is_open and failures < OPENS_AFTER:
        return replace(health, failures=failures, failing_since=failing_since)
    probe_s = min(health.probe_s * 2, LONGEST_PROBE_S) if health.is_open else FIRST_PROBE_S
    return replace(
        health,
        cap=1,
        failures=failures,
        failing_since=failing_since,
        opened_at=health.opened_at or now,
        probe_s=probe_s,
        hold_until=now + timedelta(seconds=probe_s),
    )
