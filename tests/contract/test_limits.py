"""Limits of queues and keys: what runs at once, how many start in a time, and that nobody else waits for it."""

import pytest
from sqlalchemy import select

from support.yard import Yard
from taskyard.core.clock import FrozenClock
from taskyard.queue import limits
from taskyard.queue.leases import Lease
from taskyard.queue.limit_tables import limit_key, parked
from taskyard.queue.tables import lease, ready


def keys(leases: list[Lease]) -> list[str]:
    return [str(one.payload) for one in leases]


def add(yard: Yard, *letters: str, **fields: object) -> list[str]:
    """A task for each letter, which is its limit key and its payload; `-` has none."""
    return [
        yard.add(payload=letter, limit_key=None if letter == "-" else letter, **fields)
        for word in letters
        for letter in word
    ]


def test_no_more_of_a_key_run_than_may_and_others_pass_by(yard: Yard) -> None:
    yard.set(key_max_running=2)
    add(yard, "aaaab-ab")
    first = yard.claim(limit=10)
    assert keys(first) == list("aab-b")
    assert (yard.count(parked), yard.count(ready)) == (3, 0)
    assert yard.claim(limit=10) == []


def test_what_is_parked_comes_back_as_soon_as_one_of_its_key_ends(yard: Yard) -> None:
    yard.set(key_max_running=1)
    add(yard, "aaabb")
    a, b = yard.claim(limit=10)
    [told] = yard.settle(a)
    assert keys(yard.claim(limit=10)) == ["a"]
    yard.settle(b, outcome="failed", retry_in_s=60)
    assert keys(yard.claim(limit=10)) == ["b"]
    assert yard.count(parked) == 1
    assert told.status == "succeeded"


def test_what_comes_back_is_the_first_of_its_key_and_first_in_line(yard: Yard) -> None:
    yard.set(key_max_running=1)
    ids = add(yard, "aaa")
    [held] = yard.claim()
    yard.claim(limit=5)
    others = add(yard, "--")
    yard.settle(held)
    assert [one.task_id for one in yard.claim(limit=3)] == [ids[1], *others]


def test_a_lease_that_is_reaped_lets_the_next_one_in(yard: Yard, time: FrozenClock) -> None:
    yard.set(key_max_running=1)
    ids = add(yard, "aa", on_lost="hold")
    yard.claim(limit=2, lease_s=10)
    time.advance(11)
    yard.reap()
    assert [one.task_id for one in yard.claim(limit=2)] == ids[1:]


def test_a_queue_has_a_limit_as_a_whole_and_what_waits_for_it_stays_in_line(yard: Yard) -> None:
    yard.set(max_running=3)
    add(yard, "ab---")
    leases = yard.claim(limit=10)
    assert keys(leases) == list("ab-")
    assert (yard.count(ready), yard.count(parked)) == (2, 0)
    yard.settle(leases[0])
    assert len(yard.claim(limit=10)) == 1


def test_the_head_of_the_line_is_never_blocked(yard: Yard) -> None:
    yard.set(key_max_running=1)
    add(yard, "a" * 2000)
    add(yard, "b")
    got = [one for _ in range(5) for one in yard.claim(limit=5)]
    assert sorted(keys(got)) == ["a", "b"], "each claim puts 500 aside at most"
    assert yard.count(parked) == 1999


# At most 3 in 60 s: the moment of a claim for 10, and how many it gets.
@pytest.mark.parametrize(
    "moments",
    [
        [(0, 3), (59, 0), (60, 3), (61, 0), (120, 3)],
        [(0, 1), (30, 1), (59, 1), (59.9, 0), (60, 1), (61, 0), (90, 1)],
        [(0, 3), (1, 0), (59.9, 0), (60, 3), (119, 0), (120, 3)],
    ],
    ids=["at once", "spread", "window by window"],
)
def test_a_rate_counts_in_any_window(yard: Yard, time: FrozenClock, moments: list[tuple[float, int]]) -> None:
    yard.set(key_rate_count=3, key_rate_per_s=60)
    add(yard, "a" * 20)
    at = 0.0
    spread = moments[1][1] == 1
    for moment, expected in moments:
        time.advance(moment - at)
        at = moment
        yard.release()
        got = yard.claim(limit=1 if spread else 10)
        assert len(got) == expected, moment


def test_a_rate_of_a_queue_leaves_its_tasks_in_line_until_then(yard: Yard, time: FrozenClock) -> None:
    yard.set(rate_count=2, rate_per_s=1)
    add(yard, "--ab")
    assert keys(yard.claim(limit=10)) == ["-", "-"]
    assert yard.claim() == []
    assert yard.count(ready) == 2
    time.advance(1)
    assert keys(yard.claim(limit=10)) == ["a", "b"]


def test_tasks_that_wait_for_their_rate_are_released_when_it_allows_it(yard: Yard, time: FrozenClock) -> None:
    yard.set(key_rate_count=2, key_rate_per_s=60)
    add(yard, "aaaaa")
    yard.settle(*yard.claim(limit=5))
    yard.claim(limit=5)  # parks what settling has let back
    time.advance(59)
    assert yard.release() == 0
    time.advance(1)
    assert yard.release() == 2
    assert len(yard.claim(limit=5)) == 2


