"""The first admin: made once, at the first start, with a key in a file that only the operator can read."""

import os
import secrets
from pathlib import Path

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from taskyard.core import transaction
from taskyard.core.conflicts import violated
from taskyard.core.crypto import digest, new_secret, write_private
from taskyard.core.db import Database
from taskyard.core.ids import new_id
from taskyard.users.authentication import KEY_PREFIX
from taskyard.users.models import Key, Role, User
from taskyard.users.scopes import ALL

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
    secret = new_secret(KEY_PREFIX)
    draft = _draft(instance, secret)
    try:
        _create(database, email, secret, draft, instance / TOKEN_FILE)
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


def _create(database: Database, email: str, secret: str, draft: Path, target: Path) -> None:
    """The file comes into place before the commit: a start that dies in between leaves a key that does not hold and is
    replaced by the next start, never an admin whose key nobody has."""
    user_id = new_id()
    user = {"id": user_id, "name": "Admin", "username": USERNAME, "email": email, "email_key": email.casefold()}
    key = {"user_id": user_id, "name": "first admin", "hint": secret[:7], "digest": digest(secret), "scopes": list(ALL)}
    with transaction.own(database) as connection:
        connection.execute(insert(User).values(**user, role=Role.ADMIN))
        connection.execute(insert(Key).values(**key))
        os.replace(draft, target)
