"""Any number of dispatchers on one database: exactly one task for each due time."""

import itertools
import threading
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection, update

from support.caller import Caller
from support.made import Made
from support.people import ALICE
from support.yard import at_once
from taskyard.core import clock, transaction
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database, open_database
from taskyard.dispatcher import loop
from taskyard.dispatcher.duties import all_duties
from taskyard.schedules import sweep
from taskyard.schedules.models import Schedule

SCHEDULES = 10


def passes(database: Database, count: int) -> int:
    done = 0
    for _ in range(count):
        with transaction.own(database) as connection:
            done += sweep.run_due(connection, clock.now(), closed=False)
    return done


def test_several_dispatchers_make_one_task_for_each_due_time(
    database: Database, alice: Caller, noon: FrozenClock, made: Made
) -> None:
    names = [f"s{number}" for number in range(SCHEDULES)]
    for name in names:
        sent = {"cron": "* * * * *", "task": {"command": "c"}, "missed": "all", "missed_limit": 3}
        assert alice.put(f"/v1/schedules/{name}", sent).status_code == 201
    others = [open_database(database.write.url.render_as_string(hide_password=False)) for _ in range(3)]
    try:
        for _ in range(5):
            noon.advance(180)
            results = at_once(*[partial(passes, one, 3) for one in (database, *others)])
            assert [one for one in results if isinstance(one, Exception)] == []
            passes(database, 1)  # what all have passed over, because another held it
    finally:
        for one in others:
            one.dispose()
    for name in names:
        runs = made.runs(name)
        assert len(runs) == len(set(runs)) == 15
        assert len(made.tasks(name)) == 15


def test_a_due_time_that_was_dealt_with_is_not_dealt_with_again(
    database: Database, alice: Caller, noon: FrozenClock, made: Made
) -> None:
    """A dispatcher that comes with what it read before another's commit: the primary key turns it away."""
    alice.put("/v1/schedules/s", {"cron": "* * * * *", "task": {"command": "c"}})
    noon.advance(1)
    with transaction.own(database) as connection:
        [before] = connection.execute(sweep._DUE, {"now": clock.now()}).all()
    passes(database, 1)
    with transaction.own(database) as connection:
        sweep._advance(connection, before, clock.now(), closed=False)
    assert len(made.tasks()) == 1
    assert made.tasks()[0].owner_id == ALICE.id


def test_a_put_and_a_pause_against_a_dispatcher(
    database: Database, alice: Caller, noon: FrozenClock, made: Made
) -> None:
    """Whoever comes second sees what the first has done: no due time is lost, and a paused schedule stays quiet."""
    for number in range(8):
        name = f"r{number}"
        sent = {"cron": "* * * * *", "task": {"command": "c"}}
        alice.put(f"/v1/schedules/{name}", sent)
        noon.advance(60)
        again = {**sent, "description": "again"}
        deed = partial(alice.put, f"/v1/schedules/{name}", again) if number % 2 else None
        answer, _ = at_once(deed or partial(alice.post, f"/v1/schedules/{name}/pause"), partial(passes, database, 2))
        assert answer.status_code == 200, answer
        passes(database, 1)
        shown = alice.get(f"/v1/schedules/{name}").json
        if number % 2:
            assert len(made.tasks(name)) == 1
            assert shown["next_at"] is not None
        else:
            assert len(made.tasks(name)) <= 1
            assert shown["next_at"] is None


def test_three_dispatchers_that_run_on_their_own_make_each_task_once(
    database: Database, alice: Caller, made: Made
) -> None:
    """The real loop and the real clock; what is due came due on the first of January."""
    names = {f"s{number}" for number in range(SCHEDULES)}
    for name in names:
        alice.put(f"/v1/schedules/{name}", {"cron": "@yearly", "task": {"command": "c"}})
    with transaction.own(database) as connection:
        connection.execute(update(Schedule).values(next_at=clock.now() - timedelta(days=366)))
    stop, all_done, seen = threading.Event(), threading.Event(), itertools.count(1)
    [real] = [duty for duty in all_duties(idempotency_s=60) if duty.name == "schedules"]

    def run(connection: Connection) -> int:
        done = real.run(connection)
        if done == 0 and all(made.tasks(name) for name in names) and next(seen) > 6:
            all_done.set()
        return done

    duty = replace(real, every_s=0.02, run=run)
    dispatchers = [threading.Thread(target=loop.run, args=(database, [duty], stop)) for _ in range(3)]
    for one in dispatchers:
        one.start()
    assert all_done.wait(30)
    stop.set()
    for one in dispatchers:
        one.join(10)
    assert {len(made.tasks(name)) for name in names} == {1}