def test_limits_change_at_run_time(yard: Yard) -> None:
    add(yard, "aaaaaa")
    assert len(yard.claim(limit=2)) == 2, "no limit so far"
    yard.set(key_max_running=3)
    assert len(yard.claim(limit=10)) == 1, "two run already"
    yard.set(key_max_running=4)
    assert yard.release() == 1
    assert len(yard.claim(limit=10)) == 1
    yard.set(key_max_running=None)
    assert yard.release() == 2
    assert len(yard.claim(limit=10)) == 2


def test_a_lower_limit_ends_nothing_and_lets_nothing_in(yard: Yard) -> None:
    yard.set(max_running=4)
    add(yard, "-" * 8)
    leases = yard.claim(limit=10)
    yard.set(max_running=2)
    yard.settle(*leases[:2])
    assert yard.claim(limit=10) == []
    yard.settle(leases[2])
    assert len(yard.claim(limit=10)) == 1


def test_a_key_has_limits_of_its_own(yard: Yard) -> None:
    yard.set(key_max_running=1)
    yard.set_key("a", max_running=3)
    add(yard, "aaaabb")
    assert keys(yard.claim(limit=10)) == list("aaab")


def test_a_key_can_be_limited_where_the_others_are_not(yard: Yard) -> None:
    yard.set_key("a", max_running=1)
    add(yard, "aabb")
    assert keys(yard.claim(limit=10)) == list("abb")


def test_a_paused_key_lets_nothing_start_until_it_is_resumed(yard: Yard, time: FrozenClock) -> None:
    yard.set_key("a", paused_at=time.now())
    ids = add(yard, "aab")
    assert keys(yard.claim(limit=10)) == ["b"]
    time.advance(3600)
    assert yard.release() == 0
    yard.set_key("a", paused_at=None)
    assert yard.release() == 2
    assert [one.task_id for one in yard.claim(limit=10)] == ids[:2]


def test_a_key_of_which_nothing_is_set_any_more_is_forgotten(yard: Yard, time: FrozenClock) -> None:
    yard.set(key_max_running=5)
    for key in "abc":
        yard.set_key(key, max_running=1)
    yard.set_key("a", max_running=None)
    yard.set_key("b", max_running=None, paused_at=time.now())
    yard.release()  # a look, as what was parked of them may come back
    time.advance(7201)
    assert yard.do(limits.forget) == 1
    with yard.database.read.connect() as connection:
        assert set(connection.execute(select(limit_key.c.key)).scalars()) == {"", "b", "c"}


def test_a_queue_without_limits_writes_nothing_down(yard: Yard) -> None:
    add(yard, "aab")
    yard.settle(*yard.claim(limit=10))
    assert (yard.count(limit_key), yard.count(parked)) == (0, 0)


def test_limited_and_other_queues_are_claimed_together(yard: Yard) -> None:
    yard.set("q", key_max_running=1)
    add(yard, "aa", lane=1)
    add(yard, "bb", lane=0, queue="other")
    assert keys(yard.claim("q", "other", limit=10)) == list("bba")


def test_what_was_missed_is_looked_at_again_after_a_while(yard: Yard, time: FrozenClock) -> None:
    """The one running ended between being counted and the parking, so it has let nothing back."""
    yard.set(key_max_running=1)
    add(yard, "aa")
    yard.claim(limit=2)
    with yard.database.write.begin() as connection:
        connection.execute(lease.delete())
    assert yard.claim() == []
    time.advance(2)
    assert yard.release() == 1
    assert len(yard.claim()) == 1


@pytest.mark.parametrize("deed", ["cancel", "change", "expire", "priority"])
def test_a_parked_task_can_be_dealt_with_like_any_that_waits(yard: Yard, time: FrozenClock, deed: str) -> None:
    yard.set(key_max_running=1)
    [_, task_id] = add(yard, "aa", expires_at=time.now().replace(year=2090))
    [held] = yard.claim(limit=2)
    assert yard.count(parked) == 1
    assert yard.task(task_id).status == "queued"
    if deed == "cancel":
        assert yard.cancel(task_id) == "cancelled"
    elif deed == "change":
        assert yard.change(task_id, payload="2")
        assert yard.count(parked) == 1
    elif deed == "priority":
        assert yard.change(task_id, lane=0)
    else:
        time.advance(70 * 366 * 86400)
        yard.extend(held, lease_s=60)
        assert yard.expire() == [task_id]
    assert yard.count(parked) == (deed == "change")
    yard.settle(held)
    assert len(yard.claim()) == (deed in {"change", "priority"})


def test_a_retry_of_a_parked_kind_is_judged_anew(yard: Yard) -> None:
    yard.set(key_max_running=1)
    add(yard, "aa")
    [first] = yard.claim(limit=2)
    yard.settle(first, outcome="released")
    assert (yard.count(ready), yard.count(parked)) == (2, 0)
    assert len(yard.claim(limit=2)) == 1


def test_a_start_of_a_process_whose_clock_is_behind_counts_after_the_others(yard: Yard, time: FrozenClock) -> None:
    yard.set(rate_count=2, rate_per_s=1)
    add(yard, "----")
    yard.claim()
    time.advance(-0.5)
    yard.claim()
    with yard.database.read.connect() as connection:
        first, second = connection.execute(select(lease.c.leased_at)).scalars()
    assert first == second
    time.advance(1.4)
    assert yard.claim() == []
