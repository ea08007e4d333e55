"""Tests of schedules share an app per file and database."""

from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from flask import Flask

from support.made import Made
from support.shared_app import emptied
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.dispatcher.duties import all_duties


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


@pytest.fixture
def noon() -> Iterator[FrozenClock]:
    """The clock, stopped a second before noon of a working day."""
    with clock.frozen(datetime.fromisoformat("2026-11-02T11:59:59Z")) as held:
        yield held


@pytest.fixture
def dispatch(database: Database) -> Callable[[], int]:
    """What a dispatcher does now; how many schedules it had to do with."""

    [duty] = [one for one in all_duties(idempotency_s=60) if one.name == "schedules"]

    def run() -> int:
        with transaction.own(database) as connection:
            return duty.run(connection)

    return run


@pytest.fixture
def made(database: Database) -> Made:
    return Made(database)
