"""The grants of POST /v1/auth/token (RFC 6749, sections 4.3 and 6): by password and by refresh token."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, Database
from taskyard.core.errors import Forbidden, Unauthenticated
from taskyard.users import guard, logins, refresh_tokens
from taskyard.users import scopes as policy
from taskyard.users.access_tokens import AccessTokens
from taskyard.users.models import Role, User


@dataclass(frozen=True, slots=True)
class Issuer:
    """What tokens are made with."""

    database: Database
    access_tokens: AccessTokens
    refresh_token_s: int


@dataclass(frozen=True, slots=True)
class Grant:
    """What was granted, as RFC 6749, section 5.1 shows it."""

    access_token: str
    refresh_token: str
    expires_in: int  # seconds
    scope: str
    token_type: str = "Bearer"


def grant(issuer: Issuer, sent: dict[str, Any]) -> Grant:
    """The tokens that a loaded TokenIn asks for."""
    scopes = list(dict.fromkeys(sent.get("scope", "").split())) or None
    if sent["grant_type"] == "password":
        return by_password(issuer, sent["username"], sent["password"], scopes)
    return by_refresh_token(issuer, sent["refresh_token"], scopes)


def by_password(issuer: Issuer, login: str, password: str, scopes: list[str] | None) -> Grant:
    """Tokens for whoever knows a password; with all scopes of the role unless some are asked for.

    Raises:
        Unauthenticated: the name or the password is wrong.
        Limited: too many failures under this name.
        Forbidden: the role does not have these scopes.
    """
    known = logins.check(issuer.database, login, password)
    now = clock.now()
    with transaction.own(issuer.database) as connection:
        user = _locked(connection, known.user_id)
        if user is None or user.password_hash != known.password_hash:
            raise Unauthenticated("The password has just been changed. Log in with the new one.")
        granted = _granted(scopes, list(policy.of_role(Role(user.role))))
        connection.execute(guard.clearing(login))
        secret = refresh_tokens.issue(connection, user.id, granted, now, keep_s=issuer.refresh_token_s)
    return _grant(issuer, user.id, granted, secret, now)


def by_refresh_token(issuer: Issuer, secret: str, scopes: list[str] | None) -> Grant:
    """The next tokens of a login; the access token with fewer scopes where fewer are asked for.

    Raises:
        Unauthenticated: the token does not hold; where it was used before, its whole family is ended.
        Forbidden: the login did not get these scopes.
    """
    now = clock.now()
    with transaction.own(issuer.database) as connection:
        used = refresh_tokens.use(connection, secret, now)
        if used is not None:
            granted = _granted(scopes, sorted(policy.within(used.scopes, used.role), key=used.scopes.index))
            following = refresh_tokens.issue(
                connection, used.user_id, used.scopes, now, keep_s=issuer.refresh_token_s, family_id=used.family_id
            )
    if used is None:
        raise Unauthenticated("This refresh token does not hold: unknown, expired, revoked or used before. Log in.")
    return _grant(issuer, used.user_id, granted, following, now)


def revoke(issuer: Issuer, secret: str) -> None:
    """End the login that this refresh token belongs to; any other text is passed over (RFC 7009, section 2.2)."""
    if secret.startswith(refresh_tokens.PREFIX):
        with transaction.own(issuer.database) as connection:
            refresh_tokens.revoke_family(connection, secret, clock.now())


def _locked(connection: Connection, user_id: str) -> AnyRow | None:
    query = select(User.id, User.role, User.password_hash).where(User.id == user_id)
    return connection.execute(query.with_for_update(read=True)).first()


def _granted(wanted: list[str] | None, held: list[str]) -> list[str]:
    if wanted is None:
        return held
    beyond = policy.beyond(wanted, held)
    if beyond:
        raise Forbidden(f"You may not have these scopes: {', '.join(beyond)}.")
    return wanted


def _grant(issuer: Issuer, user_id: str, scopes: list[str], refresh_token: str, now: datetime) -> Grant:
    access_token = issuer.access_tokens.issue(user_id, scopes, now)
    return Grant(access_token, refresh_token, issuer.access_tokens.lifetime_s, " ".join(scopes))
