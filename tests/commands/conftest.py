"""The tests of the catalogue share an app per file and database."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.commands import URL, WIDTH
from support.shared_app import emptied, shared_app


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def app_of_the_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    source = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    yield from shared_app(source, tmp_path_factory.mktemp("instance"))


@pytest.fixture
def app(app_of_the_file: Flask) -> Flask:
    return emptied(app_of_the_file)


@pytest.fixture
def resize(mia: Caller) -> dict[str, Any]:
    """The command `resize`, registered."""
    put = mia.put("/v1/commands/resize", {"payload_schema": WIDTH, "result_schema": URL, "description": "Resizes."})
    assert put.status_code == 201
    found: dict[str, Any] = put.json
    return found


@pytest.fixture
def submit(alice: Caller) -> Callable[..., Any]:
    """Submit a task of alice's and return the answer."""

    def submitted(command: str, payload: Any = None, **fields: Any) -> Any:
        return alice.post("/v1/tasks", {"command": command, "payload": payload, **fields})

    return submitted
