"""A disk that is full: what cannot be stored is a 503 with Retry-After, and all goes on once there is room."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import urllib3

from support.databases import Postgres, SqliteFiles
from support.people import ALICE
from support.server import Server, running_server
from support.signals import until
from taskyard.client import Client

pytestmark = pytest.mark.e2e
SIZE = 48 * 1024**2
BALLAST = 8 * 1024**2
PAYLOAD = 200_000
MOST = 4 * SIZE // PAYLOAD  # compressed they may take half of their size


@pytest.fixture
def disk() -> Iterator[Path]:
    """A small one, with ballast that can be thrown out."""
    folder = Path(tempfile.mkdtemp(prefix="taskyard-disk-"))  # not below pytest's, where PostgreSQL's user may not go
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0777", "taskyard-test", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        folder.rmdir()
        pytest.skip("who runs this may not mount a small disk")
    (folder / "ballast").write_bytes(bytes(BALLAST))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture(params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, disk: Path, tmp_path: Path) -> Iterator[Server]:
    if request.param == "sqlite":
        files: SqliteFiles = request.getfixturevalue("sqlite_files")
        shutil.copyfile(files.new().removeprefix("sqlite:///"), disk / "taskyard.db")
        with running_server(f"sqlite:///{disk / 'taskyard.db'}", tmp_path) as running:
            yield running
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        on_disk(connection, disk / "tables")
        try:
            with running_server(postgres.url("on_a_small_disk"), tmp_path) as running:
                yield running
        finally:
            connection.execute("DROP DATABASE on_a_small_disk WITH (FORCE)")
            connection.execute("DROP TABLESPACE small_disk")


def on_disk(connection: psycopg.Connection, folder: Path) -> None:
    """Make a database with the cast in it whose tables lie there; its log lies where the server's does."""
    folder.mkdir()
    row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    owner = Path(row[0]).stat()
    os.chown(folder, owner.st_uid, owner.st_gid)
    connection.execute(f"CREATE TABLESPACE small_disk LOCATION '{folder}'".encode())
    connection.execute("CREATE DATABASE on_a_small_disk TEMPLATE template_taskyard TABLESPACE small_disk")


def submit(server: Server) -> urllib3.BaseHTTPResponse:
    sent = {"command": "fill", "payload": os.urandom(PAYLOAD // 2).hex()}
    headers = {"Authorization": f"Bearer {ALICE.key}"}
    return urllib3.request("POST", f"{server.url}/v1/tasks", json=sent, headers=headers, retries=False, timeout=30)


def test_what_cannot_be_stored_is_503_and_goes_on_once_there_is_room(server: Server, disk: Path) -> None:
    accepted = []
    for _ in range(MOST):
        answer = submit(server)
        if answer.status != 201:
            break
        accepted.append(answer.json()["id"])
    assert (answer.status, answer.headers["Content-Type"]) == (503, "application/problem+json"), answer.data
    assert int(answer.headers["Retry-After"]) > 0
    assert "disk is full" in answer.json()["detail"]
    assert submit(server).status == 503
    with Client(server.url, ALICE.key, retry_for_s=0) as client:
        assert client.get(accepted[-1]).status == "queued", "reading goes on"
        (disk / "ballast").unlink()
        until(lambda: submit(server).status == 201, 5.0)
        stored = {task.id for task in client.list(command="fill")}
        assert stored > set(accepted)
        assert len(stored) == len(accepted) + 1, "nothing is half there"
        [lease] = client.claim(["fill"])
        assert lease.task.id == accepted[0]
