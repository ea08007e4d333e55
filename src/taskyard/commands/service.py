"""What can be done with the catalogue: everybody reads it, moderators and admins change it."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Row, select

from taskyard.commands import catalogue, dialect, keys, push
from taskyard.commands.models import Command, CommandSchema
from taskyard.commands.validation import Check
from taskyard.core import clock
from taskyard.core.conditions import Condition
from taskyard.core.db import db
from taskyard.core.errors import Conflict, Fault, Invalid, NotFound
from taskyard.core.expressions import Faulty
from taskyard.egress.policy import Rules
from taskyard.users.actor import Actor
from taskyard.users.models import Role

SCHEMAS = ("payload_schema", "result_schema")
EXPRESSIONS = ("limit_key", "fairness_key")
_NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,100}")
_REGISTERED = select(Command, CommandSchema).join(
    CommandSchema, (CommandSchema.command == Command.name) & (CommandSchema.version == Command.schema_version)
)


@dataclass(frozen=True, slots=True)
class Registered:
    """A command with its present schemas, as CommandOut shows it."""

    command: Command
    schemas: CommandSchema

    @property
    def version(self) -> int:
        return self.command.version

    def __getattr__(self, name: str) -> Any:
        return getattr(self.schemas if name in SCHEMAS else self.command, name)


def page(query: dict[str, Any], after: str | None) -> list[Registered]:
    """Commands by name, one more than `limit`. `query` is a loaded CommandQuery."""
    wanted = _REGISTERED.order_by(Command.name).limit(query["limit"] + 1)
    if after is not None:
        wanted = wanted.where(Command.name > after)
    if "q" in query:
        wanted = wanted.where(Command.name.istartswith(query["q"], autoescape=True))
    return [_registered(row) for row in db.session.execute(wanted)]


def get(name: str) -> Registered:
    """Raises:
    NotFound: there is no such command.
    """
    row = db.session.execute(_REGISTERED.where(Command.name == name)).first() if _NAME.fullmatch(name) else None
    if row is None:
        raise NotFound("There is no such command.")
    return _registered(row)


def _registered(row: Row[Command, CommandSchema]) -> Registered:
    return Registered(*row)


def put(actor: Actor, name: str, sent: dict[str, Any], condition: Condition, rules: Rules) -> tuple[Registered, bool]:
    """Register a command, or replace what it is; True where it is new. `sent` is a loaded CommandIn.

    Raises:
        Invalid: the name or a schema cannot be used, or its tasks may not be pushed there.
        Stale: the condition does not hold.
    """
    actor.require(Role.MODERATOR)
    check_name(name)
    _check(sent, rules)
    catalogue.change()
    command = _meeting(name, condition)
    schemas = _versioned_schemas(name, *(sent.pop(which) for which in SCHEMAS))
    values = {**sent, "schema_version": schemas.version}
    registered = command or Command(name=name)
    if sent["push"] is not None and not registered.push_keys:
        values["push_keys"] = push.new_keys([], 0, clock.now())
    for column, value in values.items():
        setattr(registered, column, value)
    db.session.add(registered)
    db.session.flush()
    return Registered(registered, schemas), command is None


def remove(actor: Actor, name: str, condition: Condition) -> None:
    """Take a command out of the catalogue; the versions of its schemas stay, as tasks refer to them.

    Raises:
        NotFound: there is no such command.
        Stale: the condition does not hold.
    """
    actor.require(Role.MODERATOR)
    get(name)
    catalogue.change()
    command = _meeting(name, condition)
    if command is None:
        raise NotFound("There is no such command.")
    db.session.delete(command)
    db.session.flush()


def rotate(actor: Actor, name: str, overlap_s: int, server_secret: bytes) -> str:
    """A new secret for the pushes of a command; the one before it signs for `overlap_s` more.

    Raises:
        NotFound: there is no such command.
        Conflict: its tasks are not pushed.
    """
    actor.require(Role.MODERATOR)
    get(name)
    catalogue.change()
    command = _meeting(name, Condition())
    if command is None:
        raise NotFound("There is no such command.")
    if command.push is None:
        raise Conflict("Tasks of this command are not pushed. Give it a push first.")
    command.push_keys = push.new_keys(command.push_keys or [], overlap_s, clock.now())
    db.session.flush()
    return push.secret_of(server_secret, command.push_keys[0]["id"])


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or not name.strip() or name in {".", ".."}:
        detail = "1 to 100 characters, not all blank and not . or .., without slashes and control characters."
        raise Invalid([Fault(detail, parameter="name")])


def in_path(name: str) -> str:
    """A name as it stands in a path."""
    return quote(name, safe="")


def _check(sent: dict[str, Any], rules: Rules) -> None:
    """Raises:
    Invalid: something of a loaded CommandIn cannot be used; lists all that is wrong.
    """
    faults = push.faults(sent["push"], rules)
    for check in (checks_of, check_expressions):
        try:
            check(sent)
        except Invalid as error:
            faults += error.faults
    if faults:
        raise Invalid(faults)


def checks_of(sent: dict[str, Any]) -> dict[str, Check]:
    """What the schemas of a body check, by the name of their field.

    Raises:
        Invalid: one of them cannot be used; lists the faults of both.
    """
    faults: list[Fault] = []
    found: dict[str, Check] = {}
    for which in SCHEMAS:
        if sent[which] is not None:
            try:
                found[which] = dialect.check(sent[which], f"/{which}")
            except dialect.Unacceptable as error:
                faults += error.faults
    if faults:
        raise Invalid(faults)
    return found


def check_expressions(sent: dict[str, Any]) -> None:
    """Raises:
    Invalid: an expression for a key cannot be used; lists the faults of both.
    """
    faults = []
    for which in EXPRESSIONS:
        if sent[which] is not None:
            try:
                keys.compiled(sent[which])
            except Faulty as error:
                faults.append(Fault(str(error), pointer=f"/{which}"))
    if faults:
        raise Invalid(faults)


def _meeting(name: str, condition: Condition) -> Command | None:
    """The command, if any, as it is now that nobody else can change it."""
    command = db.session.get(Command, name, populate_existing=True)
    condition.check(command, "command")
    return command


def _versioned_schemas(name: str, payload_schema: Any, result_schema: Any) -> CommandSchema:
    """The newest version where the schemas are the same, else a new one. Numbers go on after a removal."""
    newest = db.session.scalar(
        select(CommandSchema).where(CommandSchema.command == name).order_by(CommandSchema.version.desc()).limit(1)
    )
    given = _canonical([payload_schema, result_schema])
    if newest is not None and _canonical([newest.payload_schema, newest.result_schema]) == given:
        return newest
    version = newest.version + 1 if newest is not None else 1
    schemas = CommandSchema(command=name, version=version, payload_schema=payload_schema, result_schema=result_schema)
    db.session.add(schemas)
    return schemas


def _canonical(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
