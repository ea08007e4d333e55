"""Under gevent a wait for PostgreSQL holds up nobody else; told by a process that is patched as the web process is."""

import subprocess
import sys

from support.databases import Postgres

PROGRAM = """
from gevent import monkey
monkey.patch_all()
import gevent
from sqlalchemy import text
from taskyard.core.db import open_database

database = open_database({url!r})
beats = []

def beat():
    while True:
        beats.append(1)
        gevent.sleep(0.005)

def ask(answer):
    with database.read.connect() as connection:
        query = text("SELECT CAST(:answer AS integer) FROM pg_sleep(0.5)")
        return connection.execute(query, {{"answer": answer}}).scalar_one()

beating = gevent.spawn(beat)
asked = [gevent.spawn(ask, number) for number in range(4)]
with gevent.Timeout(30):
    gevent.joinall(asked)
    print([one.value for one in asked], len(beats))

with database.read.connect() as connection:  # it answers when the server hangs up, too
    pid = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    waiting = gevent.spawn(connection.execute, text("SELECT pg_sleep(60)"))
    gevent.sleep(0.1)
    with database.write.begin() as other:
        other.execute(text("SELECT pg_terminate_backend(:pid)"), {{"pid": pid}})
    with gevent.Timeout(30):
        waiting.join()
    print(type(waiting.exception).__name__)
"""


def test_others_go_on_while_postgresql_is_waited_for(postgres: Postgres) -> None:
    url = postgres.new()
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(url=url)], capture_output=True, text=True, timeout=120, check=True
    )
    answers, error = done.stdout.strip().splitlines()
    numbers, _, beats = answers.rpartition(" ")
    assert numbers == "[0, 1, 2, 3]"
    assert int(beats) > 5  # one, where the first wait held up all
    assert error == "OperationalError"
    postgres.drop(url)
