"""Is the process alive, and can it serve?"""

from flask import Response
from marshmallow import fields, validate

from taskyard.core import schema_step
from taskyard.core.db import database
from taskyard.core.errors import Unavailable
from taskyard.web import answers
from taskyard.web.auth import public
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.schema import Schema

blp = Blueprint("health", __name__, description="Questions of whoever runs or balances this server.")


class HealthOut(Schema):
    """Good health."""

    status = fields.String(required=True, validate=validate.Equal("ok"))


@blp.route("/healthz")
class Healthz(MethodView):
    @blp.response(200, HealthOut())
    @public
    def get(self) -> Response:
        """Is the process alive?"""
        return answers.json({"status": "ok"})


@blp.route("/readyz")
class Readyz(MethodView):
    @blp.response(200, HealthOut())
    @public
    def get(self) -> Response:
        """Can it serve requests?"""
        with database().read.connect() as connection:
            current = schema_step.current(connection)
        if current != schema_step.head():
            raise Unavailable("The database is not migrated: run `taskyard migrate`.", retry_after_s=5)
        return answers.json({"status": "ok"})
