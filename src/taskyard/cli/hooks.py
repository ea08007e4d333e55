"""`taskyard hook send`: a webhook as a provider would send it.

It stands here, and not in the client, because signing is the server's: there is one implementation of it.
"""

import sys
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

import click
import urllib3
from urllib3.exceptions import HTTPError

from taskyard.client.session import DEFAULT_URL
from taskyard.inbox.keys import NoKey
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.scheme import Kind
from taskyard.inbox.sign import sample, sign

MOST_SHOWN = 2_000  # characters of an answer


@click.command()
@click.argument("source")
@click.option("--preset", required=True, type=click.Choice(list(PRESETS)), help="As whom to sign.")
@click.option("--event", default="test", show_default=True, help="What happened.")
@click.option("--body", type=click.File("rb"), help="A file, or - for stdin. [default: JSON that names the event]")
@click.option("--id", "message_id", help="What it is known by when it is sent again. [default: a new one]")
@click.option(
    "--secret",
    envvar="TASKYARD_HOOK_SECRET",
    show_envvar=True,
    help="The source's; of a key pair the private key. Asked for where it is not given.",
)
@click.option("--url", envvar="TASKYARD_URL", show_envvar=True, default=DEFAULT_URL, show_default=True)
def send(
    source: str, preset: str, event: str, body: BinaryIO | None, message_id: str | None, secret: str | None, url: str
) -> None:
    """Send a signed webhook to a source, to try it out.

    \b
    taskyard hook send github --preset github --event push --body push.json

    The exit code is 0 where the source took it, else 1.
    """
    provider = PRESETS[preset]
    if secret is None and provider.scheme.kind is not Kind.NONE:
        secret = click.prompt("Secret", hide_input=True)
    name = message_id or str(uuid4())
    content = sample(provider, event, name) if body is None else body.read()
    try:
        headers = sign(provider, secret or "", content, datetime.now(UTC), event=event, message_id=name)
    except (NoKey, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--secret") from error
    _show(_posted(f"{url.rstrip('/')}/hooks/{quote(source, safe='')}", content, headers))


def _posted(url: str, content: bytes, headers: list[tuple[str, str]]) -> urllib3.BaseHTTPResponse:
    sent = urllib3.HTTPHeaderDict([*headers, ("Content-Type", "application/json"), ("User-Agent", "taskyard-hook")])
    try:
        return urllib3.request("POST", url, body=content, headers=sent, redirect=False, retries=False, timeout=30.0)
    except (HTTPError, ValueError) as error:
        raise click.ClickException(f"No answer from {url}: {error}") from error


def _show(answer: urllib3.BaseHTTPResponse) -> None:
    click.echo(f"{answer.status} {answer.data.decode('utf-8', 'replace')[:MOST_SHOWN]}")
    if answer.status >= 300:
        click.echo("Why: taskyard hook doctor", err=True)
        sys.exit(1)
