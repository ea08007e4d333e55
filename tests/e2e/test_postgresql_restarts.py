"""PostgreSQL is killed and started again under a running web, dispatcher and waiting workers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import urllib3

from support.databases import Postgres
from support.people import ALICE
from support.server import running_server
from support.signals import until
from taskyard.client import Client, Lease, Report
from taskyard.core.db import open_database
from taskyard.core.notices import notices

pytestmark = pytest.mark.e2e
RECOVERED_S = 5.0


class Poll:
    """A worker's claim that waits at the server; it is asked again where it was refused with Retry-After."""

    def __init__(self, url: str, queue: str) -> None:
        self.leases: list[Lease] = []
        self.answered_at = 0.0
        self._url, self._queue = url, queue
        self.thread = threading.Thread(target=self._wait)
        self.thread.start()

    def _wait(self) -> None:
        with Client(self._url, ALICE.key, retry_for_s=30) as client:
            self.leases = client.claim([self._queue], wait_s=20)
            self.answered_at = time.monotonic()

    def get(self) -> tuple[Lease, float]:
        """What it got, and when."""
        self.thread.join(30)
        [lease] = self.leases
        return lease, self.answered_at


def test_all_goes_on_within_5_s_of_a_restart_long_polls_included(own_postgres: Postgres, tmp_path: Path) -> None:
    with (
        running_server(own_postgres.new(), tmp_path) as server,
        Client(server.url, ALICE.key, retry_for_s=30) as client,
    ):
        client.submit("held")
        [held] = client.claim(["held"], lease_s=60)
        polls = {name: Poll(server.url, name) for name in ("now", "later")}
        later = client.submit("later", delay_s=1)  # the dispatcher's to bring, and the poller's to see
        with away(own_postgres):
            for method, path in (("GET", f"/v1/tasks/{held.task.id}"), ("POST", "/v1/tasks"), ("POST", "/v1/leases")):
                answer = ask(server.url, method, path)
                assert answer.status == 503, answer.data
                assert int(answer.headers["Retry-After"]) > 0
            time.sleep(1.2)  # past the time of `later`
        up_at = time.monotonic()
        assert client.settle([Report(held.token, "succeeded")])[0].status == "ok"
        now = client.submit("now")
        got = {name: poll.get() for name, poll in polls.items()}
        assert (got["now"][0].task.id, got["later"][0].task.id) == (now.id, later.id)
        assert max(at for _, at in got.values()) - up_at < RECOVERED_S
        until(lambda: server.is_ready())
        assert ask(server.url, "GET", f"/v1/tasks/{held.task.id}").status == 200


def test_after_a_restart_notices_are_heard_again(own_postgres: Postgres) -> None:
    one, two = (open_database(url) for url in [own_postgres.new()] * 2)
    heard: list[str] = []
    notices(two).on("queue", heard.extend)
    notices(two).listen()
    until(lambda: notices(two).hearing)
    notices(one).send("queue", ["before"])
    until(lambda: heard == ["before"])
    with away(own_postgres):
        until(lambda: not notices(two).hearing)
        notices(one).send("queue", ["meanwhile"])  # lost: those who wait look for themselves
    until(lambda: notices(two).hearing, timeout_s=RECOVERED_S)
    notices(one).send("queue", ["after"])
    until(lambda: "after" in heard)
    for database in (one, two):
        database.dispose()


@contextmanager
def away(postgres: Postgres) -> Iterator[None]:
    """PostgreSQL is dead while the block runs, and takes connections after it."""
    postgres.crash()
    try:
        yield
    finally:
        postgres.start_again()


def ask(url: str, method: str, path: str) -> urllib3.BaseHTTPResponse:
    """One request, without a second try."""
    body = {"GET": None, "POST": {"queues": ["x"]} if path.endswith("leases") else {"command": "x"}}[method]
    return urllib3.request(
        method, url + path, json=body, headers={"Authorization": f"Bearer {ALICE.key}"}, retries=False, timeout=10
    )
