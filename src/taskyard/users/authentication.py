"""From a bearer token to an actor: API keys (random, hashed) and short-lived signed tokens."""

import threading
import time

from sqlalchemy import bindparam, select, update

from taskyard.core import clock, transaction
from taskyard.core.crypto import digest
from taskyard.core.db import Database
from taskyard.core.errors import Unauthenticated
from taskyard.users.actor import Actor
from taskyard.users.models import Key, Role, User

KEY_PREFIX = "ty"
CACHE_SIZE = 10_000
USE_RECORDED_EVERY_S = 60

_FIND_KEY = (
    select(Key.id, Key.user_id, Key.scopes, Key.expires_at, Key.revoked_at, Key.last_used_at, User.role)
    .join(User, User.id == Key.user_id)
    .where(Key.digest == bindparam("digest"))
)


class Authenticator:
    """Knows who a token belongs to. Answers are kept for a few seconds, so another process may honour a revoked key
    that long; in this process `forget` ends it at once."""

    def __init__(self, database: Database, *, cache_s: float) -> None:
        self._database = database
        self._cache_s = cache_s
        self._cache: dict[str, tuple[float, Actor]] = {}
        self._lock = threading.Lock()

    def __call__(self, token: str) -> Actor:
        """Raises:
        Unauthenticated: the token is unknown, expired or revoked.
        """
        found = self._cache.get(token)
        if found is not None and found[0] > time.monotonic():
            return found[1]
        actor = self._by_key(token)
        with self._lock:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[token] = (time.monotonic() + self._cache_s, actor)
        return actor

    def forget(self) -> None:
        """Look everybody up anew: something about users, keys or tokens has changed."""
        self._cache.clear()

    def _by_key(self, token: str) -> Actor:
        with self._database.read.connect() as connection:
            row = connection.execute(_FIND_KEY, {"digest": digest(token)}).first()
        now = clock.now()
        if row is None or row.revoked_at is not None:
            raise Unauthenticated("This API key is not known, or it was revoked.")
        if row.expires_at is not None and row.expires_at <= now:
            raise Unauthenticated("This API key has expired.")
        if row.last_used_at is None or (now - row.last_used_at).total_seconds() > USE_RECORDED_EVERY_S:
            with transaction.own(self._database) as connection:
                connection.execute(update(Key).where(Key.id == row.id).values(last_used_at=now))
        return Actor(row.user_id, Role(row.role), frozenset(row.scopes), row.id)
