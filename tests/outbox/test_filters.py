"""The filter of an endpoint is run on every event of its owner: it may fail, but not hold up the others."""

import time

from taskyard.outbox.filters import hears, passes

EVENT = {"type": "task.failed", "data": {"command": "resize", "attempts": 3}}


def test_an_event_is_heard_by_its_type_and_by_what_the_filter_says() -> None:
    assert hears(["task.*"], "data.command == 'resize'", EVENT)
    assert not hears(["task.*"], "data.command == 'mail'", EVENT)
    assert not hears(["task.succeeded"], None, EVENT)


def test_what_cannot_be_worked_out_is_no() -> None:
    assert not passes("join(', ', data.attempts)", EVENT)


def test_a_filter_that_doubles_a_value_again_and_again_ends_soon() -> None:
    began_at = time.monotonic()
    assert not passes(" | ".join(["[@, @]"] * 40), EVENT)
    assert time.monotonic() - began_at < 10
