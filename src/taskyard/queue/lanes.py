"""Priorities: higher ones first, but on average one task in ten goes first to each lower one that has something.

It is drawn by chance for each claim, so that nothing has to be remembered and no pattern of claims can starve a lane.
"""

import random
from collections.abc import Callable
from itertools import groupby

from taskyard.queue.lifecycle import PRIORITIES

SHARE = 0.1
TURNS = 10  # starts among which each lower lane has one
LOWER = sorted(PRIORITIES, reverse=True)[:-1]

chance: Callable[[], float] = random.random  # tests give one in


def first_to_lower(limit: int) -> list[tuple[int, int]]:
    """The lanes that come first in a claim of up to `limit` tasks, the lowest one first, each with its number."""
    drawn = [(lane, int(limit * SHARE + chance())) for lane in LOWER]
    return [(lane, number) for lane, number in drawn if number]


def turns(limit: int) -> list[tuple[int, int]]:
    """The same start by start, for a claim of which a limit may let start any part: whatever part, the share holds.

    Less exactly so the more may start, as each turn is a statement: among 10, 10, 20, 40 of them and so on.
    """
    order: list[int] = []
    while len(order) < limit:
        size = max(TURNS, len(order))
        some = [min(PRIORITIES)] * (size - size // TURNS * len(LOWER))
        for lane in LOWER:
            at = int((len(some) + 1) * chance())
            some[at:at] = [lane] * (size // TURNS)
        order += some
    return [(lane, len(list(run))) for lane, run in groupby(order[:limit])]
