"""One app per database for a whole file of tests, emptied before each: a database of its own costs most of a test."""

from collections.abc import Collection, Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, update

from support.databases import Postgres, SqliteFiles
from support.people import populate
from taskyard.app import create_app
from taskyard.commands.catalogue import forget
from taskyard.commands.models import catalogue
from taskyard.config import Config
from taskyard.core import transaction
from taskyard.core.db import Base, Database
from taskyard.tasks.roll_call import RollCall

SECRET = b"a secret for tests that is long enough"
CAST = {"user", "key", "catalogue"}


@pytest.fixture(scope="module")
def app_settings() -> dict[str, Any]:
    """What the tests of a folder want otherwise than all others."""
    return {}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened_app(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, app_settings: dict[str, Any]
) -> Iterator[Flask]:
    """It is the same for all tests of a file: `app` is what a test asks for."""
    databases: SqliteFiles | Postgres = request.getfixturevalue(
        "sqlite_files" if request.param == "sqlite" else "postgres"
    )
    url = databases.new()
    instance = tmp_path_factory.mktemp("instance")
    quiet = {"access_log": False, "log_level": "ERROR", "key_cache_s": 0}
    app = create_app(Config(instance, url, SECRET, **{**quiet, **app_settings}))
    app.testing = False  # errors are answered, as in production
    yield app
    app.extensions["taskyard.database"].dispose()
    databases.drop(url)


def emptied(app: Flask, keeping: Collection[str] = CAST) -> Flask:
    """The same app with nothing in its database but the cast, and no memory of the workers that were in it."""
    database: Database = app.extensions["taskyard.database"]
    with transaction.own(database) as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in keeping:
                connection.execute(delete(table))
        connection.execute(update(catalogue).values(revision=catalogue.c.revision + 1))
    with app.app_context():
        forget()  # a version of a command's schemas is taken to stay what it is
    database.kept(RollCall, RollCall)._asking.clear()  # or it notes again, for this test, who asked in another
    return app


def peopled(app: Flask) -> Flask:
    """The same for tests that change the cast: it is made anew."""
    emptied(app, keeping={"catalogue"})
    populate(app.extensions["taskyard.database"])
    return app
