"""`taskyard work`: tasks as shell commands, against the real server."""

import psutil
import pytest

from support.server import Service
from support.signals import until
from taskyard.client import Client

pytestmark = [pytest.mark.e2e, pytest.mark.usefixtures("shared_worker")]


def is_alive(pid: int) -> bool:
    """Whether it runs; what has ended but was not collected by its parent does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_the_payload_comes_on_stdin_and_stdout_is_the_result(client: Client) -> None:
    payload = {"width": 200, "name": "Größe ☃", "none": None}
    done = client.wait(client.submit("echo", payload).id, 20)
    assert (done.status, done.result, done.attempts) == ("succeeded", payload, 1)


def test_text_that_is_no_json_is_a_string_and_no_text_is_null(client: Client) -> None:
    text, nothing = client.submit("hello"), client.submit("quiet", {"large": "x" * 200_000})
    assert client.wait(text.id, 20).result == "hello"
    done = client.wait(nothing.id, 20)
    assert (done.status, done.result) == ("succeeded", None)


def test_a_command_knows_its_task_from_the_environment(client: Client) -> None:
    task = client.submit("environment", timeout_s=50)
    assert client.wait(task.id, 20).result == [task.id, 1, "environment", 50]


def test_an_exit_code_fails_the_attempt_with_the_end_of_its_log(client: Client) -> None:
    failed = client.wait(client.submit("breaks", max_attempts=1).id, 20)
    assert failed.status == "failed"
    assert failed.error == {"type": "exit", "message": "exit code 3", "exit_code": 3, "stderr": "it broke\n"}
    [attempt] = client.attempts(failed.id)
    assert (attempt.outcome, attempt.log) == ("failed", "it broke\n")


def test_exit_code_65_says_not_to_try_again(client: Client) -> None:
    failed = client.wait(client.submit("hopeless", max_attempts=5).id, 20)
    assert (failed.status, failed.attempts, failed.error["exit_code"]) == ("failed", 1, 65)


def test_more_than_1_mib_of_output_fails_the_attempt(client: Client) -> None:
    failed = client.wait(client.submit("much", max_attempts=1).id, 20)
    assert (failed.status, failed.error["type"]) == ("failed", "output")


def test_a_result_that_the_server_refuses_fails_its_attempt_and_no_other(client: Client) -> None:
    refused = [client.submit("nul", max_attempts=1) for _ in range(3)]
    fine = [client.submit("echo", number) for number in range(3)]
    assert [client.wait(task.id, 20).result for task in fine] == [0, 1, 2]
    errors = [client.wait(task.id, 20).error for task in refused]
    assert [error["type"] for error in errors] == ["refused"] * 3
    assert "NUL" in str(errors[0])


def test_a_timeout_ends_the_command_and_all_that_it_started(client: Client) -> None:
    failed = client.wait(client.submit("hangs", timeout_s=1, max_attempts=1).id, 20)
    assert (failed.status, failed.error["type"]) == ("failed", "timeout")
    assert not is_alive(int(failed.error["stderr"]))


def test_a_cancelled_command_shows_its_progress_and_is_stopped_even_if_it_will_not(
    client: Client, shared_worker: Service
) -> None:
    task = client.submit("stubborn")
    running = until(lambda: (lease := client.get(task.id).lease) and lease.progress and lease)
    assert (running.progress, running.note) == (40, "page 4 of 10")
    assert client.cancel(task.id).status == "running"
    cancelled = client.wait(task.id, 20)
    assert cancelled.status == "cancelled"
    assert [attempt.outcome for attempt in client.attempts(task.id)] == ["cancelled"]
    assert shared_worker.running
