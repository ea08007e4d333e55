"""API keys: what both forms know of whoever calls, and for how long they remember it."""

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from fastapi import HTTPException, status
from fastapi.security import HTTPBearer
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload

from bench.fastapi_twin.models import Key

CACHE_S = 5.0  # as long as Taskyard remembers them
bearer = HTTPBearer()


@dataclass(frozen=True, slots=True)
class Actor:
    user_id: str
    role: str
    scopes: frozenset[str]

    def sees(self, owner_id: str) -> bool:
        return self.role != "user" or self.user_id == owner_id

    def require(self, scopes: list[str]) -> None:
        if not self.scopes.issuperset(scopes):
            raise HTTPException(status.HTTP_403_FORBIDDEN, "These credentials lack a scope.")


class Cache:
    """Actors by token."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, Actor]] = {}

    def get(self, token: str) -> Actor | None:
        found = self._kept.get(token)
        return found[1] if found and found[0] > time.monotonic() else None

    def put(self, token: str, actor: Actor) -> Actor:
        self._kept[token] = (time.monotonic() + CACHE_S, actor)
        return actor


def by_token(token: str) -> Select[Any]:
    digest = hashlib.sha256(token.encode()).hexdigest()
    return select(Key).where(Key.digest == digest).options(joinedload(Key.user))


def actor(key: Key | None) -> Actor:
    """Whose key this is.

    Raises:
        HTTPException: nobody's, or not any more.
    """
    if key is None or key.revoked_at is not None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "This API key is not known, or it was revoked.")
    if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "This API key has expired.")
    return Actor(key.user_id, key.user.role, frozenset(key.scopes))
