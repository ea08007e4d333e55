"""The first start makes one admin, however many starts there are at once."""

import stat
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from support.caller import Caller
from support.databases import Postgres, SqliteFiles
from taskyard.config import Config
from taskyard.core import migration
from taskyard.core.db import Database, open_database
from taskyard.users.bootstrap import first_admin
from taskyard.users.models import User

STARTS = 6


@pytest.fixture
def empty_url(databases: SqliteFiles | Postgres) -> Iterator[str]:
    url = databases.empty()
    database = open_database(url)
    migration.migrate(database)
    database.dispose()
    yield url
    databases.drop(url)


@pytest.fixture
def starts(empty_url: str) -> Iterator[list[Database]]:
    """As many processes' views of one database without users."""
    made = [open_database(empty_url) for _ in range(STARTS)]
    yield made
    for database in made:
        database.dispose()


def test_the_key_of_the_first_admin_holds(
    starts: list[Database], empty_url: str, tmp_path: Path, make_app: Callable[[Config], Flask]
) -> None:
    assert first_admin(starts[0], tmp_path, "Root@example.com")

    file = tmp_path / "admin.token"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    app = make_app(Config(tmp_path, empty_url, b"x" * 32, access_log=False, log_level="WARNING"))
    asked = Caller(app, token=file.read_text().strip()).get("/v1/tasks?owner=all")
    assert asked.status_code == 200
    assert [path.name for path in tmp_path.iterdir()] == ["admin.token"]


def test_a_second_start_changes_nothing(starts: list[Database], tmp_path: Path) -> None:
    assert first_admin(starts[0], tmp_path, "root@example.com")
    written = (tmp_path / "admin.token").read_text()
    assert not first_admin(starts[1], tmp_path, "other@example.com")
    assert (tmp_path / "admin.token").read_text() == written


def test_many_first_starts_at_once_make_one_admin(starts: list[Database], tmp_path: Path) -> None:
    together = threading.Barrier(STARTS)

    def start(database: Database) -> bool:
        together.wait()
        return first_admin(database, tmp_path, "root@example.com")

    with ThreadPoolExecutor(STARTS) as pool:
        made = list(pool.map(start, starts))

    assert made.count(True) == 1
    with starts[0].read.connect() as connection:
        assert connection.execute(select(User.username, User.role)).all() == [("admin", "admin")]
    assert [path.name for path in tmp_path.iterdir()] == ["admin.token"]
