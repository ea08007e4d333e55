"""Refresh tokens: each is used once and followed by the next of its family (RFC 9700, section 4.14)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, delete, insert, select, update

from taskyard.core.crypto import digest, new_secret
from taskyard.core.ids import new_id
from taskyard.users.models import RefreshToken, Role, User

PREFIX = "tyr"


@dataclass(frozen=True, slots=True)
class Used:
    """A refresh token that held, and is used now."""

    user_id: str
    family_id: str
    scopes: list[str]
    role: Role


def issue(
    connection: Connection, user_id: str, scopes: list[str], now: datetime, *, keep_s: int, family_id: str | None = None
) -> str:
    """A new token, the first of its family unless told otherwise. Only its digest is kept."""
    secret = new_secret(PREFIX)
    row = {"user_id": user_id, "family_id": family_id or new_id(), "digest": digest(secret), "scopes": scopes}
    kept = {"created_at": now, "expires_at": now + timedelta(seconds=keep_s)}
    connection.execute(insert(RefreshToken).values(**row, **kept))
    return secret


def use(connection: Connection, secret: str, now: datetime) -> Used | None:
    """Use a token, or None where it does not hold; using one a second time ends its family, as one of the two who
    have it stole it. Commit in either case."""
    if not secret.startswith(PREFIX):
        return None
    found = connection.execute(
        select(User.role, User.tokens_since)
        .select_from(RefreshToken)
        .join(User, User.id == RefreshToken.user_id)
        .where(RefreshToken.digest == digest(secret))
        # The user first: a change of password waits until the next token is there to be ended, or is seen here.
        .with_for_update(read=True, of=User)
    ).first()
    if found is None:
        return None
    change = (
        update(RefreshToken)
        .where(RefreshToken.digest == digest(secret), RefreshToken.used_at.is_(None), RefreshToken.revoked_at.is_(None))
        .where(RefreshToken.expires_at > now, RefreshToken.created_at >= found.tokens_since)
        .values(used_at=now)
        .returning(RefreshToken.user_id, RefreshToken.family_id, RefreshToken.scopes)
    )
    row = connection.execute(change).first()
    if row is None:
        revoke_family(connection, secret, now)
        return None
    return Used(*row, Role(found.role))


def revoke_family(connection: Connection, secret: str, now: datetime) -> None:
    """End all tokens that came from the same login as this one; what is no refresh token of ours is passed over."""
    family = select(RefreshToken.family_id).where(RefreshToken.digest == digest(secret)).scalar_subquery()
    connection.execute(_revoking(now).where(RefreshToken.family_id == family))


def revoking_all_of(user_id: str, now: datetime) -> Update:
    """The statement that ends all tokens of a user; run it after the change of the user's own row (see `use`)."""
    return _revoking(now).where(RefreshToken.user_id == user_id)


def _revoking(now: datetime) -> Update:
    return update(RefreshToken).where(RefreshToken.revoked_at.is_(None)).values(revoked_at=now)


def forget(connection: Connection, now: datetime) -> int:
    """Remove those that have expired; returns how many."""
    return connection.execute(delete(RefreshToken).where(RefreshToken.expires_at <= now)).rowcount
