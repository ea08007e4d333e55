"""What is over goes, in slices, and nothing that is still needed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from support.caller import Caller
from support.post_office import PostOffice
from taskyard.core.clock import FrozenClock
from taskyard.dispatcher.duties import all_duties
from taskyard.events.tables import event, pending_event
from taskyard.outbox import retention
from taskyard.outbox.models import Endpoint
from taskyard.outbox.tables import delivery, delivery_attempt, gate

Make = Callable[..., dict[str, Any]]
Happen = Callable[..., str]
ENDPOINTS: Any = Endpoint.__table__
DAY = 86_400


def forget(office: PostOffice, what: str, keep_s: int) -> int:
    run = getattr(retention, f"forget_{what}")
    return int(office.do(lambda connection, now: run(connection, keep_s, now)))


def test_deliveries_go_with_their_tries_and_then_their_events(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint()
    happen()
    office.send(status=200)
    assert forget(office, "events", DAY) == forget(office, "deliveries", DAY) == 0
    time.advance(DAY + 1)
    waits = happen()
    office.fan_out()
    assert forget(office, "events", DAY) == 0, "a delivery of it is still there"
    assert forget(office, "deliveries", 0) == 0, "for ever"
    assert forget(office, "deliveries", DAY) == 1
    assert office.rows(delivery_attempt) == []
    assert forget(office, "events", DAY) == 1
    assert [row.id for row in office.rows(event)] == [waits]


def test_an_event_that_is_pending_stays(office: PostOffice, happen: Happen, time: FrozenClock) -> None:
    happen()
    time.advance(DAY + 1)
    assert forget(office, "events", DAY) == 0
    assert len(office.rows(pending_event)) == 1


def test_tries_may_go_before_their_delivery(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint()
    happen()
    office.send(status=500)
    time.advance(DAY + 1)
    assert forget(office, "attempts", 0) == 0
    assert forget(office, "attempts", DAY) == 1
    assert len(office.rows(delivery)) == 1


def test_a_removed_endpoint_goes_after_its_deliveries(
    office: PostOffice, endpoint: Make, happen: Happen, alice: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "SLICE", 2)
    id_ = endpoint()["id"]
    for _ in range(3):
        happen()
    office.fan_out()
    claimed = office.claim()
    alice.delete(f"/v1/endpoints/{id_}")
    remove = partial(office.do, lambda connection, _now: retention.forget_endpoints(connection))
    assert [remove() for _ in range(4)] == [2, 1, 1, 0]
    assert office.rows(ENDPOINTS) == office.rows(gate) == office.rows(delivery) == []
    assert office.settle(*claimed, status=200) == 0


def test_the_deadline_of_what_is_blocked_lets_nothing_pass_what_is_open(
    office: PostOffice, endpoint: Make, happen: Happen, time: FrozenClock
) -> None:
    endpoint(ordering="strict", retry_delays_s=[0], timeout_s=60)
    for _ in range(3):
        happen()
    office.fan_out()
    time.advance(4 * DAY - 10)
    [first] = office.claim()
    time.advance(10)
    assert office.end_overdue() == 2
    assert office.statuses() == ["sending", "failed", "failed"]
    office.settle(first, status=200)
    assert office.claim() == []


def test_dispatchers_do_all_of_it() -> None:
    names = {duty.name for duty in all_duties(idempotency_s=60)}
    assert names >= {"reap-deliveries", "end-deliveries", "replay", "remove-endpoints"}
    assert names >= {"forget-deliveries", "forget-attempts", "forget-events"}
