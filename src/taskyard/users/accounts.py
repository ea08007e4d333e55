"""Users: made, found, changed and removed by admins."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from taskyard.core import clock, passwords, transaction
from taskyard.core.conflicts import naming_conflicts, violated
from taskyard.core.db import database, db
from taskyard.core.errors import Conflict, NotFound, Stale
from taskyard.users import refresh_tokens, usernames
from taskyard.users.actor import Actor
from taskyard.users.models import Role, User
from taskyard.users.remembered import actors

USERNAME_TAKEN = "This username is taken."


def create(actor: Actor, sent: dict[str, Any]) -> User:
    """Make a user. `sent` is a loaded UserIn.

    Raises:
        Conflict: the username or the email is taken.
    """
    actor.require(Role.ADMIN)
    return add(db.session(), columns(sent))


def columns(sent: dict[str, Any]) -> dict[str, Any]:
    """What is stored of what was sent. Call it before anything is written: a password takes 0.1 s to hash."""
    fields = dict(sent)
    if "email" in fields:
        fields["email_key"] = fields["email"].casefold()
    if "password" in fields:
        password = fields.pop("password")
        fields["password_hash"] = None if password is None else passwords.hashed(password)
    return fields


def add(session: Session, fields: dict[str, Any]) -> User:
    """Store a new user of these columns; without a username it gets one after its email.

    Raises:
        Conflict: the username or the email is taken.
    """
    given = fields.get("username")
    with _naming_conflicts():
        for name in [given] if given else usernames.derived(fields["email"]):
            user = User(**{**fields, "username": name})
            try:
                with session.begin_nested():
                    session.add(user)
                return user
            except IntegrityError as error:
                if given or violated(error) != "uq_user_username":
                    raise
    raise Conflict(USERNAME_TAKEN)


@contextmanager
def _naming_conflicts() -> Iterator[None]:
    try:
        with naming_conflicts(
            uq_user_username=USERNAME_TAKEN, uq_user_email_key="A user with this email exists already."
        ):
            yield
    except StaleDataError as error:
        raise Stale("The user was changed by somebody else at the same moment. Read it again.") from error


def get(actor: Actor, user_id: str) -> User:
    """Raises:
    NotFound: there is no such user.
    """
    actor.require(Role.ADMIN)
    return find(user_id)


def find(user_id: str) -> User:
    user = db.session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def page(actor: Actor, query: dict[str, Any], after_id: str | None) -> list[User]:
    """Users in the order they were made, one more than `limit`. `query` is a loaded UserQuery."""
    actor.require(Role.ADMIN)
    wanted = select(User).order_by(User.id).limit(query["limit"] + 1)
    if after_id is not None:
        wanted = wanted.where(User.id > after_id)
    if "email" in query:
        wanted = wanted.where(User.email_key == query["email"].casefold())
    if "q" in query:
        wanted = wanted.where(User.name.istartswith(query["q"], autoescape=True))
    same = {name: query[name] for name in ("role", "username") if name in query}
    return list(db.session.execute(wanted.filter_by(**same)).scalars())


def change(actor: Actor, user_id: str, sent: dict[str, Any], version: int | None) -> User:
    """Change a user. `sent` is a loaded UserPatch, `version` the one If-Match names.

    Raises:
        Stale: the user has another version by now.
        Conflict: the username or the email is taken, or nobody would be left to administrate.
    """
    actor.require(Role.ADMIN)
    fields = columns(sent)
    user = get(actor, user_id)
    check_version(user, version)
    if fields.get("role", user.role) != user.role == Role.ADMIN:
        _leave_an_admin(user.id)
    apply(user, fields)
    return user


def check_version(user: User, version: int | None) -> None:
    if version is not None and version != user.version:
        raise Stale(f"The user has version {user.version} by now. Read it again.")


def apply(user: User, fields: dict[str, Any]) -> None:
    """Change columns of a user; a new password ends its tokens."""
    now = clock.now()
    for name, value in fields.items():
        setattr(user, name, value)
    if "password_hash" in fields:
        user.tokens_since = now
    with _naming_conflicts():
        db.session.flush()
    if "password_hash" in fields:
        db.session.execute(refresh_tokens.revoking_all_of(user.id, now))
    transaction.afterwards(actors(database()).forget)


def remove(actor: Actor, user_id: str, version: int | None) -> None:
    """Remove a user with its keys and tokens; its tasks stay.

    Raises:
        Stale: the user has another version by now.
        Conflict: it is the last admin.
    """
    user = get(actor, user_id)
    check_version(user, version)
    if user.role == Role.ADMIN:
        _leave_an_admin(user.id)
    db.session.delete(user)
    with _naming_conflicts():
        db.session.flush()
    transaction.afterwards(actors(database()).forget)


def _leave_an_admin(but: str) -> None:
    """Hold all admins until the commit, so that two admins cannot remove each other (on SQLite the write lock does it).

    Raises:
        Conflict: there would be none left.
    """
    query = select(User.id).where(User.role == Role.ADMIN).order_by(User.id).with_for_update()
    if list(db.session.execute(query).scalars()) == [but]:
        raise Conflict("This is the last admin. Make somebody else an admin first.")
