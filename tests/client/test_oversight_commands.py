"""`taskyard explain` and `worker`, against the real server."""

from collections.abc import Callable
from functools import partial

import pytest
from click.testing import Result

from support.people import MIA
from taskyard.client import Client

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]


@pytest.fixture
def run(run: Callable[..., Result]) -> Callable[..., Result]:
    return partial(run, person=MIA)


def test_a_task_is_explained_in_words(run: Callable[..., Result], client: Client) -> None:
    task = client.submit("o-explain", queue="o-explain")
    told = run("explain", task.id).stdout
    assert told.startswith(f"{task.id} is queued.\n\nno_worker: No worker has asked for the queue o-explain")
    assert "\nNext: The first worker that asks for o-explain" in told
    unknown = run("explain", "00000000-0000-7000-8000-000000000000")
    assert (unknown.exit_code, "There is no such task." in unknown.stderr) == (1, True)


def test_workers_are_listed_with_what_they_run(run: Callable[..., Result], client: Client) -> None:
    task = client.submit("o-worker", queue="o-worker")
    client.claim(["o-worker"], worker="the o-worker")
    told = run("worker", "list").stdout
    assert "the o-worker asked at " in told
    assert f"  o-worker {task.id}\n" in told
    [line] = [line for line in told.splitlines() if "the o-worker" in line]
    drained = run("worker", "drain", line.split()[0])
    assert ", draining since " in drained.stdout
    assert client.claim(["o-worker"], worker="the o-worker").draining
    assert "draining" not in run("worker", "resume", line.split()[0]).stdout
