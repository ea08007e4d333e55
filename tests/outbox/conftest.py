"""Tests of the outbox share an app per file and database."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.post_office import PostOffice
from support.shared_app import emptied, shared_app
from taskyard.core.db import Database


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    source = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    yield from shared_app(source, tmp_path_factory.mktemp("instance"))


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


@pytest.fixture
def office(database: Database) -> PostOffice:
    return PostOffice(database)


@pytest.fixture
def endpoint(alice: Caller) -> Callable[..., dict[str, Any]]:
    """Makes endpoints of alice's."""

    def make(**settings: Any) -> dict[str, Any]:
        wanted = {"url": "https://example.com/hook", "event_types": ["*"], **settings}
        made = alice.post("/v1/endpoints", wanted)
        assert made.status_code == 201, made.json
        found: dict[str, Any] = made.json
        return found

    return make


@pytest.fixture
def happen(alice: Caller) -> Callable[..., str]:
    """Publishes events of alice's."""

    def publish(type_: str = "shop.paid", data: Any = None, key: str | None = None) -> str:
        made = alice.post("/v1/events", {"type": type_, "data": data, "key": key})
        assert made.status_code == 201, made.json
        return str(made.json["id"])

    return publish
