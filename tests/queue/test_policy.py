"""What happens next to a task, as tables with the arithmetic beside them."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskyard.queue import policy
from taskyard.queue.lifecycle import Status
from taskyard.queue.policy import Decision, End, Retry, Run

NOW = datetime(2030, 1, 1, tzinfo=UTC)
NO_BACKOFF = {"kind": "constant", "base_s": 0}

EXPONENTIAL = {"kind": "exponential", "base_s": 5, "cap_s": 60}
LINEAR = {"kind": "linear", "base_s": 10, "cap_s": 35}
CONSTANT = {"kind": "constant", "base_s": 30, "cap_s": 3600}
DELAYS: list[tuple[dict[str, Any] | None, int, float]] = [
    (None, 1, 5),  # the default: 5 · 2⁰
    (None, 2, 10),  # 5 · 2¹
    (None, 5, 80),  # 5 · 2⁴
    (None, 10, 2560),  # 5 · 2⁹
    (None, 11, 3600),  # 5 · 2¹⁰ = 5120, capped at an hour
    (None, 10_000, 3600),  # 2⁹⁹⁹⁹ is no float: the exponent stops at 60
    (EXPONENTIAL, 1, 5),
    (EXPONENTIAL, 4, 40),  # 5 · 2³
    (EXPONENTIAL, 5, 60),  # 5 · 2⁴ = 80, capped
    (LINEAR, 1, 10),  # 10 · 1
    (LINEAR, 3, 30),  # 10 · 3
    (LINEAR, 4, 35),  # 10 · 4 = 40, capped
    (CONSTANT, 1, 30),
    (CONSTANT, 99, 30),
    ({"kind": "exponential", "base_s": 0.5}, 3, 2),  # 0.5 · 2²
    ({"kind": "exponential", "base_s": 5}, 99, 3600),  # a cap of an hour where none is given
    ({"kind": "constant", "base_s": 7200}, 1, 7200),  # which does not cut the base
    ({"kind": "linear", "base_s": 7200}, 2, 7200),
    ({"kind": "exponential", "base_s": 7200, "cap_s": 600}, 1, 600),  # one that is given does
    (NO_BACKOFF, 1, 0),
    ({"kind": "list", "delays_s": [1, 5, 30]}, 1, 1),
    ({"kind": "list", "delays_s": [1, 5, 30]}, 3, 30),
    ({"kind": "list", "delays_s": [1, 5, 30]}, 99, 30),  # the last one goes on
    ({"kind": "list", "delays_s": [7200]}, 1, 7200),  # what is listed is meant: no cap
]
JITTERS = [
    ({"kind": "constant", "base_s": 100}, 90, 110),  # a tenth where none is given
    ({"kind": "constant", "base_s": 100, "jitter": 0}, 100, 100),
    ({"kind": "constant", "base_s": 100, "jitter": 0.5}, 50, 150),  # 100 ± 50 %
    ({"kind": "list", "delays_s": [10], "jitter": 1}, 0, 20),
]


class Even(random.Random):
    """Chance that always lies in the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


class Highest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return b


class Lowest(random.Random):
    def uniform(self, a: float, b: float) -> float:
        return a


@pytest.mark.parametrize(("backoff", "failures", "seconds"), DELAYS)
def test_the_delay_grows_as_its_kind_says(backoff: dict[str, Any] | None, failures: int, seconds: float) -> None:
    assert policy.delay_s(backoff, failures, Even()) == seconds
    assert policy.delay_s(backoff, failures, Lowest()) == pytest.approx(seconds * 0.9)
    assert policy.delay_s(backoff, failures, Highest()) == pytest.approx(seconds * 1.1)


def test_delays_lie_within_a_tenth_and_differ() -> None:
    drawn = {policy.delay_s(CONSTANT, 1) for _ in range(200)}
    assert min(drawn) >= 27  # 30 · 0.9
    assert max(drawn) <= 33  # 30 · 1.1
    assert len(drawn) > 100


@pytest.mark.parametrize(("backoff", "lowest", "highest"), JITTERS)
def test_the_jitter_is_a_part_of_the_delay(backoff: dict[str, Any], lowest: float, highest: float) -> None:
    assert policy.delay_s(backoff, 1, Lowest()) == pytest.approx(lowest)
    assert policy.delay_s(backoff, 1, Highest()) == pytest.approx(highest)


@pytest.mark.parametrize(
    ("backoff", "seconds"),
    [
        (None, None),
        ({"kind": "constant", "base_s": 1}, None),
        ({"kind": "constant", "base_s": 1, "max_duration_s": 0}, 0),  # no retry but one that is due at once
        ({"kind": "list", "delays_s": [1], "max_duration_s": 90.5}, 90.5),
    ],
)
def test_retries_end_a_duration_after_the_task_could_first_run(
    backoff: dict[str, Any] | None, seconds: float | None
) -> None:
    expected = None if seconds is None else NOW + timedelta(seconds=seconds)
    assert policy.retry_until(backoff, NOW) == expected


