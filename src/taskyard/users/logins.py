"""Whether somebody knows a password; guessing is slow."""

import threading
from dataclasses import dataclass

from sqlalchemy import or_, select

from taskyard.core import passwords
from taskyard.core.db import Database
from taskyard.core.errors import Unauthenticated
from taskyard.users import guard
from taskyard.users.models import User

# One check per name at a time: of many guesses sent at once, those after the fifth must find the lock. A name shares
# its gate with some others, so that their number is bounded.
_gates = [threading.Lock() for _ in range(64)]


@dataclass(frozen=True, slots=True)
class Login:
    user_id: str
    password_hash: str | None


def check(database: Database, login: str, password: str) -> Login:
    """Who logs in with this username or email. Takes as long for names that do not exist.

    Raises:
        Unauthenticated: the name or the password is wrong, or the user has no password.
        Limited: too many failures under this name.
    """
    with _gates[hash(guard.name_of(login)) % len(_gates)]:
        guard.admit(database, login)
        found = _find(database, login)
        if not passwords.matches(password, found.password_hash if found else None) or found is None:
            guard.count_failure(database, login)
            raise Unauthenticated("The username or the password is wrong.")
    return found


def _find(database: Database, login: str) -> Login | None:
    name = login.strip()
    query = select(User.id, User.password_hash).where(or_(User.username == name, User.email_key == name.casefold()))
    with database.read.connect() as connection:
        row = connection.execute(query).first()
    return Login(*row) if row is not None else None
