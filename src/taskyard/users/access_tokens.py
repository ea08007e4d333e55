"""Access tokens: signed, short-lived and kept nowhere (JWT, RFC 7519, HS256)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from taskyard.core import clock
from taskyard.core.errors import Unauthenticated
from taskyard.core.ids import canonical, new_id

ALGORITHMS = ["HS256"]


@dataclass(frozen=True, slots=True)
class Claims:
    user_id: str
    scopes: frozenset[str]
    issued_at: datetime
    expires_at: datetime


class AccessTokens:
    """Issues and reads the tokens that are signed with one key."""

    def __init__(self, key: bytes, lifetime_s: int) -> None:
        self._key = OctKey.import_key(key)
        self.lifetime_s = lifetime_s
        # All of ours have the same: with any other, nothing of a forged header needs to be understood.
        self._header = self.issue("", [], clock.now()).partition(".")[0]

    def issue(self, user_id: str, scopes: list[str], now: datetime) -> str:
        """A token for this user from now on. Times carry their fraction, as a user's tokens end at a moment."""
        at = now.timestamp()
        claims = {"sub": user_id, "scopes": scopes, "iat": at, "exp": at + self.lifetime_s, "jti": new_id()}
        return jwt.encode({"alg": "HS256"}, claims, self._key, ALGORITHMS)

    def read(self, token: str) -> Claims:
        """Raises:
        Unauthenticated: the token is not one of ours, or it has expired.
        """
        if token.partition(".")[0] != self._header:
            raise Unauthenticated("This token is not valid.")
        try:
            claims = jwt.decode(token, self._key, ALGORITHMS).claims
        except (JoseError, ValueError) as error:
            raise Unauthenticated("This token is not valid.") from error
        found = _claims(claims)
        if found.expires_at <= clock.now():
            raise Unauthenticated("This token has expired. Get a new one at POST /v1/auth/token.")
        return found


def _claims(claims: dict[str, Any]) -> Claims:
    """Only what was signed by this server comes here, but another version of it may have written other claims."""
    try:
        issued_at, expires_at = (datetime.fromtimestamp(claims[name], UTC) for name in ("iat", "exp"))
        found = Claims(canonical(claims["sub"]) or "", frozenset(claims["scopes"]), issued_at, expires_at)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        raise Unauthenticated("This token is not valid.") from error
    if not found.user_id:
        raise Unauthenticated("This token is not valid.")
    return found
