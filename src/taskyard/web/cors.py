"""Calls from pages of other origins (CORS, https://fetch.spec.whatwg.org/#http-cors-protocol), where a setting says so.

Credentials travel in the Authorization header, never in a cookie, so that a browser adds none by itself.
"""

from collections.abc import Collection

from flask import Flask, Response, request

ANY = "*"
SENT = "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Prefer, X-Request-ID"
SHOWN = (
    "Link, Location, ETag, X-Request-ID, Retry-After, Idempotency-Replayed, Preference-Applied, RateLimit,"
    " WWW-Authenticate, Allow"
)
PREFLIGHT_KEPT_S = 7200  # more than any browser keeps it


def register(app: Flask, origins: Collection[str]) -> None:
    """Let pages of these origins call; `*` is any. Call before all other hooks are registered, so that this one runs
    last: it marks whatever is answered in the end.
    """
    if not origins:
        return

    @app.after_request
    def mark(response: Response) -> Response:
        if ANY not in origins:
            response.vary.add("Origin")  # of every answer: a cache must not give one origin's to another
        origin = request.headers.get("Origin")
        if origin is None or not (ANY in origins or origin in origins):
            return response
        response.headers["Access-Control-Allow-Origin"] = ANY if ANY in origins else origin
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            _allow(response)
        else:
            response.headers["Access-Control-Expose-Headers"] = SHOWN
        return response


def _allow(response: Response) -> None:
    """What a preflight asks: Flask's answer to OPTIONS names the path's methods already."""
    response.headers["Access-Control-Allow-Methods"] = response.headers.get("Allow", "")
    response.headers["Access-Control-Allow-Headers"] = SENT
    response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_KEPT_S)
