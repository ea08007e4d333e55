"""What the contract tests share: the queue on each of the databases.

A database serves a whole file and is emptied before each test: with a hundred tests that is what making them costs.
"""

from collections.abc import Iterator

import pytest
from sqlalchemy import delete

from support.yard import Yard
from taskyard.core import transaction
from taskyard.core.db import Database, open_database
from taskyard.queue.chain_tables import blocked, followup
from taskyard.queue.limit_tables import limit_key, parked, share
from taskyard.queue.tables import attempt, lease, queue, ready, scheduled, task, task_tag

TABLES = (lease, ready, scheduled, blocked, followup, parked, limit_key, share, queue, attempt, task_tag, task)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest) -> Iterator[Database]:
    source = request.getfixturevalue("sqlite_files" if request.param == "sqlite" else "postgres")
    url = source.new()
    database = open_database(url)
    yield database
    database.dispose()
    source.drop(url)


@pytest.fixture
def yard(opened: Database) -> Yard:
    with transaction.own(opened) as connection:
        for table in TABLES:
            connection.execute(delete(table))
    return Yard(opened)
