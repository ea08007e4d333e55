"""Tests of the inbox share an app per file and database."""

from collections.abc import Iterator

import pytest
from flask import Flask

from support.caller import Caller
from support.github import Hook
from support.shared_app import emptied, shared_app


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened_app(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flask]:
    source = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    yield from shared_app(source, tmp_path_factory.mktemp("instance"))


@pytest.fixture
def app(opened_app: Flask) -> Flask:
    return emptied(opened_app)


@pytest.fixture
def hook(app: Flask, nobody: Caller) -> Hook:
    """GitHub, as it sends to the source `github`."""
    return Hook(nobody)
