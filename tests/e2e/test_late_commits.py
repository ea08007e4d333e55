"""A task whose transaction commits seconds after its place in the line was given reaches a worker all the same."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from support.databases import Postgres
from support.people import ALICE
from support.server import running_server
from taskyard.client import Client
from taskyard.core import clock, transaction
from taskyard.core.db import open_database
from taskyard.core.ids import new_id
from taskyard.queue.enqueue import NewTask, enqueue
from taskyard.queue.tables import ready

pytestmark = pytest.mark.e2e


def test_a_task_that_commits_late_is_claimed_while_others_go_through(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.new()
    database = open_database(url)
    with running_server(url, tmp_path, WEB_CONCURRENCY="2") as server, Client(server.url, ALICE.key) as client:
        now = clock.now()  # not before the server is up: what is later than ten seconds is looked for less often
        late = NewTask(new_id(), ALICE.id, "late", "{}", "q", 1, now, now)
        with transaction.own(database) as connection:
            enqueue(connection, [late], now)
            before = clock.micros(now - timedelta(seconds=5))
            connection.execute(update(ready).where(ready.c.task_id == late.id).values(seq=before))
            for _ in range(50):  # the marks of both processes go past it
                client.submit("early", queue="q")
                assert len(client.claim(["q"], wait_s=5)) == 1
        [found] = client.claim(["q"], wait_s=10)
        assert found.task.id == late.id
    database.dispose()
    postgres.drop(url)
