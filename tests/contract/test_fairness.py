"""Fair shares: by weight under a backlog, whoever comes when; and lower priorities get their tenth."""

from collections import Counter
from itertools import count
from random import Random

import pytest

from support.people import ALICE
from support.yard import Yard
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.core.ids import new_id
from taskyard.queue import gates, lanes, shares
from taskyard.queue.claim import Claim
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.limit_tables import share
from taskyard.queue.tables import ready

HIGH, NORMAL, LOW = 0, 1, 2


def add(yard: Yard, letters: str, **fields: object) -> None:
    """All in one transaction; each letter is its fairness key and its payload; `-` has none."""
    now = clock.now()
    wanted = {"owner_id": ALICE.id, "command": "c", "queue": "q", "lane": NORMAL, "created_at": now, "run_at": now}
    yard.do(
        enqueue,
        [
            NewTask(id=new_id(), payload=one, fairness_key=None if one == "-" else one, **(wanted | fields))
            for one in letters
        ],
    )


def got(yard: Yard, limit: int) -> str:
    return "".join(one.payload for one in yard.claim(limit=limit))


def test_keys_take_turns_whoever_has_more_waiting(yard: Yard) -> None:
    add(yard, "a" * 100)
    add(yard, "bb")
    add(yard, "c")
    assert got(yard, 8) == "abcabaaa"


def test_shares_are_as_the_weights_under_a_backlog(yard: Yard) -> None:
    """Strides of 4, 2 and 1 quarters: in 10 turns of the slowest 10, 20 and 40 tasks."""
    yard.set(weights={"a": 1, "b": 2, "c": 4})
    for key in "abc":
        add(yard, key * 70)
    assert Counter(got(yard, 70)) == {"a": 10, "b": 20, "c": 40}


def test_a_new_key_is_neither_favoured_nor_punished(yard: Yard) -> None:
    add(yard, "a" * 50 + "b" * 50)
    got(yard, 40)
    add(yard, "c" * 50)
    assert Counter(got(yard, 30)) == {"a": 10, "b": 10, "c": 10}


def test_a_key_that_was_away_has_saved_nothing_up(yard: Yard) -> None:
    add(yard, "b")
    add(yard, "a" * 60)
    got(yard, 41)
    add(yard, "b" * 30)
    assert Counter(got(yard, 20)) == {"a": 10, "b": 10}


def test_what_was_used_while_nobody_else_waited_costs_nothing(yard: Yard) -> None:
    add(yard, "a" * 50)
    got(yard, 50)
    add(yard, "b" * 10)
    add(yard, "a" * 10)
    assert Counter(got(yard, 10)) == {"a": 5, "b": 5}


def test_tasks_without_a_key_share_as_one(yard: Yard) -> None:
    add(yard, "a" * 20 + "-" * 20)
    assert Counter(got(yard, 20)) == {"a": 10, "-": 10}


def test_a_retry_is_charged_like_a_new_task(yard: Yard) -> None:
    add(yard, "a" * 10 + "b" * 10)
    for _ in range(10):
        [held] = yard.claim()
        yard.settle(held, outcome="released" if held.payload == "a" else "succeeded")
    add(yard, "-")
    assert Counter(got(yard, 11)) == {"a": 5, "b": 5, "-": 1}, "those that came back stand behind"


def test_a_scheduled_task_is_charged_when_its_time_has_come(yard: Yard, time: FrozenClock) -> None:
    later = time.now().replace(year=2060)
    add(yard, "a" * 10, run_at=later)
    assert yard.count(share) == 0
    add(yard, "b" * 10)
    time.advance(40 * 366 * 86400)
    yard.promote()
    assert Counter(got(yard, 10)) == {"a": 5, "b": 5}


def test_each_lane_is_shared_by_itself(yard: Yard) -> None:
    add(yard, "a" * 10, lane=LOW)
    add(yard, "a" * 10 + "b" * 10)
    assert [Counter(got(yard, 5)) for _ in range(2)] == [{"a": 3, "b": 2}, {"a": 2, "b": 3}]
    assert yard.count(share) == 3


