"""A rate's window, with the arithmetic beside it."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from taskyard.queue.window import SLOTS, Rate, Window

BEGAN = datetime(2026, 11, 3, 12, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def started(rate: Rate, *seconds: float) -> Window:
    window = Window(rate, None, BEGAN)
    for moment in seconds:
        window = Window(rate, window.slots, after(moment))
        window.add()
    return window


@pytest.mark.parametrize(
    ("starts", "now", "left", "free_s"),
    [
        ((), 0, 3, 0),
        ((0,), 0, 2, 0),
        ((0, 0, 0), 0, 0, 60),
        ((0, 0, 0), 59.999, 0, 60),
        ((0, 0, 0), 60, 3, 60),  # a window of 60 s that begins at 0 ends just before 60
        ((0, 30, 59), 59, 0, 60),
        ((0, 30, 59), 60, 1, 60),
        ((0, 30, 59), 90, 2, 90),
        ((58.5, 58.7, 59.9), 100, 0, 118.7),  # 58.5 and 58.7 are in one slot of 1.2 s, from 57.6 on
    ],
)
def test_a_start_counts_for_a_whole_window(starts: tuple[float, ...], now: float, left: int, free_s: float) -> None:
    window = Window(Rate(3, 60), started(Rate(3, 60), *starts).slots, after(now))
    assert (window.left, window.free_at()) == (left, after(free_s))


@pytest.mark.parametrize("rate", [Rate(1, 1), Rate(7, 1), Rate(100, 60), Rate(5, 3600)])
def test_no_window_wherever_it_begins_holds_more_than_its_rate(rate: Rate) -> None:
    chance = random.Random(7)
    window, starts, at = Window(rate, None, BEGAN), [], 0.0
    while len(starts) < 20 * rate.count:
        at += chance.expovariate(3 * rate.count / rate.per_s)  # three times as many as may start
        window = Window(rate, window.slots, after(at))
        if window.left:
            window.add()
            starts.append(window.at)
    for first, over in zip(starts, starts[rate.count :], strict=False):
        assert over - first >= timedelta(seconds=rate.per_s)
    slowest = (starts[-1] - starts[0]) / len(starts)
    assert slowest <= timedelta(seconds=rate.per_s / rate.count * (1 + 1 / SLOTS) * 1.6), "it is used up"
    assert len(window.slots) <= SLOTS + 1


def test_a_lower_rate_waits_until_enough_have_left_the_window() -> None:
    slots = started(Rate(5, 60), 0, 10, 20, 30, 40).slots
    window = Window(Rate(2, 60), slots, after(45))
    assert (window.left, window.free_at()) == (0, after(90)), "of 0, 10, 20, 30 and 40 the first four have to leave"


def test_a_clock_that_is_behind_counts_from_the_latest_start() -> None:
    window = Window(Rate(3, 60), started(Rate(3, 60), 10).slots, after(9))
    assert window.at == after(10)
