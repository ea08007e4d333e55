"""PostgreSQL keeps the plan of a prepared statement, also where its tables were empty when it was made."""

import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, text

from support.people import ALICE
from support.yard import Yard
from taskyard.core import clock, plans, transaction
from taskyard.core.at_hand import at_hand
from taskyard.core.ids import new_id
from taskyard.queue.claim import Claim, claim, claim_alone
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.extend import Extension, extend
from taskyard.queue.marks import Marks
from taskyard.queue.postgresql import CLAIM
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report, settle
from taskyard.queue.sweeps import expire
from taskyard.tasks.settling import DONE

OFTEN = 15  # psycopg prepares after five times, PostgreSQL keeps a plan after five more
MANY = 3000
DEAR = 200_000  # so many that PostgreSQL takes the claim's plan for all values for much dearer than one for these
# What is read of it depends on the plan.
_JOIN = text(
    "WITH head AS MATERIALIZED (SELECT task_id FROM ready ORDER BY queue, lane, pass, seq LIMIT :room)"
    " SELECT ready.task_id FROM ready JOIN head ON ready.task_id = head.task_id"
)
_PLANS = text("SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE :of")
_WAITING = text(
    "INSERT INTO ready (task_id, queue, lane, pass, seq, attempts)"
    " SELECT gen_random_uuid(), 'q', 1, 0, 8000000000000000000 + number, 0 FROM generate_series(1, :count) AS number"
)
_READ = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")


def fill(yard: Yard, count: int) -> None:
    now = clock.now()
    yard.do(enqueue, [NewTask(new_id(), ALICE.id, "c", "{}", "q", 1, now, now) for _ in range(count)])


def rows_read(yard: Yard, deed: Callable[[Connection], Any]) -> int:
    """By this deed, of all tables."""
    with transaction.own(yard.database) as connection:
        before = connection.execute(_READ).scalar_one()
        deed(connection)
        return int(connection.execute(_READ).scalar_one() - before)


def at_once(yard: Yard, reports: list[Report]) -> None:
    with transaction.own(yard.database) as connection:
        DONE.settle(connection, reports, clock.now())


@pytest.fixture
def empty(yard: Yard) -> Yard:
    """A queue whose tables PostgreSQL knows to be empty, as it finds out by itself within a minute."""
    if yard.database.is_sqlite:
        pytest.skip("SQLite plans by the indexes there are, not by what is in them")
    with yard.database.read.connect() as connection:
        connection.execute(text("VACUUM ANALYZE"))
    return yard


def test_a_plan_from_empty_tables_reads_no_more_than_it_needs_of_full_ones(empty: Yard) -> None:
    now = clock.now()
    wanted = Claim(ALICE.id, "w", ["q"], 20, 60)
    for _ in range(OFTEN):
        empty.claim(limit=20)
        empty.do(extend, [Extension(new_id(), "f", 60) for _ in range(20)])
    for _ in range(OFTEN):
        at_once(empty, [Report(new_id(), "f", Outcome.SUCCEEDED) for _ in range(20)])
    for _ in range(OFTEN):
        fill(empty, 1)
        at_once(empty, [Report(*one.held, Outcome.SUCCEEDED) for one in empty.claim()])
        fill(empty, 1)
        leases = empty.claim(limit=20)
        empty.extend(*leases)
        empty.settle(*leases)
    fill(empty, MANY)
    for _ in range(10):
        held = empty.claim(limit=100)
    taken = [Report(*one.held, Outcome.SUCCEEDED) for one in held[:20]]
    done = [Report(*one.held, Outcome.SUCCEEDED) for one in held[40:60]]
    kept = [Extension(*one.held, 60) for one in held[20:40]]
    # 20 rows of each of a handful of tables, some of them more than once.
    assert rows_read(empty, lambda connection: claim(connection, [wanted], now)) < 400
    assert rows_read(empty, lambda connection: extend(connection, kept, now)) < 400
    assert rows_read(empty, lambda connection: settle(connection, taken, now)) < 400
    assert rows_read(empty, lambda connection: DONE.settle(connection, done, now)) < 400
    done = [Report(*one.held, Outcome.SUCCEEDED) for one in held[60:80]]
    empty.database.write.dispose()  # the first plans of a connection are made for just what is sent
    assert rows_read(empty, lambda connection: DONE.settle(connection, done, now)) < 400


@pytest.fixture
def long(empty: Yard) -> Yard:
    """A line of so many that PostgreSQL would rather plan each claim anew."""
    fill(empty, 4 * OFTEN)
    with empty.database.read.connect() as connection:
        connection.execute(_WAITING, {"count": DEAR})  # behind these
        connection.execute(text("VACUUM ANALYZE"))
    return empty


def plans_made(connection: Connection) -> tuple[int, int]:
    """Of the claim on this connection: for all values, and for those of one claim."""
    for_all, for_these = connection.execute(_PLANS, {"of": "%draining%"}).first() or (0, 0)
    return for_all, for_these


def test_a_claim_is_not_planned_each_time_where_many_wait(long: Yard) -> None:
    for _ in range(2 * OFTEN):
        with at_hand(long.database).connection() as connection:
            taken = claim_alone(connection, Claim(ALICE.id, "w", ["q"], 1, 60), clock.now(), Marks())
            assert taken is not None
            assert len(taken.leases) == 1
            for_all, for_these = plans_made(connection)
    assert for_all > OFTEN
    assert for_these == 0


def test_nor_are_claims_that_share_a_transaction(long: Yard) -> None:
    wanted = [Claim(ALICE.id, name, ["q"], 1, 60) for name in ("v", "w")]
    for _ in range(2 * OFTEN):
        with transaction.own(long.database) as connection:
            assert [len(taken.leases) for taken in claim(connection, wanted, clock.now())] == [1, 1]
            for_all, for_these = plans_made(connection)
    assert for_all > OFTEN
    assert for_these == 0


def test_a_large_claim_compares_no_task_with_each_of_the_others(empty: Yard) -> None:
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)", CLAIM)))
    numbered = re.sub(r"%\((\w+)\)[sb]", lambda found: f"${names.index(found[1]) + 1}", CLAIM)
    with empty.database.read.connect() as connection:
        plan = list(connection.exec_driver_sql(f"EXPLAIN (GENERIC_PLAN) {numbered}").scalars())
    assert any("using pk_task" in line for line in plan)
    assert not [line for line in plan if "Join Filter" in line and "task_id" in line]


def test_what_has_expired_is_not_looked_for_among_all_open_tasks(empty: Yard) -> None:
    for _ in range(OFTEN):
        empty.expire()
    fill(empty, MANY)
    assert rows_read(empty, lambda connection: expire(connection, clock.now())) < 100


def test_any_plan_is_made_anew_after_some_seconds(empty: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plans, "KEPT_S", math.inf)
    read = partial(Connection.execute, statement=_JOIN, parameters={"room": 5})
    for _ in range(OFTEN):
        rows_read(empty, read)
    fill(empty, MANY)
    assert rows_read(empty, read) > MANY
    monkeypatch.setattr(plans, "KEPT_S", 0.0)
    assert rows_read(empty, read) < 100
