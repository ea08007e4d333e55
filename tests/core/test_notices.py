"""What one process tells another by way of PostgreSQL, and that a lost connection is made anew."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from support.databases import SqliteFiles
from support.signals import until
from taskyard.core import listener
from taskyard.core.db import Database, open_database
from taskyard.core.notices import CHANNEL, MOST_BYTES, Notices, notices, payloads


class Process:
    """What is one process to others: a database of its own, and all that it has heard."""

    def __init__(self, url: str) -> None:
        self.database: Database = open_database(url)
        self.notices: Notices = notices(self.database)
        self.heard: list[str] = []
        self.notices.on("queue", self.heard.extend)

    def listen(self) -> None:
        self.notices.listen()
        until(lambda: self.notices.hearing)


@pytest.fixture
def process(url: str) -> Iterator[Callable[[], Process]]:
    made: list[Process] = []

    def make() -> Process:
        made.append(Process(url))
        return made[-1]

    yield make
    for one in made:
        one.database.dispose()
    assert not {thread.name for thread in threading.enumerate()} & {"notices", "listener"}


def hang_up_on_listeners(url: str) -> int:
    """End the connections that listen, as a restart or a firewall does."""
    with psycopg.connect(url, autocommit=True) as connection:
        ended = connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE query LIKE 'LISTEN%' AND datname = current_database()"
        )
        return len(ended.fetchall())


def test_what_one_process_sends_all_others_hear_but_not_it_itself(process: Callable[[], Process]) -> None:
    one, two, three = process(), process(), process()
    for each in (one, two, three):
        each.listen()
    one.notices.send("queue", ["a", "b"])
    until(lambda: two.heard == ["a", "b"] and three.heard == ["a", "b"])
    two.notices.send("queue", ["c"])
    until(lambda: one.heard == ["c"])


def test_a_topic_that_nobody_knows_is_passed_over(process: Callable[[], Process]) -> None:
    one, two = process(), process()
    two.listen()
    one.notices.send("of a later version", ["x"])
    one.notices.send("queue", ["a"])
    until(lambda: two.heard == ["a"])


def test_many_notices_go_together_and_each_name_once(url: str, process: Callable[[], Process]) -> None:
    one = process()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")  # type: ignore[arg-type]
        for number in range(5000):
            one.notices.send("queue", [f"q{number % 10}"])
        one.notices.send("queue", ["last"])
        told: list[list[str]] = []
        for notice in connection.notifies(timeout=10):
            told.append(notice.payload.split("\n")[1:])
            if "queue last" in told[-1]:
                break
    assert len(told) < 50
    assert all(len(lines) == len(set(lines)) for lines in told)


def test_payloads_hold_what_fits_and_all_of_it() -> None:
    lines = [f"queue {'é' * 90}{number}" for number in range(200)]
    made = list(payloads("me", lines))
    assert len(made) == 5
    assert max(len(payload.encode()) for payload in made) <= MOST_BYTES
    assert [line for payload in made for line in payload.split("\n")[1:]] == lines


def test_a_listener_that_is_cut_off_listens_again_and_says_so(url: str, process: Callable[[], Process]) -> None:
    one, two = process(), process()
    began: list[bool] = []
    two.notices.began(lambda: began.append(True))
    two.listen()
    assert hang_up_on_listeners(url) == 1
    until(lambda: len(began) == 2)
    one.notices.send("queue", ["a"])
    until(lambda: two.heard == ["a"])


def test_a_sender_that_is_cut_off_sends_on(url: str, process: Callable[[], Process]) -> None:
    one, two = process(), process()
    two.listen()
    one.notices.send("queue", ["a"])
    until(lambda: two.heard == ["a"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_notify%'"
        )
    one.notices.send("queue", ["b"])
    until(lambda: two.heard == ["a", "b"])


def test_who_does_not_hear_itself_does_not_count_as_hearing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HELLO_S", 0.01)
    monkeypatch.setattr(listener, "DEAF_S", 0.03)
    connections: list[psycopg.Connection] = []

    def connect() -> psycopg.Connection:
        connections.append(psycopg.connect(url, autocommit=True))
        return connections[-1]

    # As behind a pooler in transaction mode: LISTEN succeeds, and nothing ever comes.
    deaf = listener.Listener(connect, CHANNEL, lambda _: True, lambda: None)
    deaf.listen()
    until(lambda: len(connections) == 2)
    assert not deaf.hearing
    deaf.close()
    assert all(connection.closed for connection in connections)


def test_nobody_listens_longer_than_it_is_wanted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "HELLO_S", 0.01)
    monkeypatch.setattr(listener, "WANTED_S", 0.3)
    one = Process(url)
    one.listen()
    until(lambda: one.notices._listener._thread is None)
    assert hang_up_on_listeners(url) == 0
    one.listen()
    one.database.dispose()


def test_on_sqlite_nothing_is_sent_and_no_thread_begins(sqlite_files: SqliteFiles) -> None:
    one = Process(sqlite_files.new())
    one.notices.send("queue", ["a"])
    one.notices.listen()
    assert not {thread.name for thread in threading.enumerate()} & {"notices", "listener"}
    assert not one.notices.hearing
    one.database.dispose()
