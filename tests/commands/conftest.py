"""The tests of the catalogue share an app per file and database."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.commands import URL, WIDTH
from support.shared_app import emptied


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


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
