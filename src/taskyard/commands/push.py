"""Commands whose tasks are pushed: where to, and the secrets that sign. A secret is derived, not kept."""

import base64
import secrets as randomness
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, select

from taskyard.commands.models import Command
from taskyard.core.crypto import Signer
from taskyard.core.errors import Fault
from taskyard.egress import signing
from taskyard.egress.policy import BLOCKED, Rules
from taskyard.egress.urls import check_url

INSIDE = (
    "Taskyard may not connect there (blocked_address): it is not on the public Internet. The operator can allow it with"
    " TASKYARD_EGRESS_ALLOW."
)
_PUSHED = select(Command.name, Command.queue, Command.push, Command.push_keys).where(Command.push.is_not(None))


@dataclass(frozen=True, slots=True)
class Pushed:
    """A command as the pusher sees it."""

    name: str
    queue: str | None
    url: str
    headers: dict[str, str]
    timeout_s: int
    success: list[int] | None
    concurrency: int
    keys: list[dict[str, Any]]

    def secrets(self, server_secret: bytes, now: datetime) -> list[str]:
        """Those that sign now, newest first."""
        return [
            secret_of(server_secret, key["id"])
            for key in self.keys
            if key["until"] is None or key["until"] > now.timestamp()
        ]


def pushed(connection: Connection) -> list[Pushed]:
    """All commands whose tasks are pushed."""
    return [Pushed(row.name, row.queue, **row.push, keys=row.push_keys or []) for row in connection.execute(_PUSHED)]


def faults(push: dict[str, Any] | None, rules: Rules) -> list[Fault]:
    """Why nothing may be sent to its URL, if so. An address inside is not named."""
    if push is None:
        return []
    verdict, _ = check_url(push["url"], rules)
    if verdict.allowed:
        return []
    return [Fault(INSIDE if verdict.kind == BLOCKED else verdict.reason, pointer="/push/url")]


def secret_of(server_secret: bytes, key_id: str) -> str:
    """The signing secret that belongs to a key's id: only who has the server's secret can tell."""
    return signing.HMAC + base64.b64encode(Signer(server_secret, f"push/{key_id}").key).decode()


def new_keys(old: list[dict[str, Any]], overlap_s: int, now: datetime) -> list[dict[str, Any]]:
    """A new key before those there were, of which the last one signs for `overlap_s` more and those before end."""
    until = (now + timedelta(seconds=overlap_s)).timestamp()
    kept = [{**key, "until": min(key["until"] or until, until)} for key in old[:1]] if overlap_s else []
    return [{"id": randomness.token_hex(16), "until": None}, *kept]
