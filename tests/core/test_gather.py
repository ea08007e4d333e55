"""Concurrent requests hand what they want done to one another."""

import threading
from typing import Any

import pytest

from support.signals import until
from support.yard import at_once
from taskyard.core.gather import Gatherer, Pending


class Doing:
    """Doubles numbers, once it is let go; what was done together, and how many batches were under way at most."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.most = 0
        self.go = threading.Event()
        self._lock = threading.Lock()
        self._now = 0

    def __call__(self, batch: list[Pending]) -> None:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
            self.batches.append([one.item for one in batch])
        assert self.go.wait(30)
        for one in batch:
            if one.item < 0:
                one.error = ValueError(one.item)
            one.result = 2 * one.item
        with self._lock:
            self._now -= 1


def submitted(gatherer: Gatherer, item: int) -> threading.Thread:
    thread = threading.Thread(target=lambda: gatherer.submit(Pending(list, item)))
    thread.start()
    return thread


@pytest.mark.parametrize("leaders", [1, 2, 3])
def test_so_many_lead_at_once_and_what_comes_meanwhile_is_done_together(leaders: int) -> None:
    doing = Doing()
    gatherer = Gatherer(doing, 64, leaders)
    threads = []
    for item in range(leaders):
        threads.append(submitted(gatherer, item))
        until(lambda item=item: len(doing.batches) > item)
    threads += [submitted(gatherer, item) for item in range(10, 15)]
    until(lambda: len(gatherer._line) == 5)
    doing.go.set()
    for thread in threads:
        thread.join(30)
    assert doing.batches[:leaders] == [[item] for item in range(leaders)]
    assert sorted(item for batch in doing.batches[leaders:] for item in batch) == [10, 11, 12, 13, 14]
    assert len(doing.batches) <= 2 * leaders
    assert doing.most == leaders


@pytest.mark.parametrize("leaders", [1, 2, 3])
def test_each_gets_its_own_result(leaders: int) -> None:
    doing = Doing()
    doing.go.set()
    gatherer = Gatherer(doing, 3, leaders)

    def some(first: int) -> list[Any]:
        return [gatherer.submit(Pending(list, item)) for item in range(first, first + 300)]

    told = at_once(*[lambda first=first: some(first) for first in range(0, 3000, 300)])
    assert told == [[2 * item for item in range(first, first + 300)] for first in range(0, 3000, 300)]
    assert doing.most <= leaders
    assert max(map(len, doing.batches)) <= 3
    assert sorted(item for batch in doing.batches for item in batch) == list(range(3000))


def test_an_error_is_that_of_its_item_alone() -> None:
    doing = Doing()
    doing.go.set()
    gatherer = Gatherer(doing, 64, 2)
    assert gatherer.submit(Pending(list, 1)) == 2
    with pytest.raises(ValueError, match="-1"):
        gatherer.submit(Pending(list, -1))
    assert gatherer.submit(Pending(list, 2)) == 4
