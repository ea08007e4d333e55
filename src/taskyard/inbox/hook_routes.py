"""Where webhooks come in. Not part of the API and its description: what is sent here is the sender's choice."""

from urllib.parse import quote

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import MethodNotAllowed, RequestEntityTooLarge

from taskyard.config import Config
from taskyard.core.errors import TooLarge
from taskyard.inbox import receiving
from taskyard.inbox.receiving import Incoming, WrongMethod
from taskyard.web import wire
from taskyard.web.auth import public

METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
blp = Blueprint("hooks", __name__)


@blp.route("/hooks/<name>", methods=METHODS, provide_automatic_options=False)
@blp.route("/hooks/<name>/<path:suffix>", methods=METHODS, provide_automatic_options=False)
@public
def receive(name: str, suffix: str | None = None) -> Response:
    """Take a webhook in."""
    config: Config = current_app.extensions["taskyard.config"]
    incoming = _incoming("" if suffix is None else f"/{quote(suffix)}", config)
    try:
        answer = receiving.receive(name, incoming, closed=config.closed_catalogue)
    except WrongMethod as error:
        raise MethodNotAllowed(error.methods) from error
    return Response(answer.body, answer.status, answer.headers)


def _incoming(path: str, config: Config) -> Incoming:
    sent = request.environ
    peer = wire.peer(sent, config.trusted_proxies)
    announced = bool(sent.get("CONTENT_LENGTH"))
    return Incoming(peer, sent["REQUEST_METHOD"], path, wire.query(sent), wire.headers(sent), _body, announced)


def _body(most: int) -> bytes:
    """The bytes as they came: nothing is decoded, decompressed or parsed.

    Raises:
        TooLarge: there are more than so many.
    """
    request.max_content_length = most
    try:
        body = request.get_data(cache=True, parse_form_data=False)
    except RequestEntityTooLarge as error:
        raise _too_large(most) from error
    if len(body) > most:  # it was read when the limit was another
        raise _too_large(most)
    return body


def _too_large(most: int) -> TooLarge:
    return TooLarge(f"The body is larger than the {most:,} bytes that this source takes.")
