"""The client's commands for whoever looks after tasks and workers: explain, worker."""

import click

from taskyard.client.commands import connected, problems, server
from taskyard.client.oversight import WorkerInfo
from taskyard.client.terminal import moment


@click.command()
@click.argument("id")
@server
def explain(id: str, url: str, token: str | None) -> None:  # noqa: A002  # the argument's name in --help
    """Say why a task does not run, and what to do."""
    with problems(), connected(url, token) as client:
        found = client.explain(id)
    click.echo(f"{found.id} is {found.status}.")
    for reason in found.reasons:
        click.echo(f"\n{reason.code}: {reason.detail}\n  {reason.action}")
    click.echo(f"\nNext: {found.next}")


@click.group()
def worker() -> None:
    """Look at workers, drain them."""


@worker.command("list")
@server
def list_workers(url: str, token: str | None) -> None:
    """List who asks for tasks, and what they run."""
    with problems(), connected(url, token) as client:
        for one in client.workers():
            click.echo(_worker(one))


@worker.command()
@click.argument("id")
@server
def drain(id: str, url: str, token: str | None) -> None:  # noqa: A002  # the argument's name in --help
    """Give a worker nothing more: `taskyard work` ends once it is done. ID is what `worker list` shows first."""
    with problems(), connected(url, token) as client:
        click.echo(_worker(client.drain_worker(id)))


@worker.command()
@click.argument("id")
@server
def resume(id: str, url: str, token: str | None) -> None:  # noqa: A002
    """Let a drained worker have tasks again."""
    with problems(), connected(url, token) as client:
        click.echo(_worker(client.resume_worker(id)))


def _worker(one: WorkerInfo) -> str:
    drained = f", draining since {moment(one.draining_since)}" if one.draining_since else ""
    lines = [f"{one.id} {one.name} asked at {moment(one.seen_at)} for {', '.join(one.queues)}{drained}"]
    for task in one.running:
        percent = "" if task["progress"] is None else f" {task['progress']} %"
        lines.append(f"  {task['command']} {task['task_id']}{percent}")
    return "\n".join(lines)
