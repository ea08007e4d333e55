"""What the tests of users share: an app per file and database, cheap password hashes, and alice with a password."""

import pytest
from argon2 import PasswordHasher
from flask import Flask

from support.caller import Caller
from support.logins import PASSWORD
from support.people import ALICE
from support.shared_app import peopled
from taskyard.config import Config
from taskyard.core import passwords


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return peopled(opened_app)


@pytest.fixture
def config(app: Flask) -> Config:
    found: Config = app.extensions["taskyard.config"]
    return found


@pytest.fixture(autouse=True)
def cheap_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same argon2, with the least it can cost: what it should cost is tested in tests/core."""
    monkeypatch.setattr(passwords, "hasher", PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


@pytest.fixture
def alice_has_password(ada: Caller) -> None:
    assert ada.patch(f"/v1/users/{ALICE.id}", {"password": PASSWORD}).status_code == 200
