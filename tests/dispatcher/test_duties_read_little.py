"""No duty reads all of a table that grows: it would do so every second, and on SQLite while nobody else can write."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event

from support.databases import SqliteFiles
from taskyard.core import transaction
from taskyard.core.db import Database, open_database
from taskyard.dispatcher.duties import all_duties
from taskyard.queue.lifecycle import OUTCOMES

GROWING = {
    *("task", "task_tag", "attempt", "ready", "scheduled", "blocked", "dependency", "unique_key", "schedule_run"),
    *("event", "pending_event", "delivery", "delivery_attempt", "request", "request_key", "request_task"),
    *("idempotency", "refresh_token"),
}
DUTIES = all_duties(
    idempotency_s=60,
    keep_s=dict.fromkeys(OUTCOMES, 60),
    keep_requests_s=60,
    keep_sent_s={"deliveries": 60, "attempts": 60, "events": 60},
)


@pytest.fixture(scope="module")
def database(sqlite_files: SqliteFiles) -> Iterator[Database]:
    opened = open_database(sqlite_files.new())
    yield opened
    opened.dispose()


@pytest.mark.parametrize("duty", DUTIES, ids=lambda duty: duty.name)
def test_a_duty_finds_what_it_looks_for_by_an_index(database: Database, duty: Any) -> None:
    sent: list[tuple[str, Any]] = []

    def note(_: Connection, __: object, statement: str, parameters: Any, *___: object) -> None:
        sent.append((statement, parameters))

    event.listen(database.write, "before_cursor_execute", note)
    try:
        with transaction.own(database) as connection:
            (duty.find or duty.run)(connection)
    finally:
        event.remove(database.write, "before_cursor_execute", note)
    assert sent
    with database.write.connect() as connection:
        for statement, parameters in sent:
            if statement.lstrip().startswith(("SELECT", "UPDATE", "DELETE", "WITH")):
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                assert not [step for step in (row[3] for row in plan) if reads_all(step)], statement


def reads_all(step: str) -> bool:
    """`SCAN table`; or of `task` all that are open, by an index that begins with the outcome."""
    words = step.split()
    return (words[0] == "SCAN" and words[1] in GROWING and "USING" not in words) or step.endswith("(outcome=?)")
