"""`taskyard dead` and `taskyard operation`, against the real server and its dispatcher."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import Result

from taskyard.client import Client, Report, Task

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]


def failed(client: Client, command: str, message: str) -> Task:
    task = client.submit(command, {"width": 1}, max_attempts=1)
    [lease] = client.claim([command])
    client.settle([Report(lease.token, "failed", error={"type": "TimeoutError", "message": message})])
    return task


def test_what_died_of_one_fault_is_told_and_run_again(run: Callable[..., Result], client: Client) -> None:
    tasks = [failed(client, "d-again", f"no answer after {seconds} s") for seconds in (30, 31)]
    [head, error] = run("dead", "--command", "d-again").stdout.splitlines()
    fingerprint, count = head.split()[:2]
    assert (count, error) == ("2", "  TimeoutError: no answer after 31 s")
    tried = run("operation", "retry", "--fingerprint", fingerprint, "--dry-run")
    assert tried.stdout == "It would find 2 tasks; nothing was changed.\n"
    assert {client.get(one.id).status for one in tasks} == {"failed"}
    done = run("operation", "retry", "--fingerprint", fingerprint, "--patch", '{"width": 2}')
    assert done.exit_code == 0, done.output
    assert f"  retry fingerprint={fingerprint}, owner=" in done.stdout
    assert ": done, 2 done, 0 left as they were\n" in done.stdout
    assert [client.get(one.id).payload for one in tasks] == [{"width": 2}] * 2
    assert run("dead", "--command", "d-again").stdout == ""


def test_what_died_before_a_moment_is_left_out(run: Callable[..., Result], client: Client) -> None:
    failed(client, "d-since", "once")
    tomorrow = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert run("dead", "--command", "d-since", "--since", "2020-01-01").stdout != ""
    assert run("dead", "--command", "d-since", "--since", tomorrow).stdout == ""


def test_tasks_are_moved_and_cancelled_and_deleted(run: Callable[..., Result], client: Client) -> None:
    task = client.submit("d-moved")
    run("operation", "move", "--command", "d-moved", "--to", "d-elsewhere")
    assert client.get(task.id).queue == "d-elsewhere"
    run("operation", "cancel", "--queue", "d-elsewhere")
    assert client.get(task.id).status == "cancelled"
    left = run("operation", "cancel", "--queue", "d-elsewhere").stdout
    assert "0 done, 1 left as they were\n" in left
    assert f"  {task.id}: It has ended already.\n" in left
    run("operation", "delete", "--queue", "d-elsewhere", "--status", "cancelled", "--created-from", "2020-01-01")
    assert list(client.list(queue="d-elsewhere")) == []


def test_an_operation_is_listed_shown_and_held(run: Callable[..., Result], client: Client) -> None:
    started = run("operation", "delete", "--command", "d-none", "--no-wait").stdout
    operation = started.split()[0]
    assert list(client.follow_operation(operation))[-1].state == "done"
    assert run("operation", "show", operation).stdout.startswith(f"{operation}  delete command=d-none, owner=")
    assert run("operation", "list", "--state", "done").stdout.splitlines()[0].startswith(operation)
    for deed in ("pause", "resume", "stop"):
        over = run("operation", deed, operation)
        assert (over.exit_code, over.stdout) == (1, ""), over.output


def test_what_cannot_be_done_is_said(run: Callable[..., Result]) -> None:
    everything = run("operation", "retry")
    assert (everything.exit_code, "An operation needs a filter" in everything.stderr) == (1, True), everything.output
    wrong = run("operation", "retry", "--status", "failed", "--patch", "{")
    assert (wrong.exit_code, "not JSON" in wrong.stderr) == (2, True)
