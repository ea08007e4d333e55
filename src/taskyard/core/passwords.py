"""Passwords as argon2id hashes (RFC 9106, with argon2-cffi's defaults: 64 MiB, three passes).

Hashing takes about 0.1 s: never do it inside a transaction or while a connection is held.
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from taskyard.core.aside import aside

T = TypeVar("T")
AT_ONCE = 4  # each takes 64 MiB and all of a core
hasher = PasswordHasher()
_turns = threading.BoundedSemaphore(AT_ONCE)


def hashed(password: str) -> str:
    """What to store of a password."""
    return _in_turn(lambda: hasher.hash(password))


def matches(password: str, stored: str | None) -> bool:
    """Whether this is the password that was stored; where there is none (None) the answer takes as long, and is no."""

    def check() -> bool:
        if stored is None:
            hasher.hash(password)
            return False
        try:
            return hasher.verify(stored, password)
        except VerifyMismatchError:
            return False

    return _in_turn(check)


def _in_turn(work: Callable[[], T]) -> T:
    with _turns:
        return aside(work)
