"""`taskyard queue`, against the real server."""

from collections.abc import Callable
from functools import partial

import pytest
from click.testing import Result

from support.people import ALICE, MIA
from taskyard.client import Client, Conflict

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.parametrize("shared_server", ["sqlite"], indirect=True),  # the database does not matter here
]


@pytest.fixture
def run(run: Callable[..., Result]) -> Callable[..., Result]:
    return partial(run, "queue", person=MIA)


def test_a_queue_is_paused_resumed_and_listed(run: Callable[..., Result], client: Client) -> None:
    client.submit("o-queue", queue="o-queue")
    assert "o-queue: paused since " in run("pause", "o-queue").stdout
    assert client.claim(["o-queue"]) == []
    assert "o-queue: paused since " in run("list").stdout
    assert "the oldest waits for " in run("resume", "o-queue").stdout
    assert client.queue("o-queue").depth["normal"] == {"count": 1, "capped": False}
    refused = run("pause", "o-queue", person=ALICE)
    assert (refused.exit_code, "role" in refused.stderr) == (1, True)


def test_a_queue_is_drained_and_opened_again(run: Callable[..., Result], client: Client) -> None:
    assert "o-closed: closed since " in run("drain", "o-closed").stdout
    with pytest.raises(Conflict):
        client.submit("o-closed", queue="o-closed")
    assert "closed since" not in run("open", "o-closed").stdout
    assert client.submit("o-closed", queue="o-closed").status == "queued"


def test_what_waits_in_a_queue_is_cancelled_once_its_name_is_said_again(
    run: Callable[..., Result], client: Client
) -> None:
    tasks = [client.submit("o-purged", queue="o-purged") for _ in range(2)]
    refused = run("purge", "o-purged", "--confirm", "o-other")
    assert (refused.exit_code, "nothing was cancelled" in refused.stderr) == (2, True)
    assert client.get(tasks[0].id).status == "queued"
    assert "2 tasks of o-purged were cancelled." in run("purge", "o-purged", given="o-purged\n").stdout
    assert {client.get(one.id).status for one in tasks} == {"cancelled"}


def test_limits_are_set_shown_and_removed(run: Callable[..., Result], client: Client) -> None:
    client.submit("o-limited", queue="o-limited")
    several = ["--rate", "100/min", "--key-running", "2", "--key-rate", "5/s", "--weight", "a=b=4"]
    shown = run("limit", "o-limited", "--running", "20", *several).stdout
    assert "  waiting    high 0, normal 1, low 0\n" in shown
    assert "  limits     20 at once, 100 a minute; of each key: 2 at once, 5 a second\n" in shown
    assert "  weights    a=b=4\n" in shown
    run("limit", "o-limited", "--rate", "none", "--key-running", "none", "--weight", "a=b=none")
    left = run("show", "o-limited").stdout
    assert "  limits     20 at once; of each key: 5 a second\n" in left
    assert "weights" not in left


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "Say what to set"),
        (["--running", "x"], "'x' is neither a number nor none"),
        (["--rate", "100"], "say it as 100/second"),
        (["--rate", "1/day"], "say it as 100/second"),
        (["--rate", "-1/s"], "say it as 100/second"),
        (["--weight", "=4"], "say it as customer-17=4"),
        (["--weight", "4"], "say it as customer-17=4"),
    ],
)
def test_what_is_no_limit_is_said(run: Callable[..., Result], options: list[str], said: str) -> None:
    refused = run("limit", "o-wrong", *options)
    assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output


def test_what_the_server_refuses_is_said(run: Callable[..., Result]) -> None:
    refused = run("limit", "o-wrong", "--running", "0")
    assert (refused.exit_code, "max_running" in refused.stderr) == (1, True), refused.output
