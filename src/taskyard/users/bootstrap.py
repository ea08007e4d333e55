"""What an operator does without the API: the first admin, and users and keys from the command line."""

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from taskyard.core import transaction
from taskyard.core.conflicts import violated
from taskyard.core.crypto import write_private
from taskyard.core.db import Database
from taskyard.core.errors import Fault, Invalid, NotFound
from taskyard.core.ids import new_id
from taskyard.users import accounts, keys
from taskyard.users import scopes as policy
from taskyard.users.models import Role, User

TOKEN_FILE = "admin.token"
USERNAME = "admin"
TAKEN = {"uq_user_username", "uq_user_email_key"}


def first_admin(database: Database, instance: Path, email: str) -> bool:
    """Make the user `admin` where there is no admin yet, and write its API key to instance/admin.token.

    Of any number of first starts at once exactly one makes it and returns True: the others read that there is one, or
    are told so by the unique constraint on its name.
    """
    if _has_admin(database):
        return False
    user = User(id=new_id(), name="Admin", username=USERNAME, email=email, email_key=email.casefold(), role=Role.ADMIN)
    key, secret = keys.make(user.id, "first admin", list(policy.ALL))
    draft = _draft(instance, secret)
    try:
        with transaction.own(database) as connection, Session(connection) as session:
            for row in (user, key):
                session.add(row)
                session.flush()
            # Before the commit: a start that dies in between leaves a key that does not hold, which the next start
            # replaces, and never an admin whose key nobody has.
            os.replace(draft, instance / TOKEN_FILE)
    except IntegrityError as error:
        if violated(error) in TAKEN and _has_admin(database):
            return False
        raise
    finally:
        draft.unlink(missing_ok=True)
    return True


def _has_admin(database: Database) -> bool:
    with database.read.connect() as connection:
        return connection.execute(select(User.id).where(User.role == Role.ADMIN).limit(1)).first() is not None


def _draft(instance: Path, secret: str) -> Path:
    instance.mkdir(parents=True, exist_ok=True)
    draft = instance / f".{TOKEN_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
    write_private(draft, secret)
    return draft


def create_user(database: Database, sent: dict[str, Any]) -> tuple[str, str]:
    """Make a user and return its id and its username. `sent` has the fields of a loaded UserIn: name, email, and where
    they are given age, role, username and password.

    Raises:
        Conflict: the username or the email is taken.
    """
    fields = accounts.columns(sent)
    with transaction.own(database) as connection, Session(connection) as session:
        user = accounts.add(session, fields)
        return user.id, user.username


def create_key(
    database: Database, username: str, *, name: str, scopes: list[str], expires_at: datetime | None = None
) -> str:
    """Make an API key for a user and return its secret, which is shown this once.

    Raises:
        NotFound: there is no user of this name.
        Invalid: the user's role does not have these scopes, or there are no such scopes.
    """
    unknown = [Fault(f"`{one}` is no scope.", pointer="/scopes") for one in scopes if not policy.known(one)]
    if unknown:
        raise Invalid(unknown)
    with transaction.own(database) as connection, Session(connection) as session:
        user = session.execute(select(User).where(User.username == username)).scalar()
        if user is None:
            raise NotFound(f"There is no user named {username}.")
        keys.check_role(Role(user.role), scopes)
        key, secret = keys.make(user.id, name, scopes, expires_at)
        session.add(key)
        session.flush()
    return secret
