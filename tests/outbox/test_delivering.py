"""From an event to its end at each endpoint: fan-out, claims, answers, breaker, order, bounds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from support.caller import Caller
from support.post_office import PostOffice
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.events.tables import pending_event
from taskyard.outbox import gates, settle
from taskyard.outbox.policy import Answer
from taskyard.outbox.settle import Tried
from taskyard.outbox.tables import Kind, delivery, delivery_attempt, gate, lane

Make = Callable[..., dict[str, Any]]
Happen = Callable[..., str]


def test_an_event_reaches_each_endpoint_that_asks_for_it(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    wanted = {endpoint(event_types=types)["id"] for types in (["*"], ["shop.*"], ["shop.paid"], ["shop.paid", "a.b"])}
    endpoint(event_types=["shop.paid.more", "shop", "task.*"][2:])
    event_id = happen("shop.paid", {"n": 1})
    assert office.fan_out() == 1
    claimed = office.claim()
    assert {one.endpoint.id for one in claimed} == wanted
    assert {one.event["id"] for one in claimed} == {event_id}
    assert claimed[0].event["data"] == {"n": 1}
    assert office.settle(*claimed, status=204) == 4
    assert office.statuses() == ["delivered"] * 4
    assert office.rows(pending_event) == []
    assert office.in_flight() == (0, 0)


def test_a_filter_lets_through_what_it_is_true_for(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    endpoint(filter="data.n > `1` && type == 'shop.paid'")
    sent = [happen("shop.paid", data) for data in ({"n": 1}, {"n": 2}, None, [1], {"n": "x"})]
    office.fan_out()
    assert [one.event["id"] for one in office.claim()] == [sent[1]]


def test_another_owners_events_are_not_heard_but_by_moderators_who_ask(
    office: PostOffice, endpoint: Make, bob: Caller, mia: Caller
) -> None:
    endpoint()
    hers = {"url": "https://example.com/", "event_types": ["shop.*"]}
    every = mia.post("/v1/endpoints", {**hers, "every_owner": True}).json["id"]
    mia.post("/v1/endpoints", hers)
    bob.post("/v1/events", {"type": "shop.paid", "data": 1})
    office.fan_out()
    assert [one.endpoint.id for one in office.claim()] == [every]


def test_what_is_claimed_is_claimed_once(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    endpoint()
    happen()
    office.fan_out()
    assert len(office.claim()) == 1
    assert office.claim() == []
    assert office.in_flight() == (1, 1)


def test_a_retry_waits_in_its_lane_and_the_tries_are_kept(
    office: PostOffice, endpoint: Make, happen: Happen, alice: Caller, time: FrozenClock
) -> None:
    endpoint(retry_delays_s=[0, 10])
    happen()
    [first] = office.send(status=500)
    [row] = office.rows(delivery)
    assert (row.status, row.lane, row.error, row.tries) == ("waiting", Kind.RETRY, "http_500", 1)
    assert office.claim() == []
    time.advance(12.1)  # 10 s and up to 20 % more
    [second] = office.claim()
    assert (second.kind, second.tries, second.event["id"]) == (Kind.RETRY, 2, first.event["id"])
    office.settle(second, error="timeout")
    whole = alice.get(f"/v1/deliveries/{row.id}").json
    assert (whole["status"], whole["error"]) == ("failed", "timeout")
    assert [(one["number"], one["status"], one["error"]) for one in whole["attempts"]] == [
        (1, 500, None),
        (2, None, "timeout"),
    ]


def test_one_settling_takes_many_ends(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    made = [endpoint(event_types=[f"shop.{number}"], retry_delays_s=[0, 60])["id"] for number in range(3)]
    for number in (0, 0, 1, 1, 2):
        happen(f"shop.{number}")
    office.fan_out()
    claimed = sorted(office.claim(), key=lambda one: made.index(one.endpoint.id))
    answers = [Answer(200), Answer(500), Answer(200), Answer(200), Answer(410)]
    tried = [Tried(one, clock.now(), answer, {}) for one, answer in zip(claimed, answers, strict=True)]
    assert office.do(settle.settle, tried) == 5
    status = {row.id: row.status for row in office.rows(delivery)}
    assert [status[one.id] for one in claimed] == ["delivered", "waiting", "delivered", "delivered", "failed"]
    assert office.in_flight() == (0, 0)
    fares = {row.endpoint_id: row for row in office.rows(gate)}
    assert [fares[id_].failures for id_ in made] == [1, 0, 0]
    assert [fares[id_].last_error for id_ in made] == ["http_500", None, "http_410"]


def test_it_is_known_when_each_kind_of_lane_is_next_due(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    def due() -> dict[Kind, Any]:
        with office.database.read.connect() as connection:
            return gates.due(connection)

    endpoint()
    assert due() == {}
    happen()
    office.fan_out()
    assert due() == {Kind.FIRST: office.rows(delivery)[0].due_at}
    office.settle(*office.claim(), status=500)
    assert due() == {Kind.RETRY: office.rows(delivery)[0].due_at}


def test_a_dead_dispatchers_deliveries_come_back_and_it_can_no_longer_settle_them(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint()
    event_id = happen()
    office.fan_out()
    [lost] = office.claim()
    time.advance(44)
    assert office.reap() == 0, "15 s of time-out and 30 s to spare"
    time.advance(2)
    assert office.reap() == 1
    assert office.in_flight() == (0, 0)
    [again] = office.claim()
    assert (again.event["id"], again.tries) == (event_id, 2)
    assert office.settle(lost, status=200) == 0
    assert office.settle(again, status=200) == 1
    assert office.in_flight() == (0, 0)


def test_five_failures_open_the_breaker_and_one_delivery_probes(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint(concurrency=100)
    for _ in range(20):
        happen()
    office.fan_out()
    claimed = office.claim()
    office.settle(*claimed[:4], error="connect")
    assert office.rows(gate)[0].opened_at is None
    office.settle(*claimed[4:], error="connect")
    assert office.rows(gate)[0].opened_at is not None
    charged = sum(row.charged for row in office.rows(delivery))
    assert charged == 20
    assert office.claim() == [], "it is down: what waits, waits"
    for pause in (10, 20, 40, 80, 160, 320, 640, 900, 900):
        time.advance(pause - 1)
        assert office.claim() == []
        time.advance(1.001)
        [probe] = office.claim()
        assert probe.probe
        office.settle(probe, error="connect")
    assert sum(row.charged for row in office.rows(delivery)) == charged, "probes burn nothing"
    time.advance(901)
    for size in (1, 2, 4, 8):
        claimed = office.claim()
        assert len(claimed) == size
        office.settle(*claimed, status=200)
    assert office.rows(gate)[0].opened_at is None


def test_one_slow_down_pauses_the_endpoint_and_costs_nothing(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint()
    happen()
    office.send(status=429, retry_after_s=60)
    happen()
    office.fan_out()
    assert office.claim() == []
    assert [row.charged for row in office.rows(delivery)] == [0, 0]
    time.advance(59)
    assert office.claim() == []
    time.advance(1.001)
    assert len(office.claim()) == 2


def test_gone_disables_the_endpoint_and_tells_it(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    gone = endpoint()
    endpoint(event_types=["endpoint.disabled"])
    happen()
    happen()
    office.fan_out()
    first, *_ = office.claim({Kind.FIRST: 1})
    office.settle(first, status=410)
    assert office.claim() == [], "what waits is kept"
    [told] = office.send(status=200)
    assert told.event["type"] == "endpoint.disabled"
    assert told.event["data"]["endpoint_id"] == gone["id"]


def test_five_days_of_failing_disable_it_and_resuming_lets_it_go_on(
    office: PostOffice, endpoint: Make, happen: Happen, alice: Caller, time: FrozenClock
) -> None:
    id_ = endpoint()["id"]
    happen()
    office.send(status=500)
    time.advance(timedelta(days=5).total_seconds())
    happen()
    office.send(status=500)
    shown = alice.get(f"/v1/endpoints/{id_}").json
    assert shown["disabled_reason"] == "It failed for five days."
    happen()
    office.fan_out()
    assert len(office.rows(delivery)) == 2, "a disabled endpoint gets no new ones: a replay brings them"
    assert alice.post(f"/v1/endpoints/{id_}/resume").status_code == 200
    time.advance(7)
    assert len(office.claim()) == 1, "gently"


def test_concurrency_is_held_over_all_dispatchers(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    endpoint(concurrency=3)
    for _ in range(10):
        happen()
    office.fan_out()
    one, other = office.claim(), office.claim()
    assert (len(one), len(other)) == (3, 0)
    office.settle(one[0], status=200)
    assert len(office.claim()) == 1


def test_a_rate_is_held(office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock) -> None:
    endpoint(rate_per_s=2, concurrency=100)
    for _ in range(9):
        happen()
    time.advance(10)
    office.fan_out()
    sent = 0
    for second in range(1, 4):
        for _ in range(4):
            claimed = office.claim()
            sent += len(claimed)
            office.settle(*claimed, status=200) if claimed else None
        assert sent == 2 * second, "a second's worth is saved up at most"
        time.advance(1)


@pytest.mark.parametrize(("ordering", "width"), [("none", 6), ("key", 2), ("strict", 1)])
def test_order_is_kept_as_asked(
    office: PostOffice, endpoint: Make, happen: Happen, ordering: str, width: int, time: FrozenClock
) -> None:
    endpoint(ordering=ordering, retry_delays_s=[0, 1, 1])
    sent = [happen(key=key) for key in ("a", "b", "a", "b", "a", "b")]
    office.fan_out()
    seen: list[str] = []
    first = office.claim()
    assert len(first) == width
    office.settle(*first, status=503)
    assert office.claim() == [], "what comes after waits for the retry"
    while len(seen) < 6:
        time.advance(2)
        claimed = office.claim()
        assert len(claimed) <= width
        office.settle(*claimed, status=200)
        seen += [one.event["id"] for one in claimed]
    if ordering == "strict":
        assert seen == sent
    assert [one for one in seen if one in sent[::2]] == sent[::2] or ordering == "none"


def test_replays_and_retries_leave_first_tries_their_slots(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint(concurrency=20)
    for _ in range(30):
        happen()
    office.fan_out()
    office.set(delivery, lane=Kind.REPLAY.value)
    office.set(lane, next_due=None)
    held: dict[str, Any] = {row.endpoint_id: None for row in office.rows(gate)}
    office.do(lambda connection, _now: gates.refresh(connection, held))
    assert len(office.claim()) == 1, "5 % of 20"
    happen()
    office.fan_out()
    assert [one.kind for one in office.claim()] == [Kind.FIRST]


def test_a_black_hole_does_not_hold_up_the_others(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    hole = endpoint(event_types=["hole.x"], concurrency=2)
    endpoint(event_types=["shop.*"])
    for _ in range(40):
        happen("hole.x")
    office.fan_out()
    assert {one.endpoint.id for one in office.claim()} == {hole["id"]}
    event_id = happen("shop.paid")
    office.fan_out()
    assert [one.event["id"] for one in office.claim()] == [event_id]


def test_what_is_past_its_deadline_ends(
    office: PostOffice, endpoint: Make, happen: Happen, alice: Caller, time: FrozenClock
) -> None:
    one, other = endpoint(retry_delays_s=[0]), endpoint(retry_delays_s=[0])
    alice.post(f"/v1/endpoints/{other['id']}/pause")
    happen()
    office.fan_out()
    time.advance(4 * 86_400 - 1)
    assert office.end_overdue() == 0
    time.advance(1)
    assert office.end_overdue() == 2
    ended = {row.endpoint_id: (row.status, row.error) for row in office.rows(delivery)}
    assert ended == {one["id"]: ("failed", "deadline"), other["id"]: ("held", "deadline")}
    assert office.claim() == []


def test_what_policy_blocks_is_held(office: PostOffice, endpoint: Make, happen: Happen) -> None:
    endpoint()
    happen()
    office.send(error="blocked_address")
    assert office.statuses() == ["held"]
    assert [row.charged for row in office.rows(delivery_attempt)] == [0]


def blocked_events(alice: Caller) -> list[Any]:
    return [one["data"] for one in alice.get("/v1/events?type=delivery.blocked").json["events"]]


def test_the_owner_of_what_is_blocked_is_told_once(
    office: PostOffice, endpoint: Make, happen: Happen, alice: Caller
) -> None:
    one = endpoint(event_types=["shop.*"])
    endpoint(event_types=["delivery.*"], url="https://example.com/alerts")
    happen()
    happen()
    office.fan_out()
    first, second = office.claim()
    office.settle(first, second, error="blocked_address")
    told = {"endpoint_id": one["id"], "delivery_id": first.id, "url": one["url"], "reason": "blocked_address"}
    assert blocked_events(alice) == [told]
    happen()
    office.fan_out()
    claimed = office.claim()
    assert sorted(one.event["type"] for one in claimed) == ["delivery.blocked", "shop.paid"]
    office.settle(*claimed, error="blocked_address")
    assert blocked_events(alice) == [told], "nor of an alert that is blocked itself"
    happen()
    office.send(status=200)
    happen()
    office.send(error="blocked_address")
    assert len(blocked_events(alice)) == 2, "something came through in between"


def test_where_nobody_asks_for_it_nothing_is_told(
    office: PostOffice, endpoint: Make, happen: Happen, alice: Caller
) -> None:
    endpoint(event_types=["shop.*"])
    happen()
    office.send(error="blocked_address")
    assert blocked_events(alice) == []
