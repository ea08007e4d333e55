"""Who may call a route: read from the route itself, decided before its view runs.

Every route of the API carries `@scope(...)` or `@public`; the app refuses to start with one that has neither. Who a
token belongs to is not known here: app.py hands in `authenticate`.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from flask import Flask, g, request
from flask.views import MethodView

from taskyard.core.errors import Forbidden, Unauthenticated

F = TypeVar("F", bound=Callable[..., Any])
PUBLIC = "public"


class Caller(Protocol):
    """What this layer needs to know of whoever calls."""

    @property
    def user_id(self) -> str: ...

    @property
    def scopes(self) -> frozenset[str]: ...


def scope(name: str) -> Callable[[F], F]:
    """Let only callers with this scope in. `work` is also met by `work:<queue>`, which the service then holds to."""

    def mark(view: F) -> F:
        view.__dict__["required_scope"] = name
        return view

    return mark


def public(view: F) -> F:
    """Let anybody in."""
    view.__dict__["required_scope"] = PUBLIC
    return view


def caller() -> Any:
    """Whoever makes this request; app.py's `authenticate` made it."""
    return g.caller


def required_scopes(app: Flask) -> dict[tuple[str, str], str]:
    """The scope each route asks for, by endpoint and method.

    Raises:
        RuntimeError: a route says nothing about who may call it.
    """
    found: dict[tuple[str, str], str] = {}
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        for method in (rule.methods or set()) - {"OPTIONS", "HEAD"}:
            wanted = _wanted(view, method)
            if wanted is None:
                raise RuntimeError(f"{method} {rule.rule} has neither @scope nor @public")
            found[rule.endpoint, method] = wanted
            if method == "GET":
                found[rule.endpoint, "HEAD"] = wanted
    return found


def _wanted(view: Any, method: str) -> str | None:
    view_class = getattr(view, "view_class", None)
    if view_class is not None and issubclass(view_class, MethodView):
        view = getattr(view_class, method.lower())
    wanted: str | None = getattr(view, "required_scope", None)
    return wanted


def meets(scopes: frozenset[str], wanted: str) -> bool:
    return wanted in scopes or (wanted == "work" and any(s.startswith("work:") for s in scopes))


def register(app: Flask, authenticate: Callable[[str], Caller]) -> None:
    """Check every request against its route. `authenticate` raises Unauthenticated for a token that does not hold."""
    wanted_of: Mapping[tuple[str, str], str] = {}

    @app.before_request
    def check() -> None:
        nonlocal wanted_of
        if not wanted_of:  # all routes are registered by the first request
            wanted_of = required_scopes(app)
        wanted = wanted_of.get((request.endpoint or "", request.method), PUBLIC)
        if wanted == PUBLIC:
            return
        g.caller = authenticate(bearer_token())
        if not meets(g.caller.scopes, wanted):
            raise Forbidden(f"These credentials lack the scope `{wanted}`.")


def bearer_token() -> str:
    """The token of the Authorization header (RFC 6750)."""
    header: str = request.environ.get("HTTP_AUTHORIZATION", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise Unauthenticated("Send an API key or a token: Authorization: Bearer <key>.")
    return token.strip()
