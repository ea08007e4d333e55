"""Waiting for what other threads and processes bring about."""

import time
from collections.abc import Callable


def until(condition: Callable[[], bool]) -> None:
    """Look again and again until it is so, for half a minute at most: a slow machine is not a fault."""
    give_up_at = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up_at, "it does not come to pass"
        time.sleep(0.002)
