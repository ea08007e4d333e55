"""API keys over HTTP."""

from typing import Any

from flask import Response

from taskyard.users import keys
from taskyard.users.current import current_actor
from taskyard.users.key_schemas import KeyIn, KeyMade, KeyOut, KeyPage, KeyQuery
from taskyard.users.models import Key
from taskyard.web import answers, pagination
from taskyard.web.auth import scope
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint("keys", __name__, url_prefix="/v1", description="API keys: long-lived credentials with scopes.")
KEY_FIELDS = list(KeyOut().fields)
LOCATION = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}


@blp.route("/keys")
class Keys(MethodView):
    @blp.arguments(KeyQuery(), location="query")
    @blp.response(200, KeyPage())
    @pagination.paged
    @scope("read")
    def get(self, query: dict[str, Any]) -> Any:
        """List API keys"""
        rows = keys.page(current_actor(), query, pagination.position(query))
        page, headers = pagination.page(query, rows, lambda key: key.id)
        return {"keys": page}, 200, headers

    @blp.arguments(KeyIn())
    @blp.response(201, KeyMade(), headers=LOCATION)
    @scope("write")
    def post(self, sent: dict[str, Any]) -> Any:
        """Create an API key

        The answer shows its secret this once. There is no Idempotency-Key here: keeping the answer would keep the
        secret. After a lost answer, revoke the key of that name and create another.
        """
        key, secret = keys.create(current_actor(), sent)
        shown = {name: getattr(key, name) for name in KEY_FIELDS}
        return {**shown, "key": secret}, 201, {"Location": f"/v1/keys/{key.id}"}


@blp.route("/keys/<id:key_id>")
class KeyById(MethodView):
    @blp.response(200, KeyOut())
    @refuses(404)
    @scope("read")
    def get(self, key_id: str) -> Key:
        """Get an API key"""
        return keys.get(current_actor(), key_id)

    @blp.response(204)
    @refuses(404)
    @scope("write")
    def delete(self, key_id: str) -> Response:
        """Revoke an API key

        It is kept, with `revoked_at`. Revoking it again changes nothing.
        """
        keys.revoke(current_actor(), key_id)
        return answers.nothing()
