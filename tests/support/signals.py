"""Waiting for what other threads and processes bring about."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
FIRST_S = 0.002  # between two looks: soon at first,
LONGEST_S = 0.02  # then so seldom that the CPU is left to whoever is waited for


def until(true: Callable[[], T], timeout_s: float = 30.0) -> T:
    """What `true` gives once that is something; half a minute is given, as a slow machine is not a fault.

    Raises:
        AssertionError: it is nothing for too long.
    """
    give_up_at = time.monotonic() + timeout_s
    pause_s = FIRST_S
    while not (found := true()):
        assert time.monotonic() < give_up_at, "it did not come true"
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_S)
    return found
