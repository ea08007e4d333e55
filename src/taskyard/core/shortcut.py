"""Doing for many at once what in general is done step by step, where there is nothing more to do."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

from taskyard.core.db import Database

R = TypeVar("R")

REST_S = 1.0


class Shortcut:
    """Whether it is worth a try: where there was more to do, there soon is again."""

    def __init__(self) -> None:
        self._rests_until = 0.0

    def tried(self, deed: Callable[[], R | None]) -> R | None:
        """What it gives; None: it was not tried, or it found more to do and has done nothing."""
        if time.monotonic() < self._rests_until:
            return None
        found = deed()
        if found is None:
            self._rests_until = time.monotonic() + REST_S
        return found


def shortcut(of: Database, handler: Any) -> Shortcut:
    """That of what this handler does in general."""
    return of.kept((Shortcut, handler), Shortcut)
