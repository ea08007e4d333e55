"""Clients and workers of the shared server."""

from collections.abc import Callable, Iterator

import pytest
from click.testing import CliRunner, Result

from support.people import ALICE, Person
from support.server import Server, Service
from support.workers import start_work
from taskyard.cli import main
from taskyard.client import Client

COMMANDS = {
    "echo": "cat",
    "hello": "echo hello",
    "quiet": "cat >/dev/null",
    "breaks": "echo 'it broke' >&2; exit 3",
    "hopeless": "exit 65",
    "much": "head -c 1100000 /dev/zero | tr '\\0' 9",
    "environment": 'echo "[\\"$TASKYARD_TASK_ID\\", $TASKYARD_ATTEMPT, \\"$TASKYARD_COMMAND\\", $TASKYARD_TIMEOUT_S]"',
    "nul": "printf '\"a\\\\u0000\"'",
    # Says the number of a grandchild that ignores SIGTERM, and outlives the task unless it is ended with it.
    "hangs": "sh -c 'trap \"\" TERM; echo $$ >&2; while :; do sleep 0.1; done' & wait",
    "stubborn": "trap '' TERM; echo 'progress: 40 page 4 of 10' >&2; while :; do sleep 0.1; done",
}


@pytest.fixture
def client(shared_server: Server) -> Iterator[Client]:
    with Client(shared_server.url, ALICE.key, retry_for_s=5) as found:
        yield found


@pytest.fixture
def run(shared_server: Server) -> Callable[..., Result]:
    """The `taskyard` command, as Alice unless told otherwise; `given` is its stdin."""

    def invoke(*argv: str, person: Person = ALICE, given: str | bytes | None = None) -> Result:
        env = {"TASKYARD_URL": shared_server.url, "TASKYARD_TOKEN": person.key}
        return CliRunner().invoke(main, argv, env=env, input=given)

    return invoke


@pytest.fixture(scope="session")
def shared_worker(shared_server: Server) -> Iterator[Service]:
    """A worker for all of COMMANDS, with leases of 1 s and 0.5 s from SIGTERM to SIGKILL."""
    worker = start_work(shared_server, COMMANDS, "--lease-s", "1", "--kill-s", "0.5", "--concurrency", "8")
    yield worker
    worker.kill()
    print(worker.output())


@pytest.fixture
def work() -> Iterator[Callable[..., Service]]:
    """Start `taskyard work` for these commands, with more options: work(server, {"name": "command"}, …)."""
    started: list[Service] = []

    def start(server: Server, commands: dict[str, str], *options: str) -> Service:
        started.append(start_work(server, commands, *options))
        return started[-1]

    yield start
    for worker in started:
        worker.kill()
        print(worker.output())
