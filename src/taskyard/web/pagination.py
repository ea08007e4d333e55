"""Keyset pages: an opaque, signed cursor and a Link header (RFC 8288). Never an offset, never a total."""

import base64
from collections.abc import Callable, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode

import orjson
from flask import current_app, request
from marshmallow import validate

from taskyard.core.crypto import Signer
from taskyard.core.errors import Fault, Invalid
from taskyard.web.documented import note
from taskyard.web.fields import Text, Whole
from taskyard.web.schema import Schema

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])
SIGNATURE_CHARS = 16
LINK = {"Link": {"description": 'The next page, as rel="next"; absent on the last.', "schema": {"type": "string"}}}


class PageQuery(Schema):
    """The query parameters every list takes."""

    limit = Whole(load_default=50, validate=validate.Range(1, 200), metadata={"description": "How many items at most."})
    cursor = Text(metadata={"description": "Where to go on: from the Link header of the page before."})


def paged(view: F) -> F:
    """Document the Link header of a list."""
    note(view, headers=LINK)
    return view


def _signer() -> Signer:
    signer: Signer = current_app.extensions["taskyard.cursors"]
    return signer


def _scope(query: dict[str, Any]) -> bytes:
    """What a cursor belongs to: the path and the filters it was made for."""
    filters = sorted((name, str(value)) for name, value in query.items() if name not in {"cursor", "limit"})
    return orjson.dumps([request.path, filters])


def position(query: dict[str, Any]) -> Any:
    """Where the page begins: what `page` put into the cursor, or None for the first page.

    Raises:
        Invalid: the cursor was not made by this server for this list.
    """
    cursor = query.get("cursor")
    if cursor is None:
        return None
    signature, body = cursor[:SIGNATURE_CHARS], cursor[SIGNATURE_CHARS:]
    if not cursor.isascii() or not _signer().holds(body.encode() + _scope(query), signature):
        raise Invalid(
            [Fault("Not a cursor of this list with these filters. Start again without it.", parameter="cursor")]
        )
    return orjson.loads(base64.urlsafe_b64decode(body))


def page(query: dict[str, Any], items: Sequence[T], key: Callable[[T], Any]) -> tuple[Sequence[T], dict[str, str]]:
    """The items of this page and its headers, from one item more than `limit` was asked for."""
    limit = query["limit"]
    if len(items) <= limit:
        return items, {}
    items = items[:limit]
    return items, following(query, key(items[-1]))


def following(query: dict[str, Any], position: Any) -> dict[str, str]:
    """The header of a page after which the next one begins at this position."""
    body = base64.urlsafe_b64encode(orjson.dumps(position)).decode()
    cursor = _signer().sign(body.encode() + _scope(query)) + body
    parameters = {**request.args.to_dict(flat=False), "cursor": [cursor]}
    return {"Link": f'<{request.path}?{urlencode(parameters, doseq=True)}>; rel="next"'}
