"""The actor behind the request at hand, for the routes of every domain."""

from taskyard.users.actor import Actor
from taskyard.web import auth


def current_actor() -> Actor:
    actor: Actor = auth.caller()
    return actor
