"""A worker that stands still for longer than its lease (SIGSTOP, a laptop that sleeps) and then goes on."""

import signal
from pathlib import Path

import pytest

from support.chaos import logging_worker, retry_at_once
from support.people import ALICE
from support.server import Server
from support.signals import until
from taskyard.client import Client

pytestmark = pytest.mark.e2e


def test_the_answer_of_a_frozen_worker_comes_too_late(shared_server: Server, tmp_path: Path) -> None:
    retry_at_once(shared_server, "frozen")
    log, first, second = (tmp_path / name for name in ("runs.log", "first", "second"))
    # One task at a time: with room for more its claim would still wait at the server, and get the task a second time.
    frozen = logging_worker(shared_server, "frozen", log, "frozen", lease_s=1, concurrency=1)
    workers = [frozen]
    try:
        with Client(shared_server.url, ALICE.key) as client:
            task = client.submit("frozen", {"until": [str(first), str(second)]})
            # Not only claimed: it has begun, and said so in its log.
            until(lambda: log.exists() and task.id in log.read_text())
            frozen.signal(signal.SIGSTOP)
            workers.append(logging_worker(shared_server, "second", log, "frozen", lease_s=1))
            until(lambda: log.read_text().count(task.id) == 2)
            first.touch()
            frozen.signal(signal.SIGCONT)
            # By its answer; or by its heartbeat, where that was faster, and then it sends no answer.
            until(lambda: any(told in frozen.output() for told in ("stale", "no longer ours")))
            assert client.get(task.id).status == "running", "the late answer does not end what another is at"
            second.touch()
            done = client.wait(task.id, 20)
            assert [one.outcome for one in client.attempts(task.id)] == ["lost", "succeeded"]
        runs = [line.split() for line in log.read_text().splitlines()]
        assert [run[:2] for run in runs] == [[task.id, "1"], [task.id, "2"]]
        assert done.result == {"attempt": 2, "fence": runs[1][2]}
    finally:
        for worker in workers:
            worker.kill()
            print(worker.output())
