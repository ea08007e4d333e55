"""Logging in and out over HTTP, as OAuth 2 has it."""

from typing import Any

import marshmallow as ma
from flask import Response, current_app

from taskyard.users import tokens
from taskyard.users.token_schemas import RevokeIn, TokenIn, TokenOut
from taskyard.users.tokens import Grant, Issuer
from taskyard.web.auth import public
from taskyard.web.blueprint import Blueprint, MethodView
from taskyard.web.documented import refuses

blp = Blueprint("auth", __name__, url_prefix="/v1/auth", description="Log in with a password: short-lived tokens.")


def issuer() -> Issuer:
    found: Issuer = current_app.extensions["taskyard.issuer"]
    return found


@blp.route("/token")
class Token(MethodView):
    @blp.arguments(TokenIn(), location="form", unknown=ma.INCLUDE)
    @blp.response(200, TokenOut())
    @refuses(401, 403, 429)
    @public
    def post(self, sent: dict[str, Any]) -> Grant:
        """Get an access token

        By password or by refresh token (RFC 6749, sections 4.3 and 6). Each refresh token is used once and followed by
        another; one that is used again ends the login, as one of its two holders stole it. Errors are problems like
        everywhere: 401 for a wrong password or a token that does not hold, 422 for a faulty form, 403 for scopes that
        you may not have. Five failures within 15 minutes lock the name for a minute, each further one for twice as
        long, up to an hour: 429.
        """
        return tokens.grant(issuer(), sent)


@blp.route("/revoke")
class TokenRevoke(MethodView):
    @blp.arguments(RevokeIn(), location="form", unknown=ma.INCLUDE)
    @blp.response(200)
    @public
    def post(self, sent: dict[str, Any]) -> Response:
        """End a login

        Revokes a refresh token and all that came from the same login (RFC 7009). The answer is 200 for any token, also
        one that is not known. Access tokens end by themselves, after some minutes.
        """
        tokens.revoke(issuer(), sent["token"])
        return Response(status=200)
