"""`taskyard task list`, `cancel` and `retry`, against the real server."""

from collections.abc import Callable
from functools import partial

import pytest
from click.testing import Result

from taskyard.client import Client

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]


@pytest.fixture
def run(run: Callable[..., Result]) -> Callable[..., Result]:
    return partial(run, "task")


def test_tasks_are_listed_newest_first(run: Callable[..., Result], client: Client) -> None:
    ids = [client.submit("t-listed", tags=[tag]).id for tag in ("a", "b", "b")]
    lines = run("list", "--command", "t-listed").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ids[::-1]
    assert {tuple(line.split()[1::2]) for line in lines} == {("queued", "t-listed")}
    assert len(run("list", "--command", "t-listed", "--limit", "1").stdout.splitlines()) == 1
    assert run("list", "--command", "t-listed", "--tag", "a").stdout.split()[0] == ids[0]
    wrong = run("list", "--status", "asleep")
    assert (wrong.exit_code, "status" in wrong.stderr) == (1, True)


def test_tasks_are_cancelled_and_run_again(run: Callable[..., Result], client: Client) -> None:
    ids = [client.submit("t-again").id for _ in range(2)]
    assert [line.split()[1] for line in run("cancel", *ids).stdout.splitlines()] == ["cancelled"] * 2
    assert [line.split()[1] for line in run("retry", *ids).stdout.splitlines()] == ["queued"] * 2
    assert {client.get(one).status for one in ids} == {"queued"}
    refused = run("retry", ids[0])
    assert (refused.exit_code, refused.stdout) == (1, "")
