"""The server that end-to-end tests use: how it stops and comes back."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.people import ALICE
from support.server import Server
from support.signals import until
from taskyard.client import Client

pytestmark = [pytest.mark.e2e, pytest.mark.parametrize("databases", ["sqlite"], indirect=True)]


def test_a_stop_waits_neither_for_idle_connections_nor_for_waiting_claims(server: Server) -> None:
    with Client(server.url, ALICE.key) as idle, Client(server.url, ALICE.key) as waiting, ThreadPoolExecutor() as pool:
        task = idle.submit("first")
        claim = pool.submit(waiting.claim, ["first", "second"], wait_s=20)
        assert [lease.task.id for lease in claim.result(10)] == [task.id]
        claim = pool.submit(waiting.claim, ["second"], wait_s=20, retry_for_s=0)
        until(lambda: claim.running())
        server.web.stop()
        assert server.web.process
        assert server.web.process.returncode == 0  # it was not killed for being slow
        assert claim.result(1) == []
        server.web.start()
        server.wait_until_ready()
        assert idle.get(task.id).id == task.id
