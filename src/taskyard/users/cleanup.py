"""What of users' data is of no use any more."""

from sqlalchemy import Connection

from taskyard.core import clock
from taskyard.users import guard, refresh_tokens


def forget_ended(connection: Connection) -> int:
    """Remove failed logins that no longer count and refresh tokens that have expired; returns how many."""
    now = clock.now()
    return guard.forget(connection, now) + refresh_tokens.forget(connection, now)
