"""Is the process alive, and can it serve?"""

from flask import Blueprint, Response

from taskyard.core import migration
from taskyard.core.db import database
from taskyard.core.errors import Unavailable
from taskyard.web.auth import public

blp = Blueprint("health", __name__)


@blp.get("/healthz")
@public
def healthz() -> Response:
    """The process answers; the database is not asked."""
    return Response('{"status":"ok"}', content_type="application/json")


@blp.get("/readyz")
@public
def readyz() -> Response:
    """The database is reachable and migrated to what this code needs."""
    with database().read.connect() as connection:
        current = migration.current(connection)
    if current != migration.head():
        raise Unavailable("The database is not migrated: run `taskyard migrate`.", retry_after_s=5)
    return Response('{"status":"ok"}', content_type="application/json")
