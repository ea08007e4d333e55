"""Ids that sort by the time they were made: UUID version 7 (RFC 9562, section 5.7)."""

import os
import threading
import time
import uuid

NIL = "00000000-0000-0000-0000-000000000000"  # RFC 9562, section 5.9: nobody's id, before all others
_VARIANT = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))  # two bits of chance below the two of RFC 9562
_lock = threading.Lock()
_last = 0


def _ticks(count: int) -> range:
    """Milliseconds since 1970 and 12 bits of their fraction, in numbers that only grow within this process."""
    global _last
    ms, rest = divmod(time.time_ns(), 1_000_000)
    now = (ms << 12) | (rest * 4096 // 1_000_000)
    with _lock:
        first = max(now, _last + 1)
        _last = first + count - 1
    return range(first, first + count)


def new_id() -> str:
    """A new UUIDv7 in its canonical text form; ids made one after the other in a process sort in that order."""
    return new_ids(1)[0]


def new_ids(count: int) -> list[str]:
    """So many of them, in their order."""
    drawn = os.urandom(8 * count).hex()
    return [_id(f"{tick:015x}", drawn[16 * n : 16 * (n + 1)]) for n, tick in enumerate(_ticks(count))]


def _id(tick: str, drawn: str) -> str:
    return f"{tick[:8]}-{tick[8:12]}-7{tick[12:]}-{_VARIANT[drawn[0]]}{drawn[1:4]}-{drawn[4:]}"


def canonical(text: str) -> str | None:
    """The canonical form of a UUID somebody sent, or None where it is none."""
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
