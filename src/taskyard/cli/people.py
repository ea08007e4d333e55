"""`taskyard user create` and `taskyard key create`: for whoever runs the server; they work on the database itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import click
from marshmallow import Schema, ValidationError
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from taskyard.cli import checks, settings
from taskyard.core import clock, transaction
from taskyard.core.errors import Invalid
from taskyard.users import accounts, keys, scopes
from taskyard.users.key_schemas import KeyIn
from taskyard.users.models import Role, User
from taskyard.users.schemas import UserIn
from taskyard.web.parser import flatten


@click.group()
def user() -> None:
    """Make users."""


@user.command("create")
@click.argument("email")
@click.option("--name", help="[default: what stands before the @]")
@click.option("--username", help="[default: made from the email]")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.USER.value, show_default=True)
@click.option("--age", type=int)
@click.option("--with-password", is_flag=True, help="Ask for a password; without one only keys let the user in.")
def create_user(email: str, name: str | None, with_password: bool, **given: Any) -> None:
    """Make a user.

    \b
    Examples:
      taskyard user create ann@example.com
      taskyard user create ann@example.com --name 'Ann Archer' --role moderator --with-password
    """
    sent = {"email": email, "name": name or email.partition("@")[0], **_without_none(given)}
    if with_password:
        sent["password"] = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    fields = accounts.columns(_loaded(UserIn(), sent))
    with _session() as session:
        made = accounts.add(session, fields)
        said = f"Made the {made.role} {made.username} ({made.id}). A key: taskyard key create {made.username}"
    click.echo(said)


@click.group()
def key() -> None:
    """Make API keys."""


@key.command("create")
@click.argument("who", metavar="USERNAME|EMAIL")
@click.option("--name", default="made by taskyard key create", show_default=True)
@click.option("--scope", "wanted", multiple=True, help="read, write, work, work:QUEUE or admin. [default: the role's]")
@click.option("--days", type=click.FloatRange(0, min_open=True), help="For how long it holds. [default: until revoked]")
def create_key(who: str, name: str, wanted: Sequence[str], days: float | None) -> None:
    """Make an API key and print it: it is shown this once.

    \b
    Examples:
      export TASKYARD_TOKEN=$(taskyard key create ann)
      taskyard key create ann --scope work:resize --days 90
    """
    expires_at = None if days is None else clock.now() + timedelta(days=days)
    with _session() as session:
        found = session.execute(
            select(User.id, User.role).where(or_(User.username == who, User.email_key == who.casefold()))
        ).first()
        if found is None:
            raise click.ClickException(f"There is no user {who}. Make one: taskyard user create EMAIL")
        role = Role(found.role)
        sent = _loaded(KeyIn(), {"name": name, "scopes": list(wanted or scopes.of_role(role))})
        keys.check_role(role, sent["scopes"])
        made, secret = keys.make(found.id, sent["name"], sent["scopes"], expires_at)
        session.add(made)
    click.echo(secret)


@contextmanager
def _session() -> Iterator[Session]:
    """A session in one transaction on the database of the settings."""
    with settings.database(settings.load()) as database:
        checks.require(checks.migrated(database))
        try:
            with transaction.own(database) as connection, Session(connection) as session:
                yield session
                session.flush()
        except Invalid as error:
            raise click.ClickException(" ".join(fault.detail for fault in error.faults)) from error


def _loaded(schema: Schema, sent: dict[str, Any]) -> dict[str, Any]:
    try:
        loaded: dict[str, Any] = schema.load(sent)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, path))}: {sentence}" for path, sentence in flatten(error.messages, ())]
        raise click.UsageError(" ".join(faults)) from error
    return loaded


def _without_none(given: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}
