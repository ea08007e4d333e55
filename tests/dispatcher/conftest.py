"""What tests of pushes share: an app, the dispatcher's thread that pushes, and commands whose tasks are pushed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.shared_app import emptied
from taskyard.config import Config
from taskyard.core.db import open_database
from taskyard.dispatcher.outgoing import Outgoing
from taskyard.tasks.pushing import PushLine


@pytest.fixture(scope="module")
def app_settings() -> dict[str, Any]:
    return {"egress_allow": ("127.0.0.0/8",), "egress_http": True}


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


@pytest.fixture
def config(app: Flask) -> Config:
    found: Config = app.extensions["taskyard.config"]
    return found


@pytest.fixture
def pushing(config: Config) -> Callable[..., Any]:
    """The dispatcher's thread that pushes while the block runs, with connections of its own."""

    @contextmanager
    def run(**options: float) -> Iterator[None]:
        opened = open_database(config.database_url)
        try:
            with Outgoing(opened, config, push_line=partial(PushLine, **options)):
                yield
        finally:
            opened.dispose()

    return run


@pytest.fixture
def register(mia: Caller) -> Callable[..., Any]:
    def put(url: str, name: str = "resize", **fields: Any) -> Any:
        push = {"url": url, **fields.pop("push", {})}
        found = mia.put(f"/v1/commands/{name}", {"push": push, **fields})
        assert found.status_code in {200, 201}, found.json
        return found

    return put


@pytest.fixture
def submit(alice: Caller) -> Callable[..., str]:
    def submitted(payload: Any = None, command: str = "resize", **fields: Any) -> str:
        found = alice.post("/v1/tasks", {"command": command, "payload": payload, **fields})
        assert found.status_code == 201, found.json
        task_id: str = found.json["id"]
        return task_id

    return submitted
