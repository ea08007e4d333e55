"""The client's commands for inbound webhooks: hook listen, hook doctor."""

import signal
import threading
from itertools import islice
from typing import Any

import click

from taskyard.client.api import Client
from taskyard.client.commands import connected, problems, server, with_client
from taskyard.client.forwarding import Forwarder, Passed, Tail
from taskyard.client.hooks import Webhook


@click.group()
def hook() -> None:
    """Send, forward and diagnose webhooks."""


@hook.command()
@click.argument("source")
@click.option("--to", required=True, metavar="URL", help="The program, such as http://localhost:3000/webhooks.")
@click.option("--replay", type=click.IntRange(0, 1000), default=0, help="First the last so many. [default: 0]")
@server
def listen(source: str, to: str, replay: int, url: str, token: str | None) -> None:
    """Forward webhooks to a program on this machine.

    \b
    taskyard hook listen github --to http://localhost:3000/webhooks --replay 1

    Each webhook that the source has verified is sent on, body and headers as they came, and its answer printed, until
    Ctrl-C. Taskyard takes it in and routes it all the same. Tokens and passwords are not sent on: they are not kept.
    """
    forwarder = _forwarder(to)
    over = _until_signalled()
    with problems(), connected(url, token) as client:
        tail = Tail(client, source, replay=replay)
        click.echo(f"Forwarding what {source} receives to {to}. Ctrl-C ends it.")
        for webhook in tail.follow(over):
            click.echo(_passed(webhook, forwarder.send(webhook)))
            if over.is_set():
                break


@hook.command()
@click.argument("request_id", required=False)
@click.option("--source", help="Only requests to this one.")
@click.option("--last", type=click.IntRange(1, 100), default=5, show_default=True, help="So many of the rejected ones.")
@with_client
def doctor(client: Client, request_id: str | None, source: str | None, last: int) -> None:
    """Say why webhooks were rejected, and what to do.

    \b
    taskyard hook doctor 01936b2e-0000-7000-8000-000000000000
    taskyard hook doctor --source github
    """
    if request_id is not None:
        rejected = [client.webhook(request_id)]
    else:
        rejected = list(islice(client.webhooks(source=source, verdict="rejected"), last))
    for webhook in rejected:
        _diagnose(client, webhook)
    if not rejected:
        click.echo("No webhook was rejected.")


def _diagnose(client: Client, webhook: Webhook) -> None:
    at = webhook.received_at.isoformat(timespec="seconds")
    click.echo(f"{webhook.id}, received by {webhook.source} at {at}, is {webhook.verdict}.")
    if webhook.verdict != "rejected":
        return
    findings = client.diagnosis(webhook.id)
    for one in findings:
        click.echo(f"\n{one.code}: {one.sentence}\n  {one.advice}")
    if not findings:
        click.echo(f"\nIt would be verified now: POST /v1/requests/{webhook.id}/verify takes it in.")
    click.echo("")


def _passed(webhook: Webhook, passed: Passed) -> str:
    at = webhook.received_at.astimezone().strftime("%H:%M:%S")
    answer = f"no answer: {passed.failure}" if passed.status is None else str(passed.status)
    return f"{at} {webhook.method} {webhook.type or 'webhook'} {webhook.id} -> {answer}"


def _forwarder(to: str) -> Forwarder:
    try:
        return Forwarder(to)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error


def _until_signalled() -> threading.Event:
    """Set at Ctrl-C or SIGTERM, so that what is under way ends first."""
    over = threading.Event()

    def end(*_: Any) -> None:
        over.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    return over
