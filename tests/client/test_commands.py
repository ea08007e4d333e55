"""`taskyard submit` and `taskyard task show`, and the examples."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from support.people import ALICE
from support.server import PROJECT, Server, Service, taskyard
from taskyard.cli import main
from taskyard.client import Client

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]


def test_a_task_is_submitted_and_shown(run: Callable[..., Result]) -> None:
    sent = run("submit", "s-cli", '{"width": 200}', "--priority", "high", "--queue", "s-q", "--delay", "60")
    assert sent.exit_code == 0
    task = json.loads(sent.stdout)
    assert (task["command"], task["payload"], task["priority"], task["queue"], task["status"]) == (
        "s-cli",
        {"width": 200},
        "high",
        "s-q",
        "scheduled",
    )
    shown = run("task", "show", task["id"], "--attempts")
    assert json.loads(shown.stdout) == {**task, "runs": []}


def test_a_payload_comes_from_stdin_and_must_be_json(run: Callable[..., Result]) -> None:
    assert json.loads(run("submit", "s-stdin", "-", given="[1, 2]").stdout)["payload"] == [1, 2]
    refused = run("submit", "s-stdin", "{width: 200}")
    assert refused.exit_code == 2
    assert "not JSON" in refused.stderr


def test_waiting_says_how_it_ended_with_its_exit_code(run: Callable[..., Result], shared_worker: Service) -> None:
    assert shared_worker.running
    done = run("submit", "echo", "1", "--wait", "20")
    assert (done.exit_code, json.loads(done.stdout)["result"]) == (0, 1)
    late = run("submit", "s-nobody", "--wait", "0")
    assert (late.exit_code, json.loads(late.stdout)["status"]) == (3, "queued")
    broken = run("submit", "breaks", "--max-attempts", "1", "--wait", "20")
    assert (broken.exit_code, json.loads(broken.stdout)["status"]) == (1, "failed")


def test_what_cannot_be_done_is_said_in_words(run: Callable[..., Result], shared_server: Server) -> None:
    unknown = run("task", "show", "00000000-0000-7000-8000-000000000000")
    assert unknown.exit_code == 1
    assert "There is no such task." in unknown.stderr
    blank = run("submit", " ")
    assert "/command: " in blank.stderr
    assert "NAME='SHELL COMMAND'" in run("work", "--run", "resize").stderr
    nobody = CliRunner().invoke(main, ["task", "show", "x", "--url", shared_server.url], env={"TASKYARD_TOKEN": None})
    assert nobody.exit_code == 2
    assert "TASKYARD_TOKEN" in nobody.stderr


def test_the_example_command_runs(shared_server: Server, client: Client, work: Callable[..., Service]) -> None:
    work(shared_server, {"resize": f"{sys.executable} examples/resize.py"}, "--queue", "x-resize")
    done = client.wait(client.submit("resize", {"width": 200}, queue="x-resize").id, 20)
    assert done.result == {"width": 200, "height": 150, "file": "picture-200x150.png"}
    assert client.attempts(done.id)[0].log == "resizing to 200x150\n"


@pytest.mark.parametrize("example", ["worker.py", "worker.sh"])
def test_the_example_workers_run(shared_server: Server, client: Client, example: str) -> None:
    argv = [sys.executable, "examples/worker.py"]
    if example == "worker.sh":
        if not (shutil.which("curl") and shutil.which("jq")):
            pytest.skip("curl or jq is not installed here")
        argv = ["sh", "examples/worker.sh"]
    env = {**shared_server.env, "TASKYARD_URL": shared_server.url, "TASKYARD_TOKEN": ALICE.key}
    worker = Service(f"example-{example}", argv, env, shared_server.folder)
    worker.start()
    try:
        done = client.wait(client.submit("resize", {"width": 200}).id, 20)
        assert (done.result["width"], done.result["height"]) == (200, 150)
    finally:
        worker.kill()
        print(worker.output())


def test_a_terminal_shows_what_goes_on(shared_server: Server, client: Client) -> None:
    primary, terminal = os.openpty()
    env = {**shared_server.env, "TASKYARD_URL": shared_server.url, "TASKYARD_TOKEN": ALICE.key, "COLUMNS": "100"}
    argv = [*taskyard(), "work", "--run", "t-shown=echo progress: 40 page 4 >&2; sleep 60", "--grace-s", "0"]
    seen = b""
    with subprocess.Popen(argv, cwd=PROJECT, env=env, stdin=terminal, stdout=terminal, stderr=terminal) as worker:
        os.close(terminal)
        client.submit("t-shown")
        while b" 40 % page 4 " not in seen:
            seen += os.read(primary, 65_536)
        worker.terminate()
        assert worker.wait(20) == 0
    os.close(primary)
    assert b"1 running" in seen
