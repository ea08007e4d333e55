"""What no longer counts is removed."""

from typing import Any

import pytest
from sqlalchemy import func, select

from support.caller import Caller
from support.logins import log_in
from taskyard.core import transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.dispatcher.duties import all_duties
from taskyard.users.cleanup import forget_ended
from taskyard.users.models import LoginGuard, RefreshToken

HOUR, DAY = 3600, 86_400


def count(database: Database, model: Any) -> int:
    with database.read.connect() as connection:
        return connection.execute(select(func.count()).select_from(model)).scalar_one()


def forget(database: Database) -> int:
    with transaction.own(database) as connection:
        return forget_ended(connection)


@pytest.mark.usefixtures("alice_has_password")
def test_what_has_ended_is_removed_and_nothing_else(nobody: Caller, database: Database, time: FrozenClock) -> None:
    for _ in range(5):
        log_in(nobody, "eve", "wrong")
    log_in(nobody)
    time.advance(HOUR + 900)  # the longest lock and what follows it
    assert forget(database) == 0
    time.advance(1)
    assert forget(database) == 1
    assert (count(database, LoginGuard), count(database, RefreshToken)) == (0, 1)
    time.advance(30 * DAY)
    assert forget(database) == 1
    assert count(database, RefreshToken) == 0


def test_the_dispatcher_does_it() -> None:
    assert "forget-logins" in [duty.name for duty in all_duties(idempotency_s=DAY)]
