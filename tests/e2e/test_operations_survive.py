"""An operation goes on exactly where it was, however often its dispatcher is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert, select

from support.databases import Postgres, SqliteFiles
from support.people import ALICE
from support.server import Server
from support.signals import until
from support.yard import Yard
from taskyard.core import clock, transaction
from taskyard.core.db import AnyRow, open_database
from taskyard.core.ids import new_id
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.tasks.operation_models import Operation

pytestmark = pytest.mark.e2e
TASKS = 4000


@pytest.fixture
def url(databases: SqliteFiles | Postgres) -> Iterator[str]:
    url = databases.new()
    yield url
    databases.drop(url)


@pytest.fixture
def yard(url: str) -> Iterator[Yard]:
    database = open_database(url)
    yield Yard(database)
    database.dispose()


def started(yard: Yard) -> None:
    """An operation that cancels all these tasks; a slice that was done twice would be counted twice."""
    now = clock.now()
    tasks = [NewTask(new_id(), ALICE.id, "c", "{}", "q", 1, created_at=now, run_at=now) for _ in range(TASKS)]
    yard.do(enqueue, tasks)
    row = {"owner_id": ALICE.id, "action": "cancel", "filter": {"command": "c", "owner": "all"}, "arguments": {}}
    with transaction.own(yard.database) as connection:
        connection.execute(insert(Operation), {**row, "from_id": new_id()})


def progress(yard: Yard) -> AnyRow:
    with yard.database.read.connect() as connection:
        return connection.execute(
            select(Operation.state, Operation.matched, Operation.changed, Operation.refused)
        ).one()


def test_a_killed_dispatcher_loses_and_repeats_nothing(url: str, yard: Yard, tmp_path: Path) -> None:
    started(yard)
    server = Server(url, tmp_path)
    kills = 0
    try:
        while progress(yard).state != "done":
            before = progress(yard).matched
            server.dispatcher.start()
            until(lambda before=before: progress(yard).matched > before or progress(yard).state == "done")
            kills += progress(yard).state != "done"
            if kills <= 3:
                server.dispatcher.kill()
            else:
                until(lambda: progress(yard).state == "done")
    finally:
        server.dispatcher.kill()
        print(server.logs())
    assert kills > 0, "it was done before it could be killed"
    assert tuple(progress(yard)) == ("done", TASKS, TASKS, 0)
