"""What can be done by one statement is not tried for a while after it could not."""

import pytest

from taskyard.core import shortcut
from taskyard.core.shortcut import Shortcut


def test_after_more_was_to_do_it_is_not_tried_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[int | None] = [1, None, 2]
    tried = Shortcut()
    assert tried.tried(lambda: found.pop(0)) == 1
    assert tried.tried(lambda: found.pop(0)) is None
    assert tried.tried(lambda: found.pop(0)) is None
    assert found == [2], "it rests"
    monkeypatch.setattr(shortcut, "REST_S", 0.0)
    tried = Shortcut()
    found.insert(0, None)
    assert tried.tried(lambda: found.pop(0)) is None
    assert tried.tried(lambda: found.pop(0)) == 2
