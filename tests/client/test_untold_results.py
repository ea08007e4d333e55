"""Workers that get tasks but cannot tell their results: the proxy cuts settlements and lets all else through."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.proxy import Proxy
from support.server import Server, Service
from support.signals import until
from taskyard.client import Client, Task

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.slow,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]
Work = Callable[..., Service]
SETTLE = b"POST /v1/leases/settle"
UNTIL_THERE = "while [ ! -e '{path}' ]; do sleep 0.05; done"
SUBMITTED = 260
HELD = 208  # by a worker that runs eight at a time: eight, and two full reports of 100


@pytest.fixture
def proxy(shared_server: Server) -> Iterator[Proxy]:
    with Proxy(shared_server.port) as found:
        found.cut = SETTLE
        yield found


def test_a_worker_that_cannot_tell_its_results_claims_no_more_than_it_may_hold(
    shared_server: Server, client: Client, proxy: Proxy, work: Work
) -> None:
    client.submit_many([{"command": "untold"}] * SUBMITTED)
    worker = work(shared_server, {"untold": "true"}, "--url", proxy.url, "--concurrency", "8", "--lease-s", "5")
    until(lambda: "nothing is claimed" in worker.output() or ran(worker) == SUBMITTED, 30)
    assert ran(worker) == HELD
    running = tasks(client, "untold", "running")
    assert len(running) == HELD
    # Nobody else may run again what it ran: its heartbeats keep that.
    before = running[0].lease
    assert before
    until(lambda: (lease := client.get(running[0].id).lease) and lease.expires_at > before.expires_at, 20)
    proxy.cut = None
    done = until(lambda: len(found := tasks(client, "untold", "succeeded")) == SUBMITTED and found, 20)
    assert {task.attempts for task in done} == {1}
    assert "claiming again" in worker.output()


def test_a_worker_that_cannot_tell_its_results_is_stopped_as_any_other(
    shared_server: Server, client: Client, proxy: Proxy, work: Work, tmp_path: Path
) -> None:
    slow = client.submit("slow")
    commands = {"slow": UNTIL_THERE.format(path=tmp_path / "go"), "untold-too": "true"}
    worker = work(shared_server, commands, "--url", proxy.url, "--concurrency", "8")
    until(lambda: client.get(slow.id).status == "running")
    client.submit_many([{"command": "untold-too"}] * SUBMITTED)
    until(lambda: "nothing is claimed" in worker.output() or ran(worker) > SUBMITTED, 30)
    worker.signal(signal.SIGTERM)
    until(lambda: "stopping: 1 running tasks" in worker.output())
    proxy.cut = None
    (tmp_path / "go").touch()
    assert worker.wait() == 0
    assert client.get(slow.id).status == "succeeded"
    assert len(tasks(client, "untold-too", "succeeded")) == HELD - 1
    assert len(tasks(client, "untold-too", "queued")) == SUBMITTED - (HELD - 1)


def ran(worker: Service) -> int:
    return worker.output().count(" started\n")


def tasks(client: Client, command: str, status: str) -> list[Task]:
    return list(client.list(command=command, status=status))
