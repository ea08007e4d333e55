"""A look for what is due begins where the last one ended, and at the very front from time to time."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection

from support.yard import Yard
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.dispatcher import looks
from taskyard.dispatcher.looks import LATE, Looks
from taskyard.queue import sweeps
from taskyard.queue.sweeps import EVER


class Recorded:
    """What a look was asked, and what it says."""

    def __init__(self) -> None:
        self.since: list[datetime] = []
        self.found: list[str] = []

    def __call__(self, _: Connection, now: datetime, since: datetime) -> list[str]:
        self.since.append(since)
        return self.found


@pytest.fixture
def rarely_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "WHOLE_PACE", 10**9)


@pytest.mark.usefixtures("rarely_whole")
def test_the_first_look_is_whole_and_the_next_begins_a_little_before_it(yard: Yard, time: FrozenClock) -> None:
    look = Recorded()
    duty = Looks(look)
    first_at = clock.now()
    with transaction.own(yard.database) as connection:
        duty(connection)
        time.advance(60)
        duty(connection)
    assert look.since == [EVER, first_at - LATE]


@pytest.mark.usefixtures("rarely_whole")
def test_where_something_was_due_the_next_look_begins_no_later(yard: Yard, time: FrozenClock) -> None:
    look = Recorded()
    duty = Looks(look)
    first_at = clock.now()
    with transaction.own(yard.database) as connection:
        duty(connection)
        look.found = ["q"]
        for _ in range(2):
            time.advance(60)
            assert duty(connection) == 1
    assert look.since == [EVER, first_at - LATE, first_at - LATE]


def test_a_look_from_the_front_comes_again(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(looks, "WHOLE_PACE", 0)
    look = Recorded()
    duty = Looks(look)
    with transaction.own(yard.database) as connection:
        for _ in range(3):
            duty(connection)
    assert look.since == [EVER] * 3


@pytest.mark.usefixtures("rarely_whole")
def test_what_runs_out_between_two_looks_is_found_by_the_second(yard: Yard, time: FrozenClock) -> None:
    duty = Looks(sweeps.reap)
    yard.add()
    with transaction.own(yard.database) as connection:
        assert duty(connection) == 0
    yard.claim(lease_s=3)
    time.advance(timedelta(hours=1).total_seconds())
    with transaction.own(yard.database) as connection:
        assert duty(connection) == 1
