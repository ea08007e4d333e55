"""When a task still holds its key, as a table."""

from datetime import UTC, datetime, timedelta

import pytest

from taskyard.queue.unique import OPEN, holds

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SOON, BEFORE = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)


@pytest.mark.parametrize(
    ("status", "statuses", "until", "held"),
    [
        ("queued", OPEN, None, True),
        ("running", OPEN, None, True),
        ("scheduled", OPEN, BEFORE, True),  # a window that is over takes nothing away
        ("succeeded", OPEN, None, False),
        ("succeeded", [*OPEN, "succeeded"], None, True),
        ("failed", [*OPEN, "succeeded"], None, False),
        ("failed", OPEN, SOON, True),  # whatever becomes of it, until the window is over
        ("failed", OPEN, NOW, False),  # which it is at its very end
        ("queued", [], SOON, True),
        ("queued", [], NOW, False),  # a window alone: what is still open does not count
        (None, OPEN, SOON, False),  # it was deleted
    ],
)
def test_a_task_holds_its_key(status: str | None, statuses: list[str], until: datetime | None, held: bool) -> None:
    assert holds(status, statuses, until, NOW) is held
