"""A client generated from /openapi.json by openapi-python-client works against the live app."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from support.caller import Caller
from support.databases import SqliteFiles
from support.people import ADA, ALICE
from support.sockets import served
from taskyard.app import create_app
from taskyard.config import Config

pytestmark = pytest.mark.slow

PACKAGE = "generated_taskyard"


Module = Callable[[str], Any]


@pytest.fixture(scope="module")
def module(sqlite_files: SqliteFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Module]:
    """The modules of the generated package, by their names in it."""
    folder = tmp_path_factory.mktemp("generated")
    app = create_app(Config(folder, sqlite_files.new(), b"x" * 32, access_log=False))
    schemas = {"payload_schema": {"type": "object", "properties": {"width": {"type": "integer"}}}}
    assert Caller(app, ADA).put("/v1/commands/thumbnail", schemas).status_code == 201
    description = folder / "openapi.json"
    description.write_bytes(app.test_client().get("/openapi.json").data)
    app.extensions["taskyard.database"].dispose()
    tools = os.path.dirname(sys.executable)  # where it finds ruff, also in an environment that is not activated
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--meta", "none", "--fail-on-warning"]
    made = subprocess.run(
        [*command, "--path", str(description), "--output-path", str(folder / PACKAGE)],
        cwd=folder,
        env={**os.environ, "PATH": os.pathsep.join([tools, os.environ["PATH"]])},
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    yield lambda name: importlib.import_module(f"{PACKAGE}.{name}")
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@pytest.fixture
def client(app: Flask, module: Module) -> Iterator[Any]:
    """The generated client with alice's key, at a socket of the app."""
    with served(app) as url, module("client").AuthenticatedClient(base_url=url, token=ALICE.key) as client:
        yield client


def test_it_submits_runs_and_reads_a_task(client: Any, module: Module) -> None:
    models = module("models")
    sent = models.TaskIn(command="resize", payload={"width": 200}, priority=models.TaskInPriority.HIGH, tags=["a"])
    task = module("api.tasks.post_tasks").sync(client=client, body=sent, idempotency_key="once")
    assert isinstance(task, models.TaskOut)
    assert (task.command, task.status, task.payload) == ("resize", "queued", {"width": 200})

    claim = models.ClaimIn(queues=["resize"], worker="generated")
    [lease] = module("api.leases.post_leases").sync(client=client, body=claim).leases
    assert lease.task.id == task.id
    report = models.ReportIn(token=lease.token, outcome=models.ReportInOutcome.SUCCEEDED, result=[1, 2])
    module("api.leases.post_leases_settle").sync(client=client, body=models.ReportsIn(leases=[report]))

    done = module("api.tasks.get_task_by_id").sync(task.id, client=client)
    assert (done.status, done.result, done.lease) == ("succeeded", [1, 2], None)
    assert done.created_at <= done.finished_at
    assert [one.id for one in module("api.tasks.get_tasks").sync(client=client, limit=10).tasks] == [task.id]


def test_it_reads_what_is_wrong_with_a_task(client: Any, module: Module) -> None:
    models = module("models")
    sent = models.TaskIn(command=" ", max_attempts=0)
    problem = module("api.tasks.post_tasks").sync(client=client, body=sent)
    assert isinstance(problem, models.Problem)
    assert {fault.pointer for fault in problem.errors} == {"/command", "/max_attempts"}
