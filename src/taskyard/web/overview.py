"""What the description says of the API as a whole: how to begin, and the rules that hold everywhere."""

from typing import Any

SCOPES = {
    "read": "Read tasks and what is configured.",
    "write": "Submit and change tasks and what is configured.",
    "work": "Claim tasks, as workers do.",
    "admin": "Manage users.",
}
ABOUT = """\
A self-hosted task queue and webhook hub that speaks plain HTTP. Submit tasks, run them with workers in any language,
read their results. Receive webhooks, at `/hooks/{name}` of a source, as tasks.

## Credentials

Send `Authorization: Bearer <token>` with an API key, or with a token from `POST /v1/auth/token` (OAuth2 password flow).
On /docs, *Authorize* takes either. Each operation names the scope it asks for. What is not yours is a 404.

## Errors

Every error is `application/problem+json` (RFC 9457): a stable `type`, a `detail` to read, and the request's id as
`instance`. A 422 lists **every** fault in `errors`, each with the JSON `pointer`, the `parameter` or the `header`
that it concerns. A 429 and a 503 say in `Retry-After` how many seconds to wait. A method that a path does not take is
a 405, whose `Allow` names those it takes; `HEAD` works wherever `GET` does.

## Repeating a request

A POST that creates something takes an `Idempotency-Key` of your own: a repeat within 24 hours gets the first answer,
with `Idempotency-Replayed: true`, and nothing is created twice. The same key with another body is a 422.

## Pages

Lists come newest first in pages of `limit` items. `Link: <…>; rel="next"` leads to the next page; the last one has no
such link. The cursor in it is opaque and belongs to that list with those filters.

## Versions

What is configured has an `ETag`. `If-None-Match` answers 304 where nothing has changed; `If-Match` on a change answers
412 where somebody else was faster.

## Times, ids, limits

Times are RFC 3339 with an offset, and UTC in answers. Ids are UUIDs that sort by time. Unknown fields and parameters
are refused. Every answer carries an `X-Request-ID`: the one you sent, or one made here. The logs have it too.
"""
SECURITY = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key, or a token got elsewhere."},
    "password": {
        "type": "oauth2",
        "description": "Your name and password, for a token that lasts minutes.",
        "flows": {"password": {"tokenUrl": "/v1/auth/token", "refreshUrl": "/v1/auth/token", "scopes": SCOPES}},
    },
}
REQUEST_ID = {
    "description": "The request's id, as in the logs and in a problem's `instance`.",
    "schema": {"type": "string"},
    "example": "019a8d4f-7c1e-7b7a-9d55-2f6d3c1b8e10",
}


def add(spec: dict[str, Any]) -> None:
    """Add what holds for the whole API to a document made from its routes."""
    spec["info"] |= {
        "summary": "Submit, run and read tasks over plain HTTP.",
        "description": ABOUT,
        "license": {"name": "MIT", "identifier": "MIT"},
    }
    spec["servers"] = [{"url": "/", "description": "This server."}]
    components = spec.setdefault("components", {})
    components["securitySchemes"] = SECURITY
    components["headers"] = {"X-Request-ID": REQUEST_ID}
