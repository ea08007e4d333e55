"""Whatever is sent to /hooks: no 500, and nothing is half-written."""

import string
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.caller import Caller
from support.github import GITHUB, SECRET, signature
from support.people import ALICE
from taskyard.inbox.presets import PRESETS

pytestmark = pytest.mark.slow

ROUTES = [
    {"filter": "type == 'push'", "command": "c", "payload": "{b: body, q: query, h: headers}", "unique_key": "body.id"},
    {"command": "c2", "payload": "body"},
]
TOKENS = st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=60)
KNOWN = ["X-Hub-Signature-256", "Stripe-Signature", "webhook-signature", "webhook-id", "webhook-timestamp"]
KNOWN += ["X-Slack-Signature", "X-Slack-Request-Timestamp", "Authorization", "Content-Type", "X-GitHub-Event"]
HEADERS = st.dictionaries(st.sampled_from(KNOWN) | TOKENS.map("X-{}".format), VALUES, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["id", "type", "payload"]), inner),
    max_leaves=10,
)
BODIES = (
    st.binary(max_size=200)
    | JSON.map(repr).map(str.encode)
    | st.sampled_from(
        [
            b'{"id": "\\u0000"}',
            b'{"id": "\\ud800"}',
            b"[" * 3000,
            b'{"id": 1e999}',
            b"payload=%00%ff&payload=1",
            b"\xff\xfe",
            b'{"id": 123456789012345678901234567890}',
            b'{"a": ' * 300 + b"1" + b"}" * 300,
            b"NaN",
            b'{"type": "\\u0000"}',
        ]
    )
)
PATHS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x17F), max_size=20)
QUERIES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="#"), max_size=40)


@pytest.fixture(scope="module")
def app(opened_app: Flask) -> Flask:
    alice = Caller(opened_app, ALICE)
    for name in PRESETS:
        sent = {**GITHUB, "preset": name, "routes": ROUTES}
        assert alice.put(f"/v1/sources/{name}", sent).status_code == 201
    return opened_app


FUZZING = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FUZZING
@given(st.sampled_from([*PRESETS]), HEADERS, BODIES, PATHS, QUERIES, st.sampled_from(["POST", "GET", "OPTIONS", "PUT"]))
def test_garbage_is_refused(
    app: Flask, name: str, headers: dict[str, str], body: bytes, path: str, query: str, method: str
) -> None:
    where = f"/hooks/{name}" + (f"/{quote(path)}" if path else "")
    answer = Caller(app).request(method, where, data=body, headers=headers, query_string=query)
    assert answer.status_code < 500, answer.text
    seen = Caller(app, ALICE).get("/v1/requests?limit=1")
    assert seen.status_code == 200
    for one in seen.json["requests"]:
        assert Caller(app, ALICE).get(f"/v1/requests/{one['id']}").status_code == 200


@FUZZING
@given(HEADERS, BODIES, st.text(max_size=300))
def test_garbage_that_is_signed_is_kept(app: Flask, headers: dict[str, str], body: bytes, event: str) -> None:
    signed = {**headers, "X-Hub-Signature-256": signature(body, SECRET)}
    answer = Caller(app).request("POST", "/hooks/github", data=body, headers=signed)
    assert answer.status_code == 200, answer.text
    request = Caller(app, ALICE).get(f"/v1/requests/{answer.json['id']}").json
    assert request["verdict"] in {"routed", "unrouted", "unroutable", "answered"}
    assert (request["verdict"] == "routed") == bool(request["tasks"])
    assert (request["verdict"] == "unroutable") == bool(request["errors"])