def test_a_queue_without_keys_is_first_come_first_served_and_writes_no_shares(yard: Yard) -> None:
    add(yard, "-" * 5)
    assert yard.count(share) == 0
    with yard.database.read.connect() as connection:
        assert gates.rules(connection).weights == {}


def test_a_parked_task_comes_back_no_earlier_than_the_head(yard: Yard) -> None:
    """Whoever comes next begins at the head: it would have all that the others have used up before it."""
    yard.set(key_max_running=1)
    yard.add(limit_key="x", fairness_key="a")
    [held] = yard.claim()
    yard.add(limit_key="x", fairness_key="a")
    add(yard, "b" * 20)
    got(yard, 11)
    yard.settle(held)
    add(yard, "c" * 10)
    assert Counter(got(yard, 7))["c"] <= 4


def test_who_comes_to_wait_under_a_limit_key_is_not_behind_all_that_others_have_parked(yard: Yard) -> None:
    yard.set(key_max_running=1)
    add(yard, "a" * 40, limit_key="k")
    [running] = yard.claim()
    yard.claim()  # which parks the others
    add(yard, "bbb-", limit_key="k")
    yard.claim()
    order = ""
    for _ in range(9):
        yard.settle(running)
        [running] = yard.claim()
        yard.claim()
        order += running.payload
    assert (order.count("b"), order.count("-"), order.count("a")) == (3, 1, 5)
    assert order.index("b") <= 2


def test_keys_that_come_back_one_by_one_starve_nobody_under_a_limit_key(yard: Yard) -> None:
    yard.set(key_max_running=1)
    add(yard, "a" * 20 + "bcd", limit_key="k")
    [running] = yard.claim()
    yard.claim()
    told: Counter[str] = Counter()
    for _ in range(60):
        told[running.payload] += 1
        yard.settle(running)
        [next_] = yard.claim()
        if running.payload != "a":
            add(yard, running.payload, limit_key="k")
        yard.claim()
        running = next_
    assert min(told[key] for key in "abcd") >= 8, told


def test_shares_of_what_is_parked_go_by_weight(yard: Yard) -> None:
    yard.set(key_max_running=1, weights={"b": 3}, fair=True)
    add(yard, "a" * 60, limit_key="k")
    [running] = yard.claim()
    yard.claim()
    add(yard, "b" * 60, limit_key="k")
    told: Counter[str] = Counter()
    for _ in range(40):
        yard.claim()
        yard.settle(running)
        [running] = yard.claim()
        told[running.payload] += 1
    assert 28 <= told["b"] <= 32


def test_shares_behind_the_head_are_forgotten(yard: Yard) -> None:
    add(yard, "abc")
    add(yard, "d" * 10)
    got(yard, 8)
    assert yard.do(lambda connection, _: shares.forget(connection)) == 3
    assert yard.count(share) == 1
    add(yard, "a" * 5)
    assert Counter(got(yard, 4)) == {"a": 2, "d": 2}


def test_many_keys_at_once_are_put_in_one_order(yard: Yard) -> None:
    add(yard, "fedcba" * 5)
    assert yard.count(ready) == 30
    assert Counter(got(yard, 12)) == Counter("abcdef" * 2)


@pytest.mark.parametrize(
    ("limit", "drawn", "lows"), [(1, 0.89, 0), (1, 0.91, 1), (10, 0.0, 1), (20, 0.5, 2), (5, 0.5, 1)]
)
def test_the_lowest_lane_gets_its_tenth_of_a_claim(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, limit: int, drawn: float, lows: int
) -> None:
    """limit / 10 + drawn, rounded down."""
    monkeypatch.setattr(lanes, "chance", lambda: drawn)
    for lane in (LOW, HIGH):
        add(yard, "-" * 30, lane=lane)
    priorities = [one.priority for one in yard.claim(limit=limit)]
    assert priorities == ["high"] * (limit - lows) + ["low"] * lows, "the batch is full, and in order"


