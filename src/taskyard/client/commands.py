"""The client's part of the `taskyard` command: work, submit, and what all of its commands share."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, TypeVar

import click

from taskyard.client import terminal
from taskyard.client.api import Client
from taskyard.client.errors import NotEnded, TaskyardError
from taskyard.client.process import ShellCommand
from taskyard.client.session import DEFAULT_URL
from taskyard.client.worker import Worker

F = TypeVar("F", bound=Callable[..., Any])


def server(command: F) -> F:
    """The options that say which server, and as whom."""
    command = click.option(
        "--token", envvar="TASKYARD_TOKEN", show_envvar=True, help="An API key; better given in the environment."
    )(command)
    return click.option("--url", envvar="TASKYARD_URL", show_envvar=True, default=DEFAULT_URL, show_default=True)(
        command
    )


def with_client(command: Callable[..., None]) -> Callable[..., None]:
    """The same options, and a client of that server as the first argument; what it refuses is said in words."""

    @wraps(command)
    def run(*, url: str, token: str | None, **given: Any) -> None:
        with problems(), connected(url, token) as client:
            command(client, **given)

    return server(run)


@click.command()
@click.option(
    "--run",
    "runs",
    metavar="NAME='SHELL COMMAND'",
    multiple=True,
    required=True,
    help="What to run for the tasks of a command. Repeatable.",
)
@click.option("--queue", "queues", multiple=True, help="Queues to ask. Repeatable. [default: those of the NAMEs]")
@click.option("--concurrency", type=click.IntRange(1, 1000), default=4, show_default=True, help="Tasks at a time.")
@click.option(
    "--lease-s",
    type=click.IntRange(1, 43_200),
    default=30,
    show_default=True,
    help="Seconds without a sign of life after which a task of this worker goes to another.",
)
@click.option("--grace-s", type=click.FloatRange(0), default=25, show_default=True, help="For tasks to end at a stop.")
@click.option("--kill-s", type=click.FloatRange(0), default=5, show_default=True, help="From SIGTERM to SIGKILL.")
@server
def work(
    runs: Sequence[str],
    queues: Sequence[str],
    concurrency: int,
    lease_s: int,
    grace_s: float,
    kill_s: float,
    url: str,
    token: str | None,
) -> None:
    """Run tasks with shell commands.

    \b
    taskyard work --run resize='python resize.py' --run mail=./send-mail

    The payload is JSON on stdin. stdout is the result: JSON, or else a string; 1 MiB at most. Lines on stderr are the
    task's log; a line "progress: 40 page 4 of 10" sets its progress. An exit code other than 0 fails the attempt;
    after 65 the task is not tried again. TASKYARD_TASK_ID, TASKYARD_ATTEMPT, TASKYARD_COMMAND and TASKYARD_TIMEOUT_S
    are in the environment.

    A task that is cancelled or takes too long gets SIGTERM, then SIGKILL, with all that it started. At SIGTERM or
    Ctrl-C the worker claims nothing more, lets running tasks end for --grace-s and gives the others back; at the second
    one it stops at once.
    """
    terminal.log()
    with problems(), connected(url, token) as client:
        worker = Worker(
            client,
            concurrency=concurrency,
            queues=queues or None,
            lease_s=lease_s,
            grace_s=grace_s,
            stop_grace_s=kill_s,
        )
        for run in runs:
            name, equals, command = run.partition("=")
            if not (name.strip() and equals and command.strip()):
                raise click.BadParameter(f"{run!r} is not NAME='SHELL COMMAND'.", param_hint="--run")
            worker.command(name)(ShellCommand(command))
        worker.run(show=True)


@click.command()
@click.argument("command")
@click.argument("payload", required=False)
@click.option("--priority", type=click.Choice(["low", "normal", "high"]))
@click.option("--queue", help="[default: the command's]")
@click.option("--delay", "delay_s", type=click.FloatRange(0), metavar="SECONDS", help="Not before so many seconds.")
@click.option("--tag", "tags", multiple=True, help="Repeatable.")
@click.option("--max-attempts", type=click.IntRange(1), help="[default: the command's]")
@click.option(
    "--wait", "wait_s", type=click.FloatRange(0), metavar="SECONDS", help="Wait for its end, so long at most."
)
@server
def submit(
    command: str,
    payload: str | None,
    priority: str | None,
    queue: str | None,
    delay_s: float | None,
    tags: Sequence[str],
    max_attempts: int | None,
    wait_s: float | None,
    url: str,
    token: str | None,
) -> None:
    """Submit a task and print it.

    \b
    taskyard submit resize '{"width": 200}' --priority high --wait 60
    make-report | taskyard submit mail -

    PAYLOAD is JSON, or - to read it from stdin. With --wait the exit code is 0 where the task succeeded, 1 where it
    ended otherwise, and 3 where it has not ended in time.
    """
    given = terminal.payload(payload)
    with problems(), connected(url, token) as client:
        task = client.submit(
            command, given, priority=priority, queue=queue, delay_s=delay_s, tags=tags, max_attempts=max_attempts
        )
        if wait_s is not None:
            try:
                task = client.wait(task.id, wait_s)
            except NotEnded as error:
                click.echo(str(error), err=True)
                terminal.show(client.get(task.id))
                sys.exit(3)
    terminal.show(task)
    if wait_s is not None and task.status != "succeeded":
        sys.exit(1)


def connected(url: str, token: str | None) -> Client:
    if not token:
        raise click.UsageError("Set TASKYARD_TOKEN, or give --token. The first key is in instance/admin.token.")
    try:
        return Client(url, token)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url") from error


@contextmanager
def problems() -> Iterator[None]:
    """What the server refuses, in words instead of a traceback."""
    try:
        yield
    except TaskyardError as error:
        raise click.ClickException(str(error)) from error
