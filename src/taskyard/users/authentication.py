"""From a bearer token to an actor: API keys (random, hashed) and short-lived signed access tokens."""

from datetime import datetime
from math import inf

import structlog
from sqlalchemy import bindparam, select, update
from sqlalchemy.exc import SQLAlchemyError

from taskyard.core import clock, transaction
from taskyard.core.crypto import digest
from taskyard.core.db import Database
from taskyard.core.errors import TaskyardError, Unauthenticated
from taskyard.users import scopes
from taskyard.users.access_tokens import AccessTokens
from taskyard.users.actor import Actor
from taskyard.users.models import Key, Role, User
from taskyard.users.remembered import actors

log = structlog.get_logger("taskyard.users")
USE_RECORDED_EVERY_S = 60

_FIND_KEY = (
    select(Key.id, Key.user_id, Key.scopes, Key.expires_at, Key.revoked_at, Key.last_used_at, User.role)
    .join(User, User.id == Key.user_id)
    .where(Key.digest == bindparam("digest"))
)
_FIND_USER = select(User.role, User.tokens_since).where(User.id == bindparam("id"))


class Authenticator:
    """Knows who a token belongs to. Answers are kept for a few seconds, so another process may honour a revoked key
    that long; in this process `forget` ends it at once."""

    def __init__(self, database: Database, access_tokens: AccessTokens, *, cache_s: float) -> None:
        self._database = database
        self._access_tokens = access_tokens
        self._cache_s = cache_s
        self._actors = actors(database)

    def __call__(self, token: str) -> Actor:
        """Raises:
        Unauthenticated: the token is unknown, expired or revoked.
        """
        known = self._actors.get(token)
        if known is not None:
            return known
        generation = self._actors.generation
        actor, expires_at = self._by_access_token(token) if token.count(".") == 2 else self._by_key(token)
        left_s = inf if expires_at is None else (expires_at - clock.now()).total_seconds()
        self._actors.put(token, actor, min(self._cache_s, left_s), generation)
        return actor

    def _by_key(self, token: str) -> tuple[Actor, datetime | None]:
        with self._database.read.connect() as connection:
            row = connection.execute(_FIND_KEY, {"digest": digest(token)}).first()
        now = clock.now()
        if row is None or row.revoked_at is not None:
            raise Unauthenticated("This API key is not known, or it was revoked.")
        if row.expires_at is not None and row.expires_at <= now:
            raise Unauthenticated("This API key has expired.")
        if row.last_used_at is None or (now - row.last_used_at).total_seconds() > USE_RECORDED_EVERY_S:
            self._record_use(row.id, now)
        role = Role(row.role)
        return Actor(row.user_id, role, scopes.within(row.scopes, role), row.id), row.expires_at

    def _record_use(self, key_id: str, now: datetime) -> None:
        """A note, not part of the deed: where nothing can be written, people read on."""
        try:
            with transaction.own(self._database) as connection:
                connection.execute(update(Key).where(Key.id == key_id).values(last_used_at=now))
        except (SQLAlchemyError, TaskyardError) as error:
            log.warning("the use of a key could not be recorded", key_id=key_id, error=str(error))

    def _by_access_token(self, token: str) -> tuple[Actor, datetime]:
        claims = self._access_tokens.read(token)
        with self._database.read.connect() as connection:
            user = connection.execute(_FIND_USER, {"id": claims.user_id}).first()
        if user is None or claims.issued_at < user.tokens_since:
            raise Unauthenticated("This token was ended: its user is gone, or the password was changed.")
        role = Role(user.role)
        return Actor(claims.user_id, role, scopes.within(claims.scopes, role)), claims.expires_at
