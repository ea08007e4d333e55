"""`taskyard hook send`: a webhook as a provider would send it.

It stands here, and not in the client, because signing is the server's: there is one implementation of it.
"""

import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import BinaryIO
from urllib.parse import quote
from uuid import uuid4

import click
import urllib3
from urllib3.exceptions import HTTPError

from taskyard.client.commands import connected, problems, server
from taskyard.client.hook_commands import hook
from taskyard.inbox import presets
from taskyard.inbox.keys import NoKey
from taskyard.inbox.presets import PRESETS, Preset
from taskyard.inbox.scheme import Kind
from taskyard.inbox.sign import sample, sign

MOST_SHOWN = 2_000  # characters of an answer


@hook.command()
@click.argument("source")
@click.option("--preset", type=click.Choice(list(PRESETS)), help="As whom to sign. [default: as the source verifies]")
@click.option("--event", default="test", show_default=True, help="What happened.")
@click.option("--body", type=click.File("rb"), help="A file, or - for stdin. [default: JSON that names the event]")
@click.option("--id", "message_id", help="What it is known by when it is sent again. [default: a new one]")
@click.option(
    "--secret",
    envvar="TASKYARD_HOOK_SECRET",
    show_envvar=True,
    help="The source's; of a key pair the private key. Asked for where it is not given.",
)
@server
def send(
    source: str,
    preset: str | None,
    event: str,
    body: BinaryIO | None,
    message_id: str | None,
    secret: str | None,
    url: str,
    token: str | None,
) -> None:
    """Send a signed webhook to a source, to try it out.

    \b
    taskyard hook send github --preset github --event push --body push.json
    taskyard hook send till --body sale.json

    Without --preset the server is asked how the source verifies, which takes TASKYARD_TOKEN: so those with knobs of
    their own can be tried out, too. The exit code is 0 where the source took it, else 1.
    """
    provider = PRESETS[preset] if preset is not None else _verifies(source, url, token)
    if secret is None and provider.scheme.kind is not Kind.NONE:
        secret = click.prompt("Secret", hide_input=True)
    name = message_id or str(uuid4())
    content = sample(provider, event, name) if body is None else body.read()
    try:
        headers = sign(provider, secret or "", content, datetime.now(UTC), event=event, message_id=name)
    except (NoKey, ValueError) as error:
        raise click.BadParameter(str(error), param_hint="--secret") from error
    _show(_posted(f"{url.rstrip('/')}/hooks/{quote(source, safe='')}", content, headers))


def _verifies(source: str, url: str, token: str | None) -> Preset:
    """As the source verifies. Knobs say nothing of where a body names the event: a sample does so in `type`."""
    with problems(), connected(url, token) as client:
        found = client.source(source)
    if found.scheme is None:
        return presets.of(found.preset, None)
    try:
        known = presets.of(found.preset, found.scheme)
    except (KeyError, TypeError, ValueError) as error:
        raise click.ClickException(f"This version does not know how {source} verifies: {error}.") from error
    return replace(known, event_type=("body:type",), dedupe_key=(("body:id",),))


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
