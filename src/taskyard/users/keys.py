"""API keys: made (the secret is shown once), listed and revoked by whoever they belong to, or by an admin."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from taskyard.core import clock, transaction
from taskyard.core.crypto import digest, new_secret
from taskyard.core.db import database, db
from taskyard.core.errors import Fault, Forbidden, Invalid, NotFound
from taskyard.users import scopes
from taskyard.users.actor import Actor
from taskyard.users.models import Key, Role, User
from taskyard.users.remembered import actors

PREFIX = "ty"
HINT_CHARS = 7


def make(user_id: str, name: str, given: list[str], expires_at: datetime | None = None) -> tuple[Key, str]:
    """A key that is not stored yet, and its secret."""
    secret = new_secret(PREFIX)
    fields = {"user_id": user_id, "name": name, "scopes": given, "expires_at": expires_at}
    return Key(**fields, hint=secret[:HINT_CHARS], digest=digest(secret)), secret


def create(actor: Actor, sent: dict[str, Any]) -> tuple[Key, str]:
    """Make a key for oneself, or as an admin for another; returns it with its secret. `sent` is a loaded KeyIn.

    Raises:
        Forbidden: it would have scopes that the caller does not have itself, outlive its key, or be for another.
        Invalid: it would be expired, its user is not there, or the user's role does not have its scopes.
    """
    user_id = str(sent.get("user_id", actor.user_id))
    if user_id != actor.user_id and not actor.manages_users:
        raise Forbidden("Only admins make keys for others.")
    missing = scopes.beyond(sent["scopes"], actor.scopes)
    if missing:
        raise Forbidden(f"A key cannot have scopes that your credentials lack: {', '.join(missing)}.")
    expires_at = _within_life(actor, _expiry(sent, clock.now()))
    _check_user(user_id, sent["scopes"])
    key, secret = make(user_id, sent["name"], sent["scopes"], expires_at)
    db.session.add(key)
    db.session.flush()
    return key, secret


def _expiry(sent: dict[str, Any], now: datetime) -> datetime | None:
    if "expires_in_s" in sent:
        return now + timedelta(seconds=sent["expires_in_s"])
    expires_at: datetime | None = sent.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise Invalid([Fault("Must be in the future.", pointer="/expires_at")])
    return expires_at


def _within_life(actor: Actor, expires_at: datetime | None) -> datetime | None:
    """When a key may end that was made with this key: with that one at the latest."""
    last = db.session.execute(select(Key.expires_at).where(Key.id == actor.key_id)).scalar()
    if last is not None and expires_at is not None and expires_at > last:
        raise Forbidden("A key cannot outlive the key it is made with.")
    return expires_at or last


def _check_user(user_id: str, wanted: list[str]) -> None:
    # Locked, so that the user is still there when the key is stored.
    role = db.session.execute(select(User.role).where(User.id == user_id).with_for_update(read=True)).scalar()
    if role is None:
        raise Invalid([Fault("There is no such user.", pointer="/user_id")])
    check_role(Role(role), wanted)


def check_role(role: Role, wanted: list[str]) -> None:
    """Raises:
    Invalid: somebody of this role cannot have these scopes.
    """
    beyond = scopes.beyond(wanted, scopes.of_role(role))
    if beyond:
        raise Invalid([Fault(f"The role `{role}` does not have: {', '.join(beyond)}.", pointer="/scopes")])


def get(actor: Actor, key_id: str) -> Key:
    """Raises:
    NotFound: there is no such key, or it is not the actor's.
    """
    query = select(Key).where(Key.id == key_id)
    if not actor.manages_users:
        query = query.where(Key.user_id == actor.user_id)
    found = db.session.execute(query).scalar()
    if found is None:
        raise NotFound("There is no such key.")
    return found


def page(actor: Actor, query: dict[str, Any], after_id: str | None) -> list[Key]:
    """The keys of a user, oldest first; one more than `limit`.

    Raises:
        Forbidden: somebody asks for the keys of another.
    """
    user_id = actor.user_id if query["user"] == "me" else query["user"].lower()
    if user_id != actor.user_id and not actor.manages_users:
        raise Forbidden("Only admins see the keys of others. Ask for user=me.")
    wanted = select(Key).where(Key.user_id == user_id).order_by(Key.id).limit(query["limit"] + 1)
    if after_id is not None:
        wanted = wanted.where(Key.id > after_id)
    return list(db.session.execute(wanted).scalars())


def revoke(actor: Actor, key_id: str) -> None:
    """End a key; one that has ended stays as it is.

    Raises:
        NotFound: there is no such key, or it is not the actor's.
    """
    key = get(actor, key_id)
    if key.revoked_at is None:
        key.revoked_at = clock.now()
        db.session.flush()
        transaction.afterwards(actors(database()).forget)
