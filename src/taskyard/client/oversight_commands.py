"""The client's commands for whoever looks after tasks and workers: explain, worker."""

import click

from taskyard.client.api import Client
from taskyard.client.commands import with_client
from taskyard.client.oversight import WorkerInfo
from taskyard.client.terminal import moment


@click.command()
@click.argument("id")
@with_client
def explain(client: Client, id: str) -> None:  # noqa: A002  # the argument's name in --help
    """Say why a task does not run, and what to do."""
    found = client.explain(id)
    click.echo(f"{found.id} is {found.status}.")
    for reason in found.reasons:
        click.echo(f"\n{reason.code}: {reason.detail}\n  {reason.action}")
    click.echo(f"\nNext: {found.next}")


@click.group()
def worker() -> None:
    """Look at workers, drain them."""


@worker.command("list")
@with_client
def list_workers(client: Client) -> None:
    """List who asks for tasks, and what they run."""
    for one in client.workers():
        click.echo(_worker(one))


@worker.command()
@click.argument("id")
@with_client
def drain(client: Client, id: str) -> None:  # noqa: A002  # the argument's name in --help
    """Give a worker nothing more: `taskyard work` ends once it is done. ID is what `worker list` shows first."""
    click.echo(_worker(client.drain_worker(id)))


@worker.command()
@click.argument("id")
@with_client
def resume(client: Client, id: str) -> None:  # noqa: A002
    """Let a drained worker have tasks again."""
    click.echo(_worker(client.resume_worker(id)))


def _worker(one: WorkerInfo) -> str:
    drained = f", draining since {moment(one.draining_since)}" if one.draining_since else ""
    lines = [f"{one.id} {one.name} asked at {moment(one.seen_at)} for {', '.join(one.queues)}{drained}"]
    for task in one.running:
        percent = "" if task["progress"] is None else f" {task['progress']} %"
        lines.append(f"  {task['command']} {task['task_id']}{percent}")
    return "\n".join(lines)
