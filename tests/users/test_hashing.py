"""Hashing takes long, so it happens while nothing is held that others wait for."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from argon2 import PasswordHasher
from flask import Flask

from support.caller import Caller
from support.logins import PASSWORD, log_in
from support.people import ALICE
from taskyard.config import Config
from taskyard.core import passwords
from taskyard.core.at_hand import at_hand
from taskyard.core.db import Database

NEW = "another fine password"


class Watching(PasswordHasher):
    """Hashes cheaply, and notes how many connections are held meanwhile."""

    def __init__(self, database: Database) -> None:
        super().__init__(time_cost=1, memory_cost=8, parallelism=1)
        self._database = database
        self.held: list[int] = []

    def hash(self, *args: object, **kwargs: object) -> str:
        self._note()
        return super().hash(*args, **kwargs)  # type: ignore[arg-type]

    def verify(self, *args: object, **kwargs: object) -> bool:
        self._note()
        return super().verify(*args, **kwargs)  # type: ignore[arg-type]

    def _note(self) -> None:
        at_hand(self._database).close()  # nobody holds those
        self.held.append(sum(engine.pool.checkedout() for engine in (self._database.write, self._database.read)))


def test_no_connection_is_held_while_a_password_is_hashed(
    ada: Caller, alice: Caller, nobody: Caller, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = Watching(database)
    monkeypatch.setattr(passwords, "hasher", hasher)

    eve = {"name": "Eve", "email": "eve@example.com", "password": PASSWORD}
    assert ada.post("/v1/users", eve, headers={"Idempotency-Key": "eve"}).status_code == 201
    assert ada.patch(f"/v1/users/{ALICE.id}", {"password": PASSWORD}).status_code == 200
    assert log_in(nobody).status_code == 200
    assert log_in(nobody, "unknown").status_code == 401
    changed = alice.patch("/v1/profile", {"password": NEW, "current_password": PASSWORD})
    assert changed.status_code == 200

    assert hasher.held == [0] * 6


def test_an_idempotency_key_leaves_no_plain_hash_of_a_password(
    ada: Caller, config: Config, make_app: Callable[[Config], Flask]
) -> None:
    eve = {"name": "Eve", "email": "eve@example.com", "password": PASSWORD}
    headers = {"Idempotency-Key": "eve"}
    assert ada.post("/v1/users", eve, headers=headers).status_code == 201
    elsewhere = Caller(make_app(replace(config, secret=b"another secret of this server's own")), ada.person)
    assert elsewhere.post("/v1/users", eve, headers=headers).status_code == 422  # the fingerprint takes the secret
