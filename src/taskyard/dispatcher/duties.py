"""What the dispatcher does over and over; each duty is one slice of work in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection

from taskyard.core import clock, idempotency
from taskyard.queue import sweeps
from taskyard.users import cleanup


@dataclass(frozen=True, slots=True)
class Duty:
    """`run` does a slice and returns how much it did; where that was something, it is asked again at once."""

    name: str
    every_s: float
    run: Callable[[Connection], int]


def _forget_answers(keep_s: int) -> Callable[[Connection], int]:
    def run(connection: Connection) -> int:
        idempotency.forget(connection, clock.now() - timedelta(seconds=keep_s))
        return 0

    return run


def all_duties(*, idempotency_s: int) -> list[Duty]:
    return [
        Duty("promote", 0.25, lambda connection: len(sweeps.promote(connection, clock.now()))),
        Duty("reap", 0.5, lambda connection: len(sweeps.reap(connection, clock.now()))),
        Duty("expire", 1.0, lambda connection: len(sweeps.expire(connection, clock.now()))),
        Duty("forget-answers", 600.0, _forget_answers(idempotency_s)),
        Duty("forget-logins", 600.0, cleanup.forget_ended),
    ]
