"""Workers and servers that stop, are killed and come back while tasks run."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import urllib3

from support.people import ALICE, MIA
from support.server import Server, Service
from support.signals import until
from taskyard.client import Client, Report

pytestmark = pytest.mark.e2e
Work = Callable[..., Service]
on_sqlite = pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True)  # the database does not matter here
UNTIL_THERE = 'while [ ! -e "{path}" ]; do sleep 0.05; done; echo \'"done"\''


@on_sqlite
def test_a_drained_worker_claims_nothing_more_and_lets_its_task_end(
    shared_server: Server, client: Client, work: Work, tmp_path: Path
) -> None:
    worker = work(shared_server, {"drained": UNTIL_THERE.format(path=tmp_path / "go")}, "--concurrency", "2")
    task = client.submit("drained")
    until(lambda: "started" in worker.output())  # a lease that comes after the signal is given back
    worker.signal(signal.SIGTERM)
    until(lambda: "stopping" in worker.output())
    next_one = client.submit("drained")
    (tmp_path / "go").touch()
    assert worker.wait() == 0
    assert client.get(task.id).result == "done"
    assert client.get(next_one.id).status == "queued"


@on_sqlite
def test_a_worker_that_the_server_drains_ends_once_its_task_has(
    shared_server: Server, client: Client, work: Work, tmp_path: Path
) -> None:
    run = UNTIL_THERE.format(path=tmp_path / "go")
    worker = work(shared_server, {"ended": run}, "--concurrency", "2", "--grace-s", "0")
    task = client.submit("ended")
    until(lambda: client.get(task.id).status == "running")
    [found] = [one for one in client.workers() if one.queues == ["ended"]]
    assert [one["task_id"] for one in found.running] == [task.id]
    assert client.drain_worker(found.id).draining_since is not None
    next_one = client.submit("ended")  # wakes its claim, which is then told
    until(lambda: "drained by the server" in worker.output())
    (tmp_path / "go").touch()
    assert worker.wait() == 0
    assert client.get(task.id).result == "done"
    assert client.get(next_one.id).status == "queued"


@on_sqlite
def test_a_drained_worker_gives_back_what_does_not_end_at_no_cost(
    shared_server: Server, client: Client, work: Work
) -> None:
    worker = work(shared_server, {"endless": "sleep 60"}, "--grace-s", "0", "--kill-s", "0.3")
    task = client.submit("endless")
    until(lambda: client.get(task.id).status == "running")
    worker.signal(signal.SIGTERM)
    assert worker.wait() == 0
    back = client.get(task.id)
    assert (back.status, back.failures, back.crashes) == ("queued", 0, 0)
    assert [attempt.outcome for attempt in client.attempts(task.id)] == ["released"]


@on_sqlite
def test_a_second_signal_stops_at_once(shared_server: Server, client: Client, work: Work, tmp_path: Path) -> None:
    deaf = tmp_path / "deaf"
    worker = work(shared_server, {"at-once": f"trap '' TERM; : > {deaf}; while :; do sleep 0.1; done"})
    task = client.submit("at-once")
    until(deaf.exists)
    worker.signal(signal.SIGTERM)
    until(lambda: "stopping" in worker.output())
    worker.signal(signal.SIGINT)
    assert worker.wait(20) == 0
    assert client.get(task.id).status == "queued"


@on_sqlite
def test_an_idle_worker_stops_at_once_and_takes_nothing_with_it(
    shared_server: Server, client: Client, work: Work
) -> None:
    worker = work(shared_server, {"idle": "cat"})
    assert client.wait(client.submit("idle", 1).id, 20).result == 1
    worker.signal(signal.SIGTERM)
    assert worker.wait(20) == 0
    assert client.submit("idle", 2).status == "queued"
    assert [lease.task.payload for lease in client.claim(["idle"])] == [2]


def test_a_task_outlives_a_restart_of_the_server(server: Server, work: Work, tmp_path: Path) -> None:
    worker = work(server, {"patient": UNTIL_THERE.format(path=tmp_path / "go")})
    with Client(server.url, ALICE.key) as client:
        task = client.submit("patient")
        until(lambda: "started" in worker.output())  # a claim whose answer is lost is asked for again
        server.kill()
        (tmp_path / "go").touch()
        until(lambda: "settling failed" in worker.output())
        server.start()
        done = client.wait(task.id, 20)
        assert (done.status, done.result, done.attempts, done.crashes) == ("succeeded", "done", 1, 0)


def test_the_task_of_a_killed_worker_runs_again(
    shared_server: Server, client: Client, work: Work, tmp_path: Path
) -> None:
    _retry_at_once(shared_server, "killed")
    commands = {"killed": UNTIL_THERE.format(path=tmp_path / "go")}
    first = work(shared_server, commands, "--lease-s", "1")
    task = client.submit("killed")
    until(lambda: client.get(task.id).status == "running")
    work(shared_server, commands)  # before the first one's end: how long it takes to start is not the question
    first.kill()
    expired_at = client.get(task.id).lease.expires_at  # type: ignore[union-attr]  # it is running
    until(lambda: client.get(task.id).attempts == 1 and client.get(task.id).status == "running")
    (tmp_path / "go").touch()
    assert client.wait(task.id, 20).status == "succeeded"
    lost, second = client.attempts(task.id)
    assert (lost.outcome, second.outcome) == ("lost", "succeeded")
    assert (second.started_at - expired_at).total_seconds() < 10


def test_a_late_answer_with_an_old_token_changes_nothing(shared_server: Server, client: Client) -> None:
    _retry_at_once(shared_server, "late")
    task = client.submit("late")
    [old] = client.claim(["late"], lease_s=1, wait_s=5)
    [new] = until(lambda: client.claim(["late"], wait_s=5))
    late, timely = client.settle([Report(old.token, "succeeded", "old"), Report(new.token, "succeeded", "new")])
    assert (late.status, timely.status) == ("stale", "ok")
    assert client.get(task.id).result == "new"


def _retry_at_once(server: Server, name: str) -> None:
    """Register a command whose tasks wait for no backoff."""
    registered = urllib3.request(
        "PUT",
        f"{server.url}/v1/commands/{name}",
        json={"backoff": {"kind": "constant", "base_s": 0}},
        headers={"Authorization": f"Bearer {MIA.key}"},
    )
    assert registered.status in {200, 201}, registered.data
