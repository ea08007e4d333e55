"""Long lists in portions: a statement takes no more than 32,766 parameters on SQLite, 65,535 on PostgreSQL."""

from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")
PORTION = 5000  # items of two parameters each


def portions(items: list[T]) -> Iterator[list[T]]:
    for start in range(0, len(items), PORTION):
        yield items[start : start + PORTION]
