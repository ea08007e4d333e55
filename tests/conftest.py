"""Fixtures for all tests. What asks for `database_url` (or an app) runs on SQLite and on PostgreSQL."""

import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from flask import Flask

from support.caller import Caller
from support.databases import Postgres, SqliteFiles, roomy_memory
from support.people import ADA, ALICE, BOB, MIA, Person
from taskyard.app import create_app
from taskyard.config import Config
from taskyard.core import clock
from taskyard.core.clock import FrozenClock
from taskyard.core.db import Database
from taskyard.queue import lanes

pytest_plugins = ["support.server", "support.shared_app", "support.post_office"]
SECRET = b"a secret for tests that is long enough"


def pytest_collection_finish() -> None:
    """What is there now will stay: the collector need not look through a million objects again and again."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lower priorities get their tenth only where a claim is large enough for that to be a whole task."""
    monkeypatch.setattr(lanes, "chance", lambda: 0.0)


@pytest.fixture(scope="session")
def sqlite_files() -> Iterator[SqliteFiles]:
    with TemporaryDirectory(prefix="taskyard-sqlite-", dir=roomy_memory(), ignore_cleanup_errors=True) as folder:
        yield SqliteFiles(Path(folder))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    # Not pytest's own folder: that of a run still under way goes when three later ones have started.
    with TemporaryDirectory(prefix="taskyard-pg-", dir=roomy_memory(), ignore_cleanup_errors=True) as folder:
        server = Postgres(Path(folder))
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest) -> SqliteFiles | Postgres:
    """Where to get databases of one of the two kinds."""
    name = "sqlite_files" if request.param == "sqlite" else "postgres"
    source: SqliteFiles | Postgres = request.getfixturevalue(name)
    return source


@pytest.fixture
def database_url(databases: SqliteFiles | Postgres) -> Iterator[str]:
    """A database of its own for this test, with the cast in it."""
    url = databases.new()
    yield url
    databases.drop(url)


@pytest.fixture
def config(database_url: str, tmp_path: Path) -> Config:
    return Config(tmp_path, database_url, SECRET, access_log=False, log_level="WARNING", key_cache_s=0)


@pytest.fixture
def make_app() -> Iterator[Callable[[Config], Flask]]:
    """Apps with settings of a test's own."""
    made: list[Flask] = []

    def make(config: Config) -> Flask:
        app = create_app(config)
        app.testing = False  # errors are answered, as in production
        made.append(app)
        return app

    yield make
    for app in made:
        app.extensions["taskyard.database"].dispose()


@pytest.fixture
def app(config: Config, make_app: Callable[[Config], Flask]) -> Flask:
    return make_app(config)


@pytest.fixture
def database(app: Flask) -> Database:
    found: Database = app.extensions["taskyard.database"]
    return found


@pytest.fixture
def time() -> Iterator[FrozenClock]:
    """The clock, stopped: `time.advance(seconds)`."""
    with clock.frozen() as held:
        yield held


@pytest.fixture
def nobody(app: Flask) -> Caller:
    return Caller(app)


@pytest.fixture
def alice(app: Flask) -> Caller:
    return Caller(app, ALICE)


@pytest.fixture
def bob(app: Flask) -> Caller:
    return Caller(app, BOB)


@pytest.fixture
def mia(app: Flask) -> Caller:
    return Caller(app, MIA)


@pytest.fixture
def ada(app: Flask) -> Caller:
    return Caller(app, ADA)


@pytest.fixture
def cast() -> dict[str, Person]:
    return {person.name: person for person in (ALICE, BOB, MIA, ADA)}
