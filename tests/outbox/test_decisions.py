"""What becomes of a delivery, and how an endpoint fares: tables, with the arithmetic beside them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskyard.outbox import breaker, claim, policy
from taskyard.outbox.breaker import Health
from taskyard.outbox.policy import Answer, Class, Decision, Next, Standing
from taskyard.outbox.tables import Kind

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
H = 3600


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def decided(charged: int = 0, jitter: float = 0, probe: bool = False, left_s: float = 4 * 86_400, **answer: Any) -> Any:
    return policy.decide(Standing(charged, after(left_s)), Answer(**answer), NOW, jitter, probe=probe)


@pytest.mark.parametrize(
    ("charged", "pause_s"),
    [(0, 5), (1, 300), (2, 1800), (3, 2 * H), (4, 5 * H), (5, 10 * H), (6, 14 * H), (7, 20 * H), (8, 24 * H)],
)
def test_the_schedule(charged: int, pause_s: int) -> None:
    assert decided(charged, status=500) == Decision(Next.RETRY, charged=True, at=after(pause_s))
    assert decided(charged, 1, status=500).at == after(pause_s * 1.2)
    assert decided(charged, -1, status=500).at == after(pause_s * 0.8)


def test_the_tenth_try_is_the_last() -> None:
    assert decided(9, status=500) == Decision(Next.FAILED, charged=True)
    assert sum(policy.SCHEDULE_S) == 75 * H + 35 * 60 + 5


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"status": 200}, Class.SUCCESS),
        ({"status": 204}, Class.SUCCESS),
        ({"status": 299}, Class.SUCCESS),
        ({"status": 301}, Class.REFUSED),  # never followed
        ({"status": 304}, Class.REFUSED),
        ({"status": 400}, Class.REFUSED),
        ({"status": 401}, Class.REFUSED),
        ({"status": 403}, Class.REFUSED),
        ({"status": 404}, Class.REFUSED),
        ({"status": 408}, Class.DOWN),
        ({"status": 410}, Class.GONE),
        ({"status": 413}, Class.REFUSED),
        ({"status": 418}, Class.REFUSED),
        ({"status": 422}, Class.REFUSED),
        ({"status": 425}, Class.DOWN),
        ({"status": 429}, Class.LATER),
        ({"status": 500}, Class.DOWN),
        ({"status": 503}, Class.DOWN),
        ({"status": 503, "retry_after_s": 1}, Class.LATER),
        ({"status": 599}, Class.DOWN),
        ({"error": "timeout"}, Class.DOWN),
        ({"error": "dns"}, Class.DOWN),
        ({"error": "tls"}, Class.DOWN),
        ({"status": 200, "error": "reset"}, Class.DOWN),
        ({"error": "blocked_address"}, Class.BLOCKED),
        ({"error": "bad_url"}, Class.BLOCKED),
    ],
)
def test_classes(answer: dict[str, Any], found: Class) -> None:
    assert policy.classify(Answer(**answer)) is found


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_a_refusal_gets_three_tries(status: int) -> None:
    ends = [decided(charged, status=status).next for charged in range(3)]
    assert ends == [Next.RETRY, Next.RETRY, Next.FAILED]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"status": 200}, Decision(Next.DELIVERED, charged=True)),
        ({"status": 410}, Decision(Next.FAILED, charged=True, disable=True)),
        ({"error": "blocked_address"}, Decision(Next.HELD, charged=False)),
        ({"status": 429}, Decision(Next.RETRY, charged=False, at=after(5), pause_s=5)),
        ({"status": 429, "retry_after_s": 60}, Decision(Next.RETRY, charged=False, at=after(60), pause_s=60)),
        ({"status": 429, "retry_after_s": 1e9}, Decision(Next.RETRY, charged=False, at=after(86_400), pause_s=86_400)),
        ({"status": 503, "retry_after_s": 7}, Decision(Next.RETRY, charged=False, at=after(7), pause_s=7)),
        # The hint of another failure counts where it is the longer one: max(5, 60), max(5, 2).
        ({"status": 500, "retry_after_s": 60}, Decision(Next.RETRY, charged=True, at=after(60))),
        ({"status": 500, "retry_after_s": 2}, Decision(Next.RETRY, charged=True, at=after(5))),
    ],
)
def test_decisions(answer: dict[str, Any], expected: Decision) -> None:
    assert decided(**answer) == expected


def test_a_probe_that_finds_nobody_burns_nothing() -> None:
    assert decided(9, probe=True, error="connect") == Decision(Next.RETRY, charged=False, at=after(24 * H))
    assert decided(2, probe=True, status=404) == Decision(Next.FAILED, charged=True), "somebody was there"


def test_no_try_begins_after_the_deadline() -> None:
    assert decided(left_s=5, status=500).next is Next.FAILED
    assert decided(left_s=5.1, status=500).next is Next.RETRY
    assert policy.deadline([0, 60], NOW) == NOW + timedelta(days=4)
    assert policy.deadline([0, *[86_400] * 4], NOW) == after(4 * 86_400 * 1.2 + 3600), "its own, 20 %, an hour"


def test_the_default_schedule_ends_before_the_deadline_however_long_its_pauses_get() -> None:
    longest_s = 272_105 * 1.2  # 75 h 35 min 5 s and 20 %: 90 h 42 min
    assert sum(policy.SCHEDULE_S) * (1 + policy.JITTER) == longest_s
    assert after(longest_s + 3600) < policy.deadline(policy.SCHEDULE_S, NOW) == NOW + timedelta(days=4)


def test_the_breaker_opens_at_the_fifth_failure_and_probes_ever_more_rarely() -> None:
    health = Health()
    for count in range(1, 5):
        health = breaker.after(health, Class.DOWN, NOW, probe=False, error="dns")
        assert (health.failures, health.is_open) == (count, False)
    health = breaker.after(health, Class.DOWN, NOW, probe=False, error="dns")
    assert (health.cap, health.opened_at, health.hold_until) == (1, NOW, after(10))
    assert breaker.after(health, Class.DOWN, NOW, probe=False).hold_until == after(10), "it was on its way already"
    pauses = []
    for _ in range(8):
        health = breaker.after(health, Class.DOWN, NOW, probe=True)
        pauses.append(health.probe_s)
    assert pauses == [20, 40, 80, 160, 320, 640, 900, 900]


@pytest.mark.parametrize(
    ("found", "probe", "still_open"),
    [
        (Class.SUCCESS, True, False),
        (Class.SUCCESS, False, True),  # sent before, answered after
        (Class.REFUSED, True, False),  # somebody is there
        (Class.GONE, True, False),
        (Class.LATER, True, False),
        (Class.DOWN, True, True),
        (Class.BLOCKED, True, True),
    ],
)
def test_what_closes_the_breaker(found: Class, probe: bool, still_open: bool) -> None:
    down = Health(cap=1, failures=5, failing_since=NOW, opened_at=NOW, probe_s=10, hold_until=after(10))
    assert breaker.after(down, found, NOW, probe=probe).is_open is still_open


def test_success_ramps_up() -> None:
    health, caps = Health(cap=1, opened_at=NOW, failures=5), []
    for _ in range(9):
        health = breaker.after(health, Class.SUCCESS, NOW, probe=True)
        caps.append(health.cap)
    assert caps == [2, 3, 4, 5, 6, 7, 8, None, None]


def test_failures_must_follow_one_another() -> None:
    health = Health()
    for found in [Class.DOWN] * 4 + [Class.SUCCESS] + [Class.DOWN] * 4:
        health = breaker.after(health, found, NOW, probe=False)
    assert (health.failures, health.is_open, health.failing_since) == (4, False, NOW)


def test_five_days_of_failing_are_too_much() -> None:
    since = NOW - timedelta(days=5)
    assert Health(failing_since=since).given_up(NOW)
    assert not Health(failing_since=since + timedelta(seconds=1)).given_up(NOW)
    assert not Health().given_up(NOW)


def test_slots_are_shared_70_25_5() -> None:
    assert claim.rooms(400, {}) == {Kind.FIRST: 280, Kind.RETRY: 100, Kind.REPLAY: 20}
    assert claim.rooms(400, {Kind.FIRST: 280, Kind.RETRY: 1}) == {Kind.FIRST: 0, Kind.RETRY: 99, Kind.REPLAY: 20}
    assert claim.rooms(3, {}) == {Kind.FIRST: 2, Kind.RETRY: 1, Kind.REPLAY: 1}


@pytest.mark.parametrize(
    ("kind", "concurrency", "room"),
    [(Kind.FIRST, 8, 8), (Kind.RETRY, 8, 2), (Kind.REPLAY, 8, 1), (Kind.RETRY, 1, 1), (Kind.REPLAY, 100, 5)],
)
def test_the_lanes_of_an_endpoint_share_its_concurrency(kind: Kind, concurrency: int, room: int) -> None:
    assert claim.lane_room(kind, concurrency, 0) == room
