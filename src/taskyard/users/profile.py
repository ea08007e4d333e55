"""One's own user: what everybody may see and change of it."""

from typing import Any

from sqlalchemy import select

from taskyard.core.db import database, db
from taskyard.core.errors import Conflict, Fault, Invalid, Unauthenticated
from taskyard.users import accounts, guard, logins
from taskyard.users.actor import Actor
from taskyard.users.models import User


def get(actor: Actor) -> User:
    return accounts.find(actor.user_id)


def change(actor: Actor, sent: dict[str, Any], version: int | None) -> User:
    """Change oneself. `sent` is a loaded ProfilePatch, `version` the one If-Match names.

    Raises:
        Invalid: the current password is wrong.
        Limited: it was wrong too often.
        Conflict: the email is taken, or there is no password to change.
        Stale: the user has another version by now.
    """
    current = sent.pop("current_password", None)
    name = _prove(actor, current) if "password" in sent else None
    fields = accounts.columns(sent)
    user = get(actor)
    accounts.check_version(user, version)
    accounts.apply(user, fields)
    if name is not None:
        db.session.execute(guard.clearing(name))
    return user


def _prove(actor: Actor, password: str) -> str:
    """The username of somebody who knows their password."""
    with database().read.connect() as connection:
        query = select(User.username, User.password_hash).where(User.id == actor.user_id)
        row = connection.execute(query).one()
    if row.password_hash is None:
        raise Conflict("You have no password yet. An admin can give you one.")
    try:
        logins.check(database(), row.username, password)
    except Unauthenticated as error:
        raise Invalid([Fault("This is not your current password.", pointer="/current_password")]) from error
    return str(row.username)
