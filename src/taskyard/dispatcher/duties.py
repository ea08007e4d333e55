"""What the dispatcher does over and over; each duty is one slice of work in one transaction."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import Connection

from taskyard.core import clock, idempotency
from taskyard.core.db import Database
from taskyard.dispatcher.looks import Looks
from taskyard.inbox import sweep as inbox
from taskyard.outbox import reap, replays
from taskyard.outbox import retention as outbox_retention
from taskyard.queue import chains, groups, limits, parking, retention, roll, shares, sweeps
from taskyard.schedules import sweep as schedules
from taskyard.tasks import operation_slices
from taskyard.users import cleanup


@dataclass(frozen=True, slots=True)
class Duty:
    """`run` does a slice and returns how much it did; where that was something, it is asked again at once.

    What takes its time to find is for `find`, which only reads, so that nobody waits for a lock; `run` is given what it
    found, and not called for None.
    """

    name: str
    every_s: float
    run: Callable[..., int]
    find: Callable[[Connection], Any] | None = None

    def found(self, database: Database) -> list[Any] | None:
        """What `run` is given beside the connection; None: there is nothing for it to do."""
        if self.find is None:
            return []
        with database.read.connect() as connection:
            found = self.find(connection)
        return None if found is None else [found]


def _forget_answers(keep_s: int) -> Callable[[Connection], int]:
    def run(connection: Connection) -> int:
        idempotency.forget(connection, clock.now() - timedelta(seconds=keep_s))
        return 0

    return run


def _schedules(connection: Connection, *, closed: bool) -> int:
    return schedules.run_due(connection, clock.now(), closed=closed)


def _ended(keep_s: Mapping[str, int]) -> Callable[[Connection], retention.Over | None]:
    return lambda connection: retention.find(connection, keep_s, clock.now())


def _deliveries(kept_s: Mapping[str, int]) -> list[Duty]:
    """What keeps the outbox in order, beside the lines that deliver."""
    forgets = {
        "deliveries": outbox_retention.forget_deliveries,
        "attempts": outbox_retention.forget_attempts,
        "events": outbox_retention.forget_events,
    }
    return [
        Duty("reap-deliveries", 1.0, lambda connection: reap.reap(connection, clock.now())),
        Duty("end-deliveries", 5.0, lambda connection: outbox_retention.end_overdue(connection, clock.now())),
        Duty("replay", 0.5, lambda connection: replays.work(connection, clock.now())),
        Duty("remove-endpoints", 5.0, outbox_retention.forget_endpoints),
        *(Duty(f"forget-{name}", 10.0, _forget(run, kept_s.get(name, 0))) for name, run in forgets.items()),
    ]


def _forget(run: Callable[[Connection, int, datetime], int], keep_s: int) -> Callable[[Connection], int]:
    return lambda connection: run(connection, keep_s, clock.now())


def all_duties(
    *,
    idempotency_s: int,
    closed_catalogue: bool = False,
    keep_s: Mapping[str, int] | None = None,
    keep_requests_s: int = 0,
    keep_sent_s: Mapping[str, int] | None = None,
) -> list[Duty]:
    """`keep_s`: seconds that ended tasks are kept, by their outcome; `keep_requests_s`: the same for received webhooks;
    `keep_sent_s`: the same for events, deliveries and attempts. For ever where they say nothing."""
    return [
        Duty("promote", 0.25, Looks(sweeps.promote)),
        Duty("reap", 0.5, Looks(sweeps.reap)),
        Duty("release", 0.25, lambda connection: parking.release(connection, clock.now())),
        Duty("expire", 1.0, lambda connection: len(sweeps.expire(connection, clock.now()))),
        Duty("follow", 0.5, lambda connection: chains.go_on(connection, clock.now())),
        Duty("schedules", 0.5, partial(_schedules, closed=closed_catalogue)),
        Duty("forget-runs", 600.0, lambda connection: schedules.forget(connection, clock.now())),
        Duty("operate", 1.0, operation_slices.work, operation_slices.find),
        Duty("forget-operations", 600.0, lambda connection: operation_slices.forget(connection, clock.now())),
        Duty("remove-ended", 10.0, retention.remove_ended, _ended(keep_s or {})),
        Duty("remove-requests", 10.0, lambda connection: inbox.remove_old(connection, keep_requests_s, clock.now())),
        Duty("forget-repeats", 60.0, lambda connection: inbox.forget_keys(connection, clock.now())),
        Duty("forget-groups", 600.0, lambda connection: groups.forget(connection, clock.now())),
        *_deliveries(keep_sent_s or {}),
        Duty("forget-answers", 600.0, _forget_answers(idempotency_s)),
        Duty("forget-workers", 600.0, lambda connection: roll.forget(connection, clock.now())),
        Duty("forget-shares", 600.0, shares.forget),
        Duty("forget-keys", 600.0, lambda connection: limits.forget(connection, clock.now())),
        Duty("forget-logins", 600.0, cleanup.forget_ended),
    ]
