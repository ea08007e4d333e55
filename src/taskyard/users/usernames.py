"""Which usernames there can be, and which one an email suggests."""

import re
import secrets
from collections.abc import Iterator

ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,79}")
RULE = "3 to 80 letters, digits and . _ - only, a letter or digit first."
TRIES = 5
_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9._-]+")


def derived(email: str) -> Iterator[str]:
    """Names made of an email's local part, the nicest first; from the second on they end in something random, so that
    one of them is free."""
    base = _NOT_ALLOWED.sub("-", email.rpartition("@")[0]).lstrip("._-")[:70]
    if ALLOWED.fullmatch(base):
        yield base
    for _ in range(TRIES):
        yield f"{base or 'user'}-{secrets.token_hex(3)}"
