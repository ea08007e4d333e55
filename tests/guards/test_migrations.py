"""The steps add up to the models, on both databases, forwards and back."""

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select

import taskyard.app  # noqa: F401  # so that every table is known
from support.databases import Postgres, SqliteFiles
from support.yard import Yard
from taskyard.core import clock, migration, schema_step, transaction
from taskyard.core.db import Base, Database, open_database
from taskyard.queue.recording import Outcome
from taskyard.queue.settle import Report
from taskyard.queue.tables import attempt
from taskyard.tasks.settling import DONE


@pytest.fixture
def empty(databases: SqliteFiles | Postgres) -> Iterator[Database]:
    url = databases.empty()
    opened = open_database(url)
    yield opened
    opened.dispose()
    databases.drop(url)


def tables(database: Database) -> set[str]:
    return set(inspect(database.read).get_table_names()) - {"alembic_version"}


def test_the_steps_add_up_to_the_models(empty: Database) -> None:
    migration.migrate(empty)
    with empty.write.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []


def test_there_is_one_head_and_its_file_comes_last() -> None:
    assert ScriptDirectory.from_config(migration.alembic_config()).get_heads() == [schema_step.head()]


def test_an_empty_database_is_at_no_step(empty: Database) -> None:
    with empty.read.connect() as connection:
        assert schema_step.current(connection) is None


def test_every_step_can_be_taken_back_and_again(empty: Database) -> None:
    migration.migrate(empty)
    with empty.write.begin() as connection:
        command.downgrade(migration.alembic_config(connection), "base")
    assert tables(empty) == set()
    migration.migrate(empty)
    assert tables(empty) == set(Base.metadata.tables)


def test_migrating_twice_changes_nothing(empty: Database) -> None:
    migration.migrate(empty)
    migration.migrate(empty)
    with empty.read.connect() as connection:
        assert schema_step.current(connection) == schema_step.head()


def test_attempts_stay_where_their_table_is_made_anew(empty: Database) -> None:
    with empty.write.begin() as connection:
        command.upgrade(migration.alembic_config(connection), "0007")
    yard = Yard(empty)
    task_id = yard.add()
    yard.settle(*yard.claim())
    migration.migrate(empty)
    assert yard.attempts(task_id) == [(1, "succeeded")]


def test_what_a_task_tells_of_its_attempt_becomes_a_row_where_the_step_is_taken_back(empty: Database) -> None:
    migration.migrate(empty)
    yard = Yard(empty)
    task_id = yard.add()
    [held] = yard.claim()
    with transaction.own(empty) as connection:
        assert DONE.settle(connection, [Report(*held.held, Outcome.SUCCEEDED)], clock.now())
    before = yard.attempts(task_id)
    assert yard.count(attempt) == 0
    with empty.write.begin() as connection:
        command.downgrade(migration.alembic_config(connection), "0008")
    with empty.read.connect() as connection:
        rows = connection.execute(select(attempt.c.number, attempt.c.outcome).where(attempt.c.task_id == task_id))
        assert [tuple(row) for row in rows] == before == [(1, "succeeded")]
    migration.migrate(empty)
    assert yard.attempts(task_id) == before