def test_what_a_lower_lane_does_not_need_goes_to_the_others(yard: Yard) -> None:
    add(yard, "-", lane=LOW)
    add(yard, "-" * 3, lane=NORMAL)
    add(yard, "-" * 100, lane=HIGH)
    assert Counter(one.priority for one in yard.claim(limit=50)) == {"high": 46, "normal": 3, "low": 1}
    assert Counter(one.priority for one in yard.claim(limit=100)) == {"high": 54}


def test_a_claim_is_full_where_only_low_ones_wait(yard: Yard) -> None:
    add(yard, "-" * 30, lane=LOW)
    assert len(yard.claim(limit=20)) == 20
    assert len(yard.claim(limit=20)) == 10


def test_the_tenth_is_taken_from_all_the_queues_together(yard: Yard) -> None:
    for queue in "xyz":
        add(yard, "-" * 5, lane=LOW, queue=queue)
        add(yard, "-" * 50, lane=HIGH, queue=queue)
    assert Counter(one.priority for one in yard.claim(*"xyz", limit=20)) == {"high": 18, "low": 2}


def test_one_by_one_a_lower_lane_gets_a_tenth(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = count()
    monkeypatch.setattr(lanes, "chance", lambda: next(turns) * 0.7390851 % 1)
    for lane in (LOW, NORMAL, HIGH):
        add(yard, "-" * 200, lane=lane)
    told = Counter(one.priority for _ in range(200) for one in yard.claim())
    assert 16 <= told["low"] <= 24
    assert 14 <= told["normal"] <= 24


def test_limited_queues_have_the_same_lanes(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "chance", lambda: 0.5)
    yard.set(max_running=20)
    for lane in (LOW, HIGH):
        add(yard, "-" * 30, lane=lane)
    assert Counter(one.priority for one in yard.claim(limit=25)) == {"high": 18, "low": 2}


@pytest.mark.parametrize("most", [10, 50])
def test_a_lower_lane_gets_its_tenth_of_what_comes_back(yard: Yard, monkeypatch: pytest.MonkeyPatch, most: int) -> None:
    monkeypatch.setattr(lanes, "chance", Random(7).random)
    yard.set(key_max_running=most)
    add(yard, "-" * 100, lane=LOW, limit_key="k")
    add(yard, "-" * 500, lane=HIGH, limit_key="k")
    told: Counter[str] = Counter()
    running = yard.claim(limit=most)
    yard.claim(limit=100)
    for _ in range(500 // most - 1):
        yard.settle(*running)
        running = yard.claim(limit=most)
        told.update(one.priority for one in running)
    assert 0.07 <= told["low"] / told.total() <= 0.15, told


@pytest.mark.parametrize("limit", [1, 5, 10, 20])
@pytest.mark.parametrize("held_to", [{"max_running": 1}, {"key_max_running": 1}])
def test_where_few_may_start_a_lower_lane_gets_its_tenth_and_no_more(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, limit: int, held_to: dict[str, int]
) -> None:
    drawn = Random(7)
    monkeypatch.setattr(lanes, "chance", drawn.random)
    yard.set(**held_to)
    add(yard, "-" * 30, lane=LOW, limit_key="k")
    add(yard, "-" * 130, lane=HIGH, limit_key="k")
    told: Counter[str] = Counter()
    for _ in range(100):
        [one] = yard.claim(limit=limit)
        yard.claim(limit=limit)  # another worker, who finds nothing and parks
        yard.settle(one)
        told[one.priority] += 1
    assert 4 <= told["low"] <= 18


def test_claims_of_one_transaction_share_what_a_limit_leaves(yard: Yard) -> None:
    yard.set(max_running=5)
    add(yard, "-" * 10)
    leases = yard.claims([Claim(ALICE.id, "w", ["q"], 2, 60) for _ in range(4)])
    assert [len(one) for one in leases] == [2, 2, 1, 0]