def run(**fields: Any) -> Run:
    known = {"failures": 0, "crashes": 0, "max_attempts": 3, "on_lost": "retry", "backoff": NO_BACKOFF}
    return Run(**{**known, "cancelled": False, **fields})


def again(seconds: float = 0) -> Retry:
    return Retry(NOW + timedelta(seconds=seconds))


FAILED, LOST, CANCELLED = End(Status.FAILED), End(Status.LOST), End(Status.CANCELLED)


@pytest.mark.parametrize(
    ("of", "retry_in_s", "decision"),
    [
        (run(), None, again()),  # 1 of 3
        (run(failures=1), None, again()),  # 2 of 3
        (run(failures=2), None, FAILED),  # 3 of 3
        (run(failures=9), None, FAILED),  # max_attempts was lowered meanwhile
        (run(max_attempts=1), None, FAILED),  # 1 of 1
        (run(), 90.5, again(90.5)),  # the worker's word before the backoff
        (run(), 0, again()),  # at once is a word, too
        (run(failures=2), 90, FAILED),  # but no further attempt comes of it
        (run(crashes=2), None, again()),  # crashes count apart
        (run(on_lost="fail"), None, again()),  # on_lost says nothing of failures
        (run(cancelled=True), None, CANCELLED),
        (run(cancelled=True, failures=2), 5, CANCELLED),
    ],
)
def test_after_a_failure(of: Run, retry_in_s: float | None, decision: Decision) -> None:
    assert policy.after_failure(of, NOW, retry_in_s=retry_in_s) == decision


@pytest.mark.parametrize(
    ("of", "decision"),
    [
        (run(max_attempts=99), FAILED),  # 98 attempts are left, and none is made
        (run(cancelled=True), CANCELLED),
    ],
)
def test_after_a_failure_that_is_not_to_be_retried(of: Run, decision: Decision) -> None:
    assert policy.after_failure(of, NOW, retry=False) == decision


IN_A_MINUTE = NOW + timedelta(seconds=60)


@pytest.mark.parametrize(
    ("retry_in_s", "decision"),
    [
        (59, again(59)),
        (60, again(60)),  # due just then
        (60.000001, FAILED),
        (None, again()),  # the backoff of 0 s
    ],
)
def test_no_retry_is_due_after_its_time(retry_in_s: float | None, decision: Decision) -> None:
    assert policy.after_failure(run(retry_until=IN_A_MINUTE), NOW, retry_in_s=retry_in_s) == decision


def test_a_lost_attempt_is_not_retried_after_its_time_either() -> None:
    slow = {"kind": "constant", "base_s": 61, "jitter": 0}
    assert policy.after_loss(run(retry_until=IN_A_MINUTE, backoff=slow), NOW) == FAILED
    assert policy.after_loss(run(retry_until=IN_A_MINUTE), NOW) == again()


def test_a_release_is_no_retry_so_its_time_does_not_matter() -> None:
    over = run(retry_until=NOW - timedelta(days=1))
    assert policy.after_release(over, NOW, retry_in_s=5) == again(5)


@pytest.mark.parametrize(
    ("of", "retry_in_s", "decision"),
    [
        (run(), None, again()),
        (run(), 20, again(20)),
        (run(failures=2, crashes=2), None, again()),  # it counts as neither
        (run(max_attempts=1), None, again()),
        (run(cancelled=True), 20, CANCELLED),
    ],
)
def test_after_a_release(of: Run, retry_in_s: float | None, decision: Decision) -> None:
    assert policy.after_release(of, NOW, retry_in_s=retry_in_s) == decision


@pytest.mark.parametrize(
    ("of", "decision"),
    [
        (run(), again()),  # crash 1
        (run(crashes=1), again()),  # crash 2
        (run(crashes=2), FAILED),  # crash 3 of 3
        (run(crashes=2, max_crashes=4), again()),  # crash 3 of 4
        (run(crashes=3, max_crashes=4), FAILED),  # crash 4 of 4
        (run(max_crashes=1), FAILED),  # crash 1 of 1: a poison task dies early
        (run(max_crashes=1, on_lost="hold"), LOST),
        (run(failures=2, max_attempts=3), again()),  # failures count apart
        (run(max_attempts=1), again()),  # a crash is no failure
        (run(on_lost="hold"), LOST),
        (run(on_lost="hold", crashes=2), LOST),
        (run(on_lost="fail"), FAILED),
        (run(cancelled=True), CANCELLED),
        (run(cancelled=True, on_lost="hold"), CANCELLED),
        (run(cancelled=True, on_lost="fail", crashes=2), CANCELLED),
    ],
)
def test_after_a_loss(of: Run, decision: Decision) -> None:
    assert policy.after_loss(of, NOW) == decision


def test_the_second_crash_waits_as_the_second_failure_would() -> None:
    decision = policy.after_loss(run(crashes=1, backoff={"kind": "exponential", "base_s": 100}), NOW)
    assert isinstance(decision, Retry)
    assert 180 <= (decision.at - NOW).total_seconds() <= 220  # 100 · 2¹ ± 10 %
