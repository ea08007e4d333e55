"""Replays: what was missed goes out again, in slices, and a replay goes on where it was."""

from collections.abc import Callable
from typing import Any

from support.caller import Caller
from support.post_office import PostOffice
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.core.types import instant_to_text
from taskyard.outbox.tables import Kind, delivery

Make = Callable[..., dict[str, Any]]
Happen = Callable[..., str]


def replay(alice: Caller, endpoint_id: str, **settings: Any) -> dict[str, Any]:
    since = settings.pop("since", "2026-01-01T00:00:00Z")
    made = alice.post(f"/v1/endpoints/{endpoint_id}/replays", {"since": since, **settings})
    assert made.status_code == 202, made.json
    found: dict[str, Any] = made.json
    return found


def test_what_was_not_delivered_goes_out_again_with_the_same_id(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    id_ = endpoint(retry_delays_s=[0])["id"]
    lost = happen()
    office.send(status=500)
    happen()
    office.send(status=200)
    time.advance(1)
    started = replay(alice, id_)
    assert office.replay() == 2
    [again] = office.claim()
    assert (again.kind, again.event["id"]) == (Kind.REPLAY, lost)
    office.settle(again, status=200)
    done = alice.get(f"/v1/replays/{started['id']}").json
    assert (done["state"], done["seen"], done["replayed"]) == ("done", 2, 1)


def test_a_new_endpoint_can_have_what_happened_before_it(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    sent = [happen("shop.paid"), happen("other.thing"), happen("shop.sent")]
    office.fan_out()
    time.advance(1)
    id_ = endpoint(event_types=["shop.*"], concurrency=100)["id"]
    replay(alice, id_, which="all")
    office.replay()
    assert {one.event["id"] for one in office.claim()} == {sent[0], sent[2]}


def test_a_replay_keeps_its_rate_and_goes_on_where_it_was(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    id_ = endpoint(concurrency=100)["id"]
    for _ in range(5):
        happen()
    office.send(status=200)
    time.advance(1)
    started = replay(alice, id_, which="all", rate_per_s=2)
    assert office.replay() == 2
    assert office.replay() == 0, "not before a second has passed"
    assert alice.post(f"/v1/replays/{started['id']}/pause").json["state"] == "paused"
    time.advance(5)
    assert office.replay() == 0
    alice.post(f"/v1/replays/{started['id']}/resume")
    assert office.replay() == 2
    time.advance(1)
    assert office.replay() == 1
    assert [row.lane for row in office.rows(delivery)] == [Kind.REPLAY] * 5
    assert alice.post(f"/v1/replays/{started['id']}/pause").status_code == 409
    assert alice.post(f"/v1/replays/{started['id']}/cancel").status_code == 409


def test_a_replay_is_bounded_by_time_types_and_filter(
    alice: Caller, office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    id_ = endpoint()["id"]
    happen("shop.paid", {"n": 1})
    time.advance(10)
    since = instant_to_text(clock.now())
    wanted = happen("shop.paid", {"n": 1})
    happen("shop.paid", {"n": 2})
    happen("shop.sent", {"n": 1})
    time.advance(10)
    until = instant_to_text(clock.now())
    happen("shop.paid", {"n": 1})
    office.send(status=200)
    replay(alice, id_, since=since, until=until, which="all", event_types=["shop.paid"], filter="data.n == `1`")
    office.replay()
    assert [one.event["id"] for one in office.claim()] == [wanted]


def test_bad_input_is_refused(alice: Caller, endpoint: Make) -> None:
    path = f"/v1/endpoints/{endpoint()['id']}/replays"
    for body in ({}, {"since": "now"}, {"since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z"}):
        assert alice.post(path, body).status_code == 422
    for bad in ({"rate_per_s": 0}, {"which": "some"}, {"filter": "("}, {"event_types": ["x"]}):
        assert alice.post(path, {"since": "2026-01-01T00:00:00Z", **bad}).status_code == 422


def test_an_endpoint_has_ten_open_replays_at_most(alice: Caller, endpoint: Make) -> None:
    id_ = endpoint()["id"]
    for _ in range(10):
        replay(alice, id_)
    refused = alice.post(f"/v1/endpoints/{id_}/replays", {"since": "2026-01-01T00:00:00Z"})
    assert refused.status_code == 409
    assert len(alice.get(f"/v1/endpoints/{id_}/replays").json["replays"]) == 10
