"""A process that does one deed on a database and is killed (kill -9) at the n-th point of its transactions.

The points: before each statement that the writing engine sends (after it the database is as before the next), before
each commit, and when the connection has been given back after it; and before and after a statement that is a
transaction by itself.
"""

import gc
import itertools
import os
import pickle
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import Connection, event
from sqlalchemy.orm import configure_mappers

from support.caller import Caller
from support.people import MIA
from support.server import PROJECT
from taskyard.app import create_app
from taskyard.config import Config
from taskyard.core import driver, transaction
from taskyard.core.db import Database
from taskyard.dispatcher.duties import all_duties
from taskyard.queue import lanes

SECRET = b"a secret for processes that are killed"
KEPT_S = {"succeeded": 1}
ALONE = "the statement that is alone"


@dataclass(frozen=True)
class Call:
    """A deed: one request of the moderator's."""

    path: str
    json: Any

    def do(self, caller: Caller, _: Database) -> None:
        answer = caller.post(self.path, self.json, headers={"Idempotency-Key": "once"})
        assert answer.status_code < 300, answer.get_data(as_text=True)


@dataclass(frozen=True)
class Duty:
    """A deed: one slice of a duty of the dispatcher's."""

    name: str

    def do(self, _: Caller, database: Database) -> None:
        [duty] = [one for one in all_duties(idempotency_s=60, keep_s=KEPT_S) if one.name == self.name]
        found = duty.found(database)
        assert found is not None
        with transaction.own(database) as connection:
            duty.run(connection, *found)


class Mortals:
    """Makes such processes: forks of a bare one that has imported all that they need, and has no threads."""

    def __init__(self) -> None:
        paths = f"{PROJECT / 'tests'}:{PROJECT / 'src'}"
        self._parent = subprocess.Popen(
            [sys.executable, "-m", "support.killed"],
            env={**os.environ, "PYTHONPATH": paths},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def point_of_death(self, url: str, deed: Call | Duty, number: int, folder: Path) -> str | None:
        """Do the deed in a process that dies at this point; what the point was, None where it was done before."""
        told = folder / "point"
        told.unlink(missing_ok=True)
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        pickle.dump((url, deed, number, str(told)), self._parent.stdin)
        self._parent.stdin.flush()
        status = os.waitstatus_to_exitcode(int(self._parent.stdout.readline()))
        assert status in (0, -signal.SIGKILL), f"the process ended with {status}"
        return told.read_text() if status else None

    def end(self) -> None:
        self._parent.communicate()


def _serve() -> None:
    gc.disable()  # a look for garbage would write to every page that parent and child share
    configure_mappers()  # once, not in each of them
    made = cache(_app)
    while True:
        try:
            url, deed, number, told = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        app = made(url, Path(told).parent)  # it has opened no connection yet
        process = os.fork()
        if not process:
            try:
                _do(app, deed, number, told)
            except BaseException:
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        print(os.waitpid(process, 0)[1], flush=True)


def _app(url: str, folder: Path) -> Flask:
    return create_app(Config(folder, url, SECRET, access_log=False, docs=False, log_level="ERROR"))


def _do(app: Flask, deed: Call | Duty, number: int, told: str) -> None:
    database: Database = app.extensions["taskyard.database"]
    lanes.chance = lambda: 0.0  # every process passes the same points
    points = itertools.count(1)

    def reach(name: str) -> None:
        if next(points) == number:
            Path(told).write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()  # where another thread takes the signal, this one might get one statement further

    event.listen(database.write, "before_cursor_execute", lambda *of: reach(f"before {_short(of[2])}"))
    driver.rows = _between(driver.rows, reach, database)  # the process is for this deed alone
    driver.execute = _between(driver.execute, reach, database)
    event.listen(database.write, "commit", lambda _: reach("before the commit"))
    event.listen(database.write, "checkin", lambda *_: reach("after the commit"))
    deed.do(Caller(app, MIA), database)


def _between(deed: Callable[..., Any], points: Callable[[str], None], database: Database) -> Callable[..., Any]:
    """What runs statements past SQLAlchemy, with such points."""

    def run(connection: Connection, sql: str, parameters: Any) -> Any:
        alone = connection.engine is database.read
        points(f"before {ALONE if alone else _short(sql)}")
        found = deed(connection, sql, parameters)
        if alone:
            points(f"after {ALONE}")
        return found

    return run


def _short(statement: str) -> str:
    return " ".join(statement.split())[:40]


if __name__ == "__main__":
    from support import killed  # by the name under which the deeds are pickled

    killed._serve()
