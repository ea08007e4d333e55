"""`taskyard task`: look at tasks, cancel them, run them again."""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import click

from taskyard.client import terminal
from taskyard.client.api import Client
from taskyard.client.commands import with_client
from taskyard.client.resources import Task

ids = click.argument("ids", metavar="ID...", nargs=-1, required=True)


@click.group()
def task() -> None:
    """Look at tasks, cancel them, run them again."""


@task.command()
@click.argument("id")
@click.option("--attempts", "with_attempts", is_flag=True, help="Also its attempts, with their logs.")
@with_client
def show(client: Client, id: str, with_attempts: bool) -> None:  # noqa: A002  # the argument's name in --help
    """Print a task as JSON."""
    terminal.show(client.get(id), client.attempts(id) if with_attempts else None)


@task.command("list")
@click.option("--status", help="queued, running, failed ...")
@click.option("--command")
@click.option("--queue")
@click.option("--tag")
@click.option("--limit", type=click.IntRange(1), default=20, show_default=True, help="How many at most.")
@with_client
def list_tasks(client: Client, limit: int, **wanted: Any) -> None:
    """List tasks of yours, the newest first: id, status, command, and when it was created."""
    found = client.list(**wanted, page_size=min(limit, 100))
    for one in itertools.islice(found, limit):
        click.echo(_line(one))


@task.command()
@ids
@with_client
def cancel(client: Client, ids: Sequence[str]) -> None:
    """Cancel tasks that wait; whoever runs one is told to stop."""
    _each(ids, client.cancel)


@task.command()
@ids
@with_client
def retry(client: Client, ids: Sequence[str]) -> None:
    """Run tasks again that failed, were lost, cancelled, or expired. For many: taskyard operation retry."""
    _each(ids, client.retry)


def _each(ids: Sequence[str], deed: Callable[[str], Task]) -> None:
    for one in ids:
        click.echo(_line(deed(one)))


def _line(one: Task) -> str:
    return f"{one.id}  {one.status:<9}  {one.created_at.isoformat(timespec='seconds')}  {one.command}"
