"""Claiming: who gets what, in which order, and for how long."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from support.people import ALICE
from support.signals import until
from support.yard import Yard, at_once
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.queue import claim as claiming
from taskyard.queue import gates, lanes, postgresql, sqlite
from taskyard.queue.claim import Claim, claim_alone
from taskyard.queue.marks import Marks
from taskyard.queue.tables import lease, ready

HIGH, NORMAL, LOW = 0, 1, 2


def test_tasks_of_a_lane_come_in_the_order_in_which_they_were_submitted(yard: Yard, time: FrozenClock) -> None:
    ids = [yard.add() for _ in range(10)]  # all at one moment of the clock
    time.advance(1)
    ids += [yard.add() for _ in range(10)]
    assert [one.task_id for one in yard.claim(limit=7)] == ids[:7]
    assert [one.task_id for one in yard.claim(limit=100)] == ids[7:]


def test_higher_priorities_come_first_across_all_queues(yard: Yard) -> None:
    ids = {(lane, queue): yard.add(lane=lane, queue=queue) for lane in (LOW, NORMAL, HIGH) for queue in "abcde"}
    claimed = [one.task_id for one in yard.claim(*"edcba", limit=15)]
    assert claimed == [ids[lane, queue] for lane in (HIGH, NORMAL, LOW) for queue in "edcba"]


def test_some_of_lower_priorities_may_be_taken_first_and_all_come_in_their_order(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "chance", lambda: 0.9)  # 2 of 12 go first to each lower priority
    ids = {(lane, queue): [yard.add(lane=lane, queue=queue) for _ in range(3)] for lane in range(3) for queue in "ab"}
    claimed = [one.task_id for one in yard.claim("b", "a", limit=12)]
    places = {
        task_id: (lane, "ba".index(queue), n) for (lane, queue), of in ids.items() for n, task_id in enumerate(of)
    }
    assert [places[task_id] for task_id in claimed] == sorted(places[task_id] for task_id in claimed)
    assert sorted(places[task_id][0] for task_id in claimed) == [HIGH] * 6 + [NORMAL] * 4 + [LOW] * 2


def test_sqlite_reads_the_head_of_a_line_as_it_stands(yard: Yard) -> None:
    if not yard.database.is_sqlite:
        pytest.skip("PostgreSQL does not")
    with yard.database.read.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sqlite.HEAD}", ("q", NORMAL, 1)).all()
    assert "SEARCH ready USING INDEX ix_ready_order" in plan[0][3]
    assert not any("B-TREE" in row[3] or "SCAN" in row[3] for row in plan), plan  # neither sorted nor searched through


def test_a_small_batch_takes_the_head_and_leaves_the_rest(yard: Yard) -> None:
    low, high = yard.add(lane=LOW), yard.add(lane=HIGH)
    [first] = yard.claim(limit=1)
    assert (first.task_id, first.priority) == (high, "high")
    assert yard.count(ready) == 1
    assert yard.claim(limit=1)[0].task_id == low
    assert yard.claim(limit=1) == []


def test_other_queues_are_left_alone(yard: Yard) -> None:
    yard.add(queue="theirs")
    assert yard.claim("ours") == []
    assert yard.count(ready) == 1


def test_a_lease_carries_what_the_worker_needs(yard: Yard, time: FrozenClock) -> None:
    task_id = yard.add(command="résumé 🦊", payload='{"é":"🦊"}', tags=["a", "b"], timeout_s=7, max_attempts=3)
    [held] = yard.claim(lease_s=30)
    assert (held.task_id, held.command, held.payload) == (task_id, "résumé 🦊", '{"é":"🦊"}')
    assert (held.tags, held.timeout_s, held.max_attempts, held.attempt) == (["a", "b"], 7, 3, 1)
    assert held.expires_at == time.now() + timedelta(seconds=30)
    assert held.token.startswith(f"{task_id}.")
    assert len(held.token) >= 36 + 1 + 32, "128 bits nobody can guess"


def test_threads_that_claim_at_once_get_disjoint_tasks(yard: Yard) -> None:
    ids = {yard.add() for _ in range(60)}
    batches = at_once(*[lambda: yard.claim(limit=10)] * 8)
    claimed = [one.task_id for batch in batches for one in batch]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == ids
    assert yard.count(lease) == 60
    assert yard.count(ready) == 0


def test_claims_of_many_workers_share_one_transaction(yard: Yard) -> None:
    ids = [yard.add() for _ in range(5)]
    wanted = [Claim("00000000-0000-7000-8000-000000000001", "w", ["q"], 2, 60) for _ in range(4)]
    batches = yard.claims(wanted)
    assert [[one.task_id for one in batch] for batch in batches] == [ids[:2], ids[2:4], ids[4:], []]


def test_a_large_claim_is_taken_in_rounds_and_told_in_one_order(yard: Yard) -> None:
    ids = {lane: [yard.add(lane=lane) for _ in range(2 * claiming.ROUND)] for lane in (LOW, NORMAL, HIGH)}
    claimed = yard.claim(limit=5 * claiming.ROUND)
    assert len(claimed) == 5 * claiming.ROUND
    by_lane = [[one.task_id for one in claimed if one.priority == priority] for priority in ("high", "normal", "low")]
    assert [one.task_id for one in claimed] == [task_id for lane in by_lane for task_id in lane]
    assert by_lane[0] == ids[HIGH]
    assert by_lane[1] == ids[NORMAL][: len(by_lane[1])]
    assert by_lane[2] == ids[LOW][: len(by_lane[2])]
    assert len(yard.claim(limit=1000)) == claiming.ROUND
    assert yard.claim(limit=1000) == []


def test_a_claim_of_large_payloads_ends_early_and_leaves_the_rest_to_others(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "ROUND", 3)
    monkeypatch.setattr(claiming, "LATER", 1)
    monkeypatch.setattr(claiming, "MOST_CHARS", 500)
    ids = [yard.add(payload=f'"{"x" * 98}"') for _ in range(10)]
    first, second = yard.claims([Claim(ALICE.id, "w", ["q"], 100, 60), Claim(ALICE.id, "w", ["q"], 100, 60, "c-1")])
    assert sorted(one.task_id for one in first + second) == ids
    assert (len(first), len(second)) == (6, 4), "600 characters are over the bound, 300 were not"


def test_claims_of_one_transaction_get_a_round_each_and_together_not_many_more_than_its_bound(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "ROUND", 3)
    monkeypatch.setattr(claiming, "LATER", 1)
    monkeypatch.setattr(claiming, "MOST_TASKS", 8)
    for _ in range(30):
        yard.add()
    wanted = [Claim(ALICE.id, "w", ["q"], 100, 60) for _ in range(4)]
    assert [len(one) for one in yard.claims(wanted)] == [3, 3, 3, 3]
    assert [len(one) for one in yard.claims(wanted[:1])] == [9]


@pytest.mark.parametrize(("characters", "rounds"), [(10, [3, 9, 8]), (11, [3, 3, 3, 3, 3, 3, 2])])
def test_the_rounds_after_the_first_are_larger_where_payloads_are_small(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, characters: int, rounds: list[int]
) -> None:
    monkeypatch.setattr(claiming, "ROUND", 3)
    monkeypatch.setattr(claiming, "SMALL", 10)
    take = claiming._take
    sizes: list[int] = []

    def counted(*of: Any) -> Any:
        got = take(*of)
        sizes.append(len(got.ids))
        return got

    monkeypatch.setattr(claiming, "_take", counted)
    for _ in range(20):
        yard.add(payload=f'"{"x" * (characters - 2)}"')
    assert len(yard.claim(limit=20)) == 20
    assert sizes == rounds


def test_of_a_queue_with_limits_a_claim_gets_one_round(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "ROUND", 3)
    yard.set(max_running=5)
    for _ in range(10):
        yard.add()
    assert [len(yard.claim(limit=100)) for _ in range(3)] == [3, 2, 0]
    assert yard.count(lease) == 5


def test_a_claim_that_is_sent_twice_in_one_transaction_is_one(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claiming, "ROUND", 3)
    for _ in range(10):
        yard.add()
    first, second, third = yard.claims(
        [
            Claim(ALICE.id, "w", ["q", "r"], 5, 60, "c-1"),
            Claim(ALICE.id, "w", ["r", "q"], 5, 60, "c-1"),
            Claim(ALICE.id, "w", ["q"], 5, 60, "c-2"),
        ]
    )
    assert sorted(one.token for one in first) == sorted(one.token for one in second)
    assert (len(first), len(third)) == (5, 5)
    assert yard.count(lease) == 10


def test_the_same_claim_id_gets_the_same_leases_again(yard: Yard) -> None:
    for _ in range(5):
        yard.add()
    first = yard.claim(limit=2, claim_id="c-1")
    assert yard.claim(limit=2, claim_id="c-1") == first
    assert yard.claim(limit=1, claim_id="c-2")[0] not in first
    yard.settle(first[0])
    assert yard.claim(limit=2, claim_id="c-1") == first[1:]


def test_the_same_claim_id_at_once_gets_the_same_leases(yard: Yard) -> None:
    for _ in range(30):
        yard.add()
    batches = at_once(*[lambda: yard.claim(limit=3, claim_id="c-1")] * 6)
    assert all({one.token for one in batch} == {one.token for one in batches[0]} for batch in batches)
    assert yard.count(lease) == 3


def test_a_claim_id_is_forgotten_with_its_leases(yard: Yard, time: FrozenClock) -> None:
    yard.add()
    yard.claim(claim_id="c-1", lease_s=10)
    time.advance(11)
    other = yard.add()
    assert [one.task_id for one in yard.claim(claim_id="c-1")] == [other]


def test_a_claim_id_belongs_to_whoever_claims(yard: Yard) -> None:
    yard.add()
    yard.claim(claim_id="c-1")
    theirs = Claim("00000000-0000-7000-8000-000000000002", "w", ["q"], 1, 60, "c-1")
    assert yard.claims([theirs]) == [[]]


def test_a_claim_id_gets_nothing_of_queues_that_are_not_asked_for(yard: Yard) -> None:
    """Two keys of one user may be for different queues, and use the same claim_id."""
    yard.add()
    yard.claim(claim_id="c-1")
    elsewhere = Claim(ALICE.id, "w", ["other"], 1, 60, "c-1")
    assert yard.claims([elsewhere]) == [[]]


def test_a_task_that_is_gone_does_not_break_a_claim(yard: Yard) -> None:
    """A place in the line without its task: what a damaged database may hold."""
    task_id = yard.add()
    with yard.database.write.begin() as connection:
        connection.exec_driver_sql(f"DELETE FROM task WHERE id = '{task_id}'")
    other = yard.add()
    assert [one.task_id for one in yard.claim(limit=2)] == [other]
    assert yard.count(ready) == 0


def test_a_single_claim_on_postgresql_takes_what_no_limit_holds_and_leaves_the_rest_to_a_transaction(
    yard: Yard,
) -> None:
    if yard.database.is_sqlite:
        pytest.skip("SQLite's claims are made step by step, in a transaction")
    free, bound = yard.add(queue="free"), yard.add(queue="bound")
    yard.set("bound", max_running=1)
    both = Claim(ALICE.id, "w", ["bound", "free"], 10, 60)

    with yard.database.read.connect() as connection:
        gates.seen_limited(connection).clear()
        taken = claim_alone(connection, both, clock.now(), Marks())
        assert taken is not None
        assert [one.task_id for one in taken.leases] == [free]
        assert claim_alone(connection, both, clock.now(), Marks()) is None
    assert [[one.task_id for one in leases] for leases in yard.claims([both])] == [[bound]]


@pytest.mark.parametrize("changed", [{"payload": '"new"'}, {"tags": ["new"]}])
def test_a_claim_gives_what_was_changed_after_it_began(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any]
) -> None:
    if yard.database.is_sqlite:
        pytest.skip("on SQLite nobody else changes anything while a claim is under way")
    ids = [yard.add(payload='"old"', tags=["old"]) for _ in range(2)]
    begun, _, rest = postgresql.CLAIM.partition("WITH draining")
    halts = "WITH halted AS MATERIALIZED (SELECT pg_advisory_xact_lock(7)), draining"
    rest = rest.replace("AND NOT EXISTS (SELECT FROM draining)", "AND (SELECT true FROM halted)")
    monkeypatch.setattr(postgresql, "CLAIM", f"{begun}{halts}{rest}")

    with yard.database.read.connect() as gate:
        gate.execute(text("SELECT pg_advisory_lock(7)"))
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(yard.claim, limit=2)
            waits = text("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            until(lambda: gate.execute(waits).all())
            assert yard.change(ids[0], **changed)
            gate.execute(text("SELECT pg_advisory_unlock(7)"))
            first, second = under_way.result(10)
    assert (first.task_id, second.task_id) == tuple(ids)
    as_changed = {"payload": '"old"', "tags": ["old"]} | changed
    assert {"payload": first.payload, "tags": first.tags} == as_changed
    assert (second.payload, second.tags) == ('"old"', ["old"])
