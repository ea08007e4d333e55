"""Many small things in few requests, none of which the server finds too large."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from taskyard.client.resources import Extension, Report

T = TypeVar("T", Extension, Report)
MOST = 100
MOST_BYTES = 1_500_000  # the server takes 2 MiB; a single result may have 1 MiB


def slices(parts: Sequence[T]) -> Iterator[list[T]]:
    found: list[T] = []
    size = 0
    for part in parts:
        if found and (len(found) == MOST or size + len(part.encoded) > MOST_BYTES):
            yield found
            found, size = [], 0
        found.append(part)
        size += len(part.encoded) + 1
    if found:
        yield found
