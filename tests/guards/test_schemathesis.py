"""Schemathesis tries every operation with what fits its schema and with what does not: no 5xx, and no answer that the
description does not tell of. The same cases every time, so that a failure here is no accident.
"""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from flask import Flask
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from support.caller import Caller
from support.databases import SqliteFiles
from support.people import ADA, BOB
from support.sockets import served
from taskyard.app import create_app
from taskyard.config import Config

COMMAND = {
    "payload_schema": {"type": "object", "properties": {"width": {"type": "integer", "minimum": 1}}},
    "result_schema": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}}},
}
SETTINGS = {
    "seed": 1,
    "headers": {"Authorization": f"Bearer {ADA.key}"},
    "generation": {"deterministic": True, "max-examples": 15, "database": "none"},
    # What is any JSON in the schema may still be refused: NUL, lone surrogates, integers beyond 64 bits.
    "checks": {"positive_data_acceptance": {"enabled": False}},
    "phases": {"stateful": {"max-steps": 6}},
}


@pytest.fixture
def app(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    folder = tmp_path_factory.mktemp("instance")
    app = create_app(Config(folder, sqlite_files.new(), b"x" * 32, access_log=False, log_level="CRITICAL"))
    app.testing = False
    assert Caller(app, ADA).put("/v1/commands/thumbnail", COMMAND).status_code == 201
    yield app
    app.extensions["taskyard.database"].dispose()


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    """A socket to call: schemathesis' engine does not get along with werkzeug's in-process client."""
    with served(app) as url:
        yield url


@schemathesis.hook("before_call")
def keep_going(_context: Any, case: schemathesis.Case, _options: Any) -> None:
    """What would end the trial early or make it long: ada removing herself, a claim that waits its 20 seconds."""
    for name, value in case.path_parameters.items():
        if value in {ADA.id, ADA.key_id} and case.method in {"DELETE", "PATCH"}:
            case.path_parameters[name] = BOB.id
    if isinstance(case.body, dict) and isinstance(case.body.get("wait"), int | float):
        case.body["wait"] = 0


def test_no_input_breaks_the_description(url: str) -> None:
    api = schemathesis.openapi.from_url(f"{url}/openapi.json", config=SchemathesisConfig.from_dict(SETTINGS))
    calls, failures = 0, []
    for event in from_schema(api).execute():
        if isinstance(event, events.ScenarioFinished):
            calls += len(event.recorder.interactions)
            failures += list(told(event.recorder))
        elif isinstance(event, events.NonFatalError):
            failures.append(f"{event.label}: {event.value}")
        elif isinstance(event, events.FatalError):
            raise event.exception
    print(f"{calls} calls")
    if failures:
        pytest.fail("\n\n".join(dict.fromkeys(failures)), pytrace=False)
    assert calls > 1000


def told(recorder: Any) -> Iterator[str]:
    """What did not hold, with the curl command that shows it."""
    for checks in recorder.checks.values():
        for check in checks:
            if check.failure_info is not None:
                failure, curl = check.failure_info.failure, check.failure_info.code_sample
                yield f"{recorder.label}: {check.name}: {failure.title}: {failure.message}\n{curl}"
