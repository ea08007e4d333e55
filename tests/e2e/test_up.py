"""`taskyard up`: starts, says what is wrong, and stops."""

import json
import os
import re
import signal
import socket
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from support.databases import Postgres
from support.server import free_port
from support.signals import until
from support.up import Up, run_taskyard, running_up
from taskyard.client import Client

pytestmark = pytest.mark.e2e
OF_A_PROCESS = r" (web|dispatcher) +\| "


def refusal(folder: Path, **settings: str) -> str:
    """The one line on stderr with which `taskyard up` gives up."""
    ended = run_taskyard("up", folder=folder, **{"PORT": str(free_port()), **settings})
    assert ended.returncode in {1, 2}
    assert ended.stdout == ""
    line, *more = ended.stderr.splitlines()
    assert more == []
    return line


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Up]]:
    """Started at once on one new instance folder. The tests end them, each its own."""
    with running_up(tmp_path_factory.mktemp("three"), count=3) as ups:
        yield ups


def test_first_starts_at_once_make_one_admin(three: list[Up]) -> None:
    instance = three[0].log.parent / "instance"
    key = (instance / "admin.token").read_text().strip()
    assert stat.S_IMODE(os.stat(instance / "admin.token").st_mode) == 0o600
    for up in three:
        with Client(up.url, key) as client:
            assert client.submit("anything").status == "queued"
    with closing(sqlite3.connect(instance / "taskyard.db")) as connection:
        assert connection.execute("SELECT username, role FROM user").fetchall() == [("admin", "admin")]


def test_on_postgresql_nothing_else_changes(tmp_path: Path, postgres: Postgres) -> None:
    url = postgres.empty()
    with running_up(tmp_path, DATABASE_URL=url) as [up]:
        key = (tmp_path / "instance" / "admin.token").read_text().strip()
        with Client(up.url, key) as client:
            assert client.submit("anything").status == "queued"
        assert not (tmp_path / "instance" / "taskyard.db").exists()
    postgres.drop(url)


@pytest.mark.parametrize(("number", "name"), [(0, "gunicorn"), (1, "dispatcher")])
def test_where_one_process_dies_the_other_is_stopped(three: list[Up], number: int, name: str) -> None:
    up = three[number]
    up.child(name).send_signal(signal.SIGKILL)
    assert up.wait() == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", up.port)).close()


def test_a_stop_right_after_the_start_leaves_nothing_behind(tmp_path: Path) -> None:
    up = Up(tmp_path)
    up.start()
    until(lambda: "Ctrl-C" in up.output() or not up.running)
    assert up.stop() in {0, -signal.SIGTERM}  # the latter where nothing was started yet
    assert "Traceback" not in up.output()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", up.port))


def test_a_busy_port_is_said_in_one_line(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = refusal(tmp_path, PORT=str(port))
    assert line.startswith(f"Error: 127.0.0.1:{port} cannot be listened on: Address already in use.")


def test_a_database_that_cannot_be_reached_is_said_in_one_line(tmp_path: Path) -> None:
    url = f"postgresql://ann:secret@127.0.0.1:{free_port()}/taskyard"
    line = refusal(tmp_path, DATABASE_URL=url)
    assert line.startswith("Error: The database cannot be reached: ")
    assert "secret" not in line


def test_an_instance_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    line = refusal(tmp_path, TASKYARD_INSTANCE=str(tmp_path / "file" / "instance"))
    assert line.startswith("Error: The instance folder cannot be used: Not a directory")


@pytest.fixture(scope="module")
def life(three: list[Up]) -> Up:
    """One that was ready, and has been stopped."""
    assert three[2].stop() == 0
    return three[2]


def test_it_prints_the_urls_and_where_the_key_lies(life: Up) -> None:
    for expected in (f"{life.url}/v1", f"{life.url}/docs", f"{life.url}/redoc", "instance/admin.token"):
        assert expected in life.output()


def test_every_line_of_the_logs_is_json(life: Up) -> None:
    lines = [line.partition("| ")[2] for line in life.output().splitlines() if re.search(OF_A_PROCESS, line)]
    logged = [json.loads(line) for line in lines]
    assert {"taskyard.access", "gunicorn.error", "taskyard.dispatcher"} <= {line["logger"] for line in logged}
