"""What was committed is read, whoever else reads at that moment."""

import threading
from collections.abc import Iterator

import pytest

from support.yard import Yard
from taskyard.core.db import Database, open_database

COUNT = "SELECT count(*) FROM task"
MANY = f"""
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100) SELECT i, ({COUNT}) FROM n
"""


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = open_database(database_url)
    yield database
    database.dispose()


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)  # where they share a connection
def test_a_reader_sees_what_was_committed_while_another_was_under_way(database: Database) -> None:
    begun, go_on = threading.Event(), threading.Event()
    seen: list[int] = []

    def read_slowly() -> None:
        with database.sqlite_reader() as connection:
            cursor = connection.cursor()
            cursor.execute(MANY)
            cursor.fetchone()
            begun.set()
            go_on.wait(30)
            cursor.close()

    def read() -> None:
        with database.sqlite_reader() as connection:
            cursor = connection.cursor()
            cursor.execute(COUNT)
            seen.append(cursor.fetchone()[0])

    slow, quick = threading.Thread(target=read_slowly), threading.Thread(target=read)
    slow.start()
    assert begun.wait(30)
    Yard(database).add()
    quick.start()
    quick.join(0.2)  # it may have to wait for the other one
    go_on.set()
    slow.join(30)
    quick.join(30)
    assert seen == [1]


def test_what_a_process_keeps_of_a_database_is_made_once(database: Database) -> None:
    made: list[object] = []
    both = threading.Barrier(8)

    def make() -> object:
        made.append(object())
        return made[-1]

    def ask() -> None:
        both.wait(30)
        database.kept("it", make)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(made) == 1
