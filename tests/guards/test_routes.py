"""Every route says who may call it."""

from flask import Flask

from taskyard.web.auth import PUBLIC, required_scopes

SCOPES = {PUBLIC, "read", "write", "work", "admin"}


def test_every_route_says_who_may_call_it(app: Flask) -> None:
    assert set(required_scopes(app).values()) <= SCOPES


def test_only_logging_in_and_out_is_open_to_everybody(app: Flask) -> None:
    rules = {rule.endpoint: rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v1/")}
    public = {
        (method, rules[endpoint])
        for (endpoint, method), wanted in required_scopes(app).items()
        if wanted == PUBLIC and endpoint in rules
    }
    assert public == {("POST", "/v1/auth/token"), ("POST", "/v1/auth/revoke")}
