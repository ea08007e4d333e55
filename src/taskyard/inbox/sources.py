"""What can be done with sources, and by whom: a user's own, a moderator's all. Names are unique over all owners."""

from typing import Any

from sqlalchemy import Select, select

from taskyard.commands import catalogue
from taskyard.core.conditions import Condition
from taskyard.core.conflicts import naming_conflicts
from taskyard.core.db import db
from taskyard.core.errors import Conflict, Fault, Invalid, NotFound
from taskyard.inbox import keyring
from taskyard.inbox.models import NAME, Source
from taskyard.inbox.presets import PRESETS
from taskyard.tasks import service as tasks
from taskyard.users.actor import Actor

TAKEN = "Somebody has a source of this name. Choose another."
CUSTOM = "custom"
DEFAULT_MAX_BODY = 1024 * 1024


def _seen_by(actor: Actor, name: str) -> Select[Source]:
    query = select(Source).where(Source.name == name)
    return query if actor.sees_all_tasks else query.where(Source.owner_id == actor.user_id)


def get(actor: Actor, name: str, *, lock: bool = False) -> Source:
    """A source, with `lock` as it is now that nobody else can change it.

    Raises:
        NotFound: there is no such source, or it is not the actor's.
    """
    query = _seen_by(actor, name)
    if lock:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query) if NAME.fullmatch(name) else None
    if found is None:
        raise NotFound("There is no such source.")
    return found


def page(actor: Actor, query: dict[str, Any], after: str | None) -> list[Source]:
    """Sources by name, one more than `limit`. `query` is a loaded SourceQuery.

    Raises:
        Forbidden: a user asks for sources of others.
    """
    owner = tasks.owner_of(actor, query["owner"])
    wanted = select(Source).order_by(Source.name).limit(query["limit"] + 1)
    if owner is not None:
        wanted = wanted.where(Source.owner_id == owner)
    if after is not None:
        wanted = wanted.where(Source.name > after)
    return list(db.session.scalars(wanted))


def put(actor: Actor, name: str, sent: dict[str, Any], condition: Condition) -> tuple[Source, bool]:
    """Make a source or replace what it is; True where it is new. `sent` is a loaded SourceIn.

    Raises:
        Invalid: the name cannot be used, or there is no such secret.
        Conflict: the name is somebody else's.
        Stale: the condition does not hold.
    """
    if not NAME.fullmatch(name):
        detail = "Letters, digits and . _ : - only, the first a letter or digit; 100 characters at most."
        raise Invalid([Fault(detail, parameter="name")])
    catalogue.change()
    found = db.session.get(Source, name, with_for_update=True, populate_existing=True)
    if found is not None and not (actor.sees_all_tasks or found.owner_id == actor.user_id):
        raise Conflict(TAKEN)
    condition.check(found, "source")
    source = found or Source(name=name, owner_id=actor.user_id, secrets=[])
    _apply(source, sent)
    db.session.add(source)
    with naming_conflicts(pk_source=TAKEN):
        db.session.flush()
    return source, found is None


def _apply(source: Source, sent: dict[str, Any]) -> None:
    settings = {name: value for name, value in sent.items() if name != "secrets"}
    preset = settings["preset"] = sent["preset"] or CUSTOM
    if sent["max_body"] is None:
        settings["max_body"] = PRESETS[preset].max_body if preset in PRESETS else DEFAULT_MAX_BODY
    for column, value in settings.items():
        setattr(source, column, value)
    source.secrets = keyring.merged(source.secrets, sent["secrets"])


def remove(actor: Actor, name: str, condition: Condition) -> None:
    """Remove a source; what it received stays.

    Raises:
        NotFound: there is no such source, or it is not the actor's.
        Stale: the condition does not hold.
    """
    get(actor, name)
    catalogue.change()
    source = get(actor, name, lock=True)
    condition.check(source, "source")
    db.session.delete(source)
    db.session.flush()
