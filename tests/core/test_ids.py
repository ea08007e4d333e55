"""Ids sort by the time they were made."""

import time
import uuid

import pytest

from support.yard import at_once
from taskyard.core.ids import canonical, new_id


def test_ids_sort_in_the_order_they_were_made() -> None:
    made = [new_id() for _ in range(10_000)]
    assert made == sorted(set(made))


def test_ids_of_threads_differ_and_sort_within_each() -> None:
    runs = at_once(*[lambda: [new_id() for _ in range(2_000)]] * 4)
    assert all(run == sorted(run) for run in runs)
    assert len({one for run in runs for one in run}) == 8_000


def test_an_id_is_a_uuid_of_version_7_that_tells_its_time() -> None:
    before = time.time_ns() // 1_000_000
    made = uuid.UUID(new_id())
    assert (made.version, made.variant) == (7, uuid.RFC_4122)
    assert before <= made.int >> 80 <= time.time_ns() // 1_000_000 + 1


@pytest.mark.parametrize("text", ["", "x", "0" * 31, "é" * 36, "00000000-0000-7000-8000-00000000000g"])
def test_what_is_no_uuid_has_no_canonical_form(text: str) -> None:
    assert canonical(text) is None
