"""Pushes that outlast a lease, and those that a stop breaks off."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import select

from support.caller import Caller
from support.pushes import Holding, ended
from support.receivers import receiver
from support.signals import until
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.queue import sweeps
from taskyard.queue.tables import lease
from taskyard.tasks.pushing import LEASE_S


def lease_ends(database: Database) -> datetime:
    with database.read.connect() as connection:
        found: datetime = connection.execute(select(lease.c.expires_at)).scalar_one()
        return found


def reap(database: Database) -> int:
    with transaction.own(database) as connection:
        return len(sweeps.reap(connection, clock.now()))


def test_a_push_longer_than_its_lease_keeps_it(  # type: ignore[no-untyped-def]
    pushing, register, submit, alice: Caller, database: Database, time: FrozenClock
) -> None:
    receives = Holding()
    with receiver(receives) as found, pushing(extend_s=0.01):
        register(found.url, push={"timeout_s": 600})
        task_id = submit()
        [seen] = receives.wait_for(1)
        for _ in range(5):  # five leases' worth
            time.advance(LEASE_S - 1)
            until(lambda: (lease_ends(database) - clock.now()).total_seconds() == LEASE_S, 60)
            assert reap(database) == 0
        receives.let_go()
        task = ended(alice, task_id)
    assert (task["status"], task["attempts"], task["crashes"]) == ("succeeded", 1, 0)
    assert receives.seen == [seen]


def test_a_push_whose_dispatcher_is_silent_is_taken_away(  # type: ignore[no-untyped-def]
    pushing, register, submit, alice: Caller, database: Database, time: FrozenClock
) -> None:
    receives = Holding()
    with receiver(receives) as found, pushing(extend_s=3600):
        register(found.url, on_lost="hold", push={"timeout_s": 600})
        task_id = submit()
        receives.wait_for(1)
        time.advance(LEASE_S + 1)
        assert reap(database) == 1
        receives.let_go()
    task = alice.get(f"/v1/tasks/{task_id}").json
    assert (task["status"], task["result"]) == ("lost", None), "the late answer changes nothing"


@pytest.mark.parametrize(
    ("on_lost", "status", "crashes", "outcome"),
    [("retry", "queued", 0, "released"), ("hold", "lost", 1, "lost"), ("fail", "failed", 1, "lost")],
)
def test_what_a_stop_breaks_off_is_as_on_lost_says_and_a_retry_counts_nothing(  # type: ignore[no-untyped-def]
    pushing: Callable[..., Any],
    register,
    submit,
    alice: Caller,
    on_lost: str,
    status: str,
    crashes: int,
    outcome: str,
) -> None:
    receives = Holding()
    with receiver(receives) as found, ExitStack() as dispatcher:
        dispatcher.enter_context(pushing(stop_s=0.05))
        register(found.url, on_lost=on_lost, max_attempts=1, max_crashes=1)
        task_id = submit()
        receives.wait_for(1)
        dispatcher.close()
        task = alice.get(f"/v1/tasks/{task_id}").json
        assert (task["status"], task["failures"], task["crashes"]) == (status, 0, crashes)
        assert [one["outcome"] for one in alice.get(f"/v1/tasks/{task_id}/attempts").json["attempts"]] == [outcome]
        if outcome == "lost":
            assert task["error"]["type"] == "stopped"
            return
        receives.let_go()
        with pushing():
            assert ended(alice, task_id)["status"] == "succeeded"
    assert [one.headers["taskyard-attempt"] for one in receives.seen] == ["1", "2"]
    assert {one.headers["webhook-id"] for one in receives.seen} == {task_id}
