"""`taskyard doctor` and `taskyard migrate`."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import update

from support.caller import Caller
from support.databases import Postgres, SqliteFiles
from support.server import free_port
from taskyard.cli import COMMANDS, main
from taskyard.core import clock, transaction
from taskyard.core.db import Database
from taskyard.queue.tables import scheduled


def taskyard(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, arguments, env={"PORT": str(free_port()), **env})


def bad(result: Result) -> list[str]:
    """The names of what the doctor found wrong."""
    return [line.split()[1] for line in result.output.splitlines() if line.startswith("✗")]


def test_all_is_well_on_a_migrated_database(database_url: str, tmp_path: Path) -> None:
    found = taskyard("doctor", DATABASE_URL=database_url, TASKYARD_INSTANCE=str(tmp_path))
    assert (found.exit_code, bad(found)) == (0, []), found.output


def test_an_empty_database_is_told_to_be_migrated(databases: SqliteFiles | Postgres, tmp_path: Path) -> None:
    env = {"DATABASE_URL": databases.empty(), "TASKYARD_INSTANCE": str(tmp_path)}
    found = taskyard("doctor", **env)
    assert (found.exit_code, bad(found)) == (1, ["migration"])
    assert "Run: taskyard migrate" in found.output
    assert taskyard("migrate", "--wait", "1", **env).exit_code == 0
    assert taskyard("doctor", **env).exit_code == 0
    databases.drop(env["DATABASE_URL"])


def test_a_secret_that_others_may_read_is_found(database_url: str, tmp_path: Path) -> None:
    env = {"DATABASE_URL": database_url, "TASKYARD_INSTANCE": str(tmp_path)}
    taskyard("doctor", **env)
    (tmp_path / "secret.key").chmod(0o644)
    found = taskyard("doctor", **env)
    assert bad(found) == ["secret"]
    assert f"chmod 600 {tmp_path / 'secret.key'}" in found.output


def test_tasks_that_nobody_lets_go_tell_of_a_missing_dispatcher(
    alice: Caller, database: Database, database_url: str, tmp_path: Path
) -> None:
    alice.post("/v1/tasks", {"command": "resize", "delay_s": 60})
    with transaction.own(database) as connection:
        connection.execute(update(scheduled).values(run_at=clock.now() - timedelta(minutes=1)))
    found = taskyard("doctor", DATABASE_URL=database_url, TASKYARD_INSTANCE=str(tmp_path))
    assert bad(found) == ["dispatcher"]
    assert "taskyard dispatcher" in found.output


def test_a_setting_that_cannot_be_used_is_the_first_thing_found(tmp_path: Path) -> None:
    found = taskyard("doctor", TASKYARD_INSTANCE=str(tmp_path), TASKYARD_LOG_LEVEL="LOUD")
    assert (found.exit_code, bad(found)) == (1, ["settings"])
    assert "TASKYARD_LOG_LEVEL" in found.output


def test_a_database_of_a_newer_version_is_not_touched(sqlite_files: SqliteFiles, tmp_path: Path) -> None:
    url = sqlite_files.new()
    with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    refused = taskyard("migrate", DATABASE_URL=url, TASKYARD_INSTANCE=str(tmp_path))
    assert refused.exit_code == 1
    assert "newer" in refused.stderr
    sqlite_files.drop(url)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_teaches_itself(name: str) -> None:
    told = taskyard(name, "--help")
    assert told.exit_code == 0
    assert len(told.output.splitlines()) > 5
