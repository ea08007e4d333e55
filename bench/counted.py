"""`python -m bench.counted dispatcher`: Taskyard, with the SQL statements counted that it sends to its database.

Each row of a statement that is run for many counts as one. So do BEGIN and COMMIT on SQLite;
psycopg sends its own unseen.
"""

import atexit
import json
import os
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from taskyard.cli import main

found = {"statements": 0}


def _count(_statement: object = None, times: int = 1) -> None:
    found["statements"] += times


class Cursor(psycopg.Cursor[Any]):
    """Counts; psycopg's connections make their cursors of it."""

    def execute(self, *arguments: Any, **named: Any) -> Any:
        _count()
        return super().execute(*arguments, **named)

    def executemany(self, query: Any, params_seq: Any, **named: Any) -> None:
        rows: Sequence[Any] = list(params_seq)
        _count(times=len(rows))
        super().executemany(query, rows, **named)


def _connected(connection: Any, _record: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(_count)
    else:
        connection.cursor_factory = Cursor


if __name__ == "__main__":
    event.listen(Engine, "connect", _connected)
    atexit.register(lambda: Path(os.environ["BENCH_STATEMENTS"]).write_text(json.dumps(found)))
    main()
