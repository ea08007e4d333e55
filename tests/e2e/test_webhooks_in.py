"""Webhooks over a real socket, and kill -9 of web while they come in: what was answered with 2xx is there.

The short form is part of the tests. `make hooks` runs the long one: HOOKS_REQUESTS requests.
"""

import http.client
import itertools
import json
import os
import subprocess
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from support.databases import Postgres, SqliteFiles
from support.github import GITHUB, signature
from support.people import ALICE, BOB
from support.server import PROJECT, Server, running_server
from taskyard.core.db import open_database
from taskyard.inbox.models import request, request_task
from taskyard.queue.tables import task

pytestmark = pytest.mark.e2e
REQUESTS = int(os.environ.get("HOOKS_REQUESTS", "600"))
SENDERS = 12
PAUSE_S = 0.05  # of a sender that got no answer: twelve that never rest keep the server from coming back
KILLS = 2 + REQUESTS // 2_500
SOURCE = {**GITHUB, "routes": [{"command": "build", "payload": "body.n"}]}


def call(url: str, method: str, path: str, body: bytes, headers: list[tuple[str, str]]) -> tuple[int, bytes]:
    """One request with just these header fields, which may stand there twice."""
    where = urlsplit(url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
    try:
        connection.putrequest(method, path)
        for name, value in [("Content-Length", str(len(body))), *headers]:
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def make_source(server: Server) -> None:
    headers = [("Authorization", f"Bearer {ALICE.key}"), ("Content-Type", "application/json")]
    status, _ = call(server.url, "PUT", "/v1/sources/github", json.dumps(SOURCE).encode(), headers)
    assert status in {200, 201}


def signed(body: bytes, delivery: str) -> list[tuple[str, str]]:
    told = [("X-GitHub-Event", "push"), ("X-GitHub-Delivery", delivery), ("Content-Type", "application/json")]
    return [("X-Hub-Signature-256", signature(body)), *told]


def test_a_header_sent_twice_is_seen_twice(shared_server: Server) -> None:
    make_source(shared_server)
    body = b'{"n": 1}'
    once = signed(body, "twice-1")
    assert call(shared_server.url, "POST", "/hooks/github", body, once)[0] == 200
    status, answer = call(shared_server.url, "POST", "/hooks/github", body, [*once, once[0]])
    assert (status, b"given_twice" in answer) == (401, True)


def test_a_chunked_body_is_taken_as_it_is(shared_server: Server) -> None:
    make_source(shared_server)
    body, where = b'{"n":  2}\n', urlsplit(shared_server.url)
    connection = http.client.HTTPConnection(str(where.hostname), where.port, timeout=10)
    pieces = iter([body[:3], body[3:]])
    connection.request("POST", "/hooks/github", pieces, dict(signed(body, "chunked-1")), encode_chunked=True)
    answer = connection.getresponse()
    assert (answer.status, list(json.loads(answer.read()))) == (200, ["id"])
    connection.close()


def test_the_readmes_webhook_becomes_a_task(shared_server: Server) -> None:
    section = (PROJECT / "README.md").read_text().partition("## A webhook becomes a task")[2]
    lines = section.split("```")[1].strip().replace("localhost:8000", urlsplit(shared_server.url).netloc)
    lines = lines.replace("sources/github", "sources/readme").replace("hooks/github", "hooks/readme")
    env = {**os.environ, "TASKYARD_TOKEN": BOB.key}
    ended = subprocess.run(["bash", "-euo", "pipefail", "-c", lines], env=env, capture_output=True, timeout=30)
    made, answer, tasks = (json.loads(one) for one in ended.stdout.replace(b"}{", b"}\n{").splitlines())
    assert made["path"] == "/hooks/readme"
    assert list(answer) == ["id"]
    assert [task["payload"] for task in tasks["tasks"]] == [{"ref": "refs/heads/main"}]


def test_what_was_answered_is_there_on_sqlite(sqlite_files: SqliteFiles, tmp_path: Path) -> None:
    survive(sqlite_files.new(), tmp_path)


def test_what_was_answered_is_there_on_postgresql(postgres: Postgres, tmp_path: Path) -> None:
    survive(postgres.new(), tmp_path)


class Senders:
    """They send each delivery until it is answered with 2xx, as a provider does; and note each answer."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._numbers = itertools.count()
        self.answered: dict[int, list[str]] = {}
        self.failed = 0  # that were not answered, so nobody knows
        self.threads = [threading.Thread(target=self._send) for _ in range(SENDERS)]
        for thread in self.threads:
            thread.start()

    def _send(self) -> None:
        while (number := next(self._numbers)) < REQUESTS:
            ids = [self._until_answered(number)]
            if number % 10 == 0:
                ids.append(self._until_answered(number))
            self.answered[number] = ids

    def _until_answered(self, number: int) -> str:
        body = json.dumps({"n": number}).encode()
        give_up_at = time.monotonic() + 60
        while time.monotonic() < give_up_at:
            try:
                status, answer = call(self._url, "POST", "/hooks/github", body, signed(body, f"d-{number}"))
            except (OSError, http.client.HTTPException):
                self.failed += 1
                time.sleep(PAUSE_S)
                continue
            if status == 200:
                found: str = json.loads(answer)["id"]
                return found
            assert status == 503, answer
        raise AssertionError(f"delivery {number} is not taken")

    @property
    def done(self) -> bool:
        return not any(thread.is_alive() for thread in self.threads)


def survive(url: str, folder: Path) -> None:
    began, kills = time.monotonic(), 0
    with running_server(url, folder, TASKYARD_LOG_LEVEL="WARNING") as server:
        make_source(server)
        senders = Senders(server.url)
        while not senders.done:
            reached = len(senders.answered)
            if kills < KILLS and reached >= (kills + 1) * REQUESTS // (KILLS + 1):
                server.web.kill()
                server.web.start()
                server.wait_until_ready()
                kills += 1
            senders.threads[0].join(0.005)
        for thread in senders.threads:
            thread.join()
    print(f"{REQUESTS} requests in {time.monotonic() - began:.1f} s, {kills} kills, {senders.failed} not answered")
    assert kills == KILLS
    assert len(senders.answered) == REQUESTS, "a sender gave up"
    check(url, senders.answered)


def check(url: str, answered: dict[int, list[str]]) -> None:
    database = open_database(url)
    try:
        with database.read.connect() as connection:
            payloads = {row.id: int(row.payload) for row in connection.execute(select(task.c.id, task.c.payload))}
            links = {row.request_id: row.task_id for row in connection.execute(select(request_task))}
            kept = set(connection.execute(select(request.c.id)).scalars())
    finally:
        database.dispose()
    assert all(len(set(ids)) == 1 for ids in answered.values()), "the id of a delivery stays the same"
    assert {ids[0] for ids in answered.values()} == kept == set(links), "nothing lost, and nothing half-written"
    assert sorted(payloads.values()) == list(range(REQUESTS)), "each became one task: sent again, it is known"
    assert all(payloads[links[ids[0]]] == number for number, ids in answered.items())
