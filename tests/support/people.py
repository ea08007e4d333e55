"""The cast: alice has tasks, bob is another user and must not see them, mia moderates, ada is the admin."""

from dataclasses import dataclass

from sqlalchemy import insert

from taskyard.core import clock, transaction
from taskyard.core.crypto import digest
from taskyard.core.db import Database
from taskyard.users.models import Key, Role, User


@dataclass(frozen=True)
class Person:
    name: str
    id: str
    role: Role
    key: str
    key_id: str
    scopes: tuple[str, ...]


def _person(number: int, name: str, role: Role) -> Person:
    scopes = ("read", "write", "work") if role is Role.USER else ("read", "write", "work", "admin")
    return Person(
        name,
        f"00000000-0000-7000-8000-{number:012d}",
        role,
        f"ty_{name}",
        f"00000000-0000-7000-9000-{number:012d}",
        scopes,
    )


ALICE = _person(1, "alice", Role.USER)
BOB = _person(2, "bob", Role.USER)
MIA = _person(3, "mia", Role.MODERATOR)
ADA = _person(4, "ada", Role.ADMIN)
CAST = (ALICE, BOB, MIA, ADA)


def populate(database: Database) -> None:
    now = clock.now()
    users = [
        {
            "id": p.id,
            "name": p.name.title(),
            "username": p.name,
            "email": f"{p.name}@example.com",
            "email_key": f"{p.name}@example.com",
            "role": p.role.value,
            "tokens_since": now,
            "version": 1,
            "created_at": now,
            "updated_at": now,
        }
        for p in CAST
    ]
    keys = [
        {
            "id": p.key_id,
            "user_id": p.id,
            "name": "test",
            "hint": p.key[:5],
            "digest": digest(p.key),
            "scopes": list(p.scopes),
            "created_at": now,
            "last_used_at": now,
        }
        for p in CAST
    ]
    with transaction.own(database) as connection:
        connection.execute(insert(User), users)
        connection.execute(insert(Key), keys)
