"""Providers that ask whether somebody is there are answered as they want it; nobody else is."""

import base64
import hmac
import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from taskyard.inbox import handshake
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Secret
from taskyard.inbox.sign import sign
from taskyard.inbox.verify import verify

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SECRET = Secret("s3cret")
EXPIRED = Secret("gone", expires_at=NOW - timedelta(seconds=1))
X, META, SLACK, EVENTS, GITHUB = (PRESETS[name] for name in ("x", "meta", "slack", "cloudevents", "github"))


def asked(query: str = "", method: str = "GET", headers: list[tuple[str, str]] | None = None) -> Received:
    return Received(method, "", query, headers or [], b"")


def sent(body: bytes, headers: list[tuple[str, str]] | None = None) -> Received:
    return Received("POST", "", "", headers or [], body)


def test_x_gets_its_token_signed_by_the_first_live_secret() -> None:
    answer = handshake.before(X, [EXPIRED, SECRET], asked("nonce=1&crc_token=MTIzNDU2Nzg5"), NOW)
    made = base64.b64encode(hmac.digest(b"s3cret", b"MTIzNDU2Nzg5", "sha256")).decode()
    assert answer is not None
    assert json.loads(answer.body) == {"response_token": f"sha256={made}"}


@pytest.mark.parametrize("query", ["", "crc_token=", "crc_token=a&crc_token=b", 'crc_token={"a":1}', "crc_token=a%00"])
def test_x_gets_nothing_signed_that_could_be_an_event(query: str) -> None:
    assert handshake.before(X, [SECRET], asked(query), NOW) is None


def test_what_was_signed_for_x_as_a_token_makes_no_event() -> None:
    body = b"MTIzNDU2Nzg5"
    request = sent(body, sign(X, "s3cret", body, NOW))
    assert verify(X.scheme, [SECRET], request, NOW).ok
    assert handshake.after(X, request) is not None
    assert handshake.after(X, sent(b'{"for_user_id": "1"}')) is None


def test_without_a_live_secret_x_and_meta_get_no_answer() -> None:
    token = handshake.verify_token(EXPIRED.value)
    for secrets in ([], [EXPIRED], [Secret("")]):
        assert handshake.before(X, secrets, asked("crc_token=abc"), NOW) is None
        query = f"hub.mode=subscribe&hub.challenge=1&hub.verify_token={token}"
        assert handshake.before(META, secrets, asked(query), NOW) is None


def test_meta_gets_its_challenge_back_as_plain_text() -> None:
    token = handshake.verify_token("s3cret")
    query = f"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={token}"
    answer = handshake.before(META, [SECRET], asked(query), NOW)
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("mode", "challenge", "token"),
    [
        ("subscribe", "1", "s3cret"),
        ("subscribe", "1", ""),
        ("unsubscribe", "1", None),
        ("subscribe", "<script>", None),
        ("subscribe", "", None),
    ],
)
def test_meta_gets_no_answer_with_another_token_or_an_odd_challenge(
    mode: str, challenge: str, token: str | None
) -> None:
    token = handshake.verify_token("s3cret") if token is None else token
    query = f"hub.mode={mode}&hub.challenge={quote(challenge)}&hub.verify_token={token}"
    assert handshake.before(META, [SECRET], asked(query), NOW) is None


def test_the_verify_token_is_no_signature_of_anything() -> None:
    token = handshake.verify_token("s3cret")
    request = sent(b"taskyard verify token", [("X-Hub-Signature-256", f"sha256={token}")])
    assert len(token) == 32
    assert not verify(META.scheme, [SECRET], request, NOW).ok


def test_slack_gets_its_challenge_back_once_its_request_is_verified() -> None:
    body = b'{"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"}'
    answer = handshake.after(SLACK, sent(body))
    assert answer is not None
    assert answer.body == b"3eZbrw1aB"
    assert handshake.before(SLACK, [SECRET], sent(body), NOW) is None


@pytest.mark.parametrize(
    "body", [b"", b"\0", b"[]", b'{"type":"event_callback"}', b'{"type":"url_verification","challenge":1}', b"[" * 9000]
)
def test_what_is_no_challenge_of_slack_is_a_webhook_like_any_other(body: bytes) -> None:
    assert handshake.after(SLACK, sent(body)) is None


def test_cloudevents_may_send_from_where_they_ask() -> None:
    headers = [("webhook-request-origin", "eventemitter.example.com"), ("WebHook-Request-Rate", "120")]
    answer = handshake.before(EVENTS, [], asked(method="OPTIONS", headers=headers), NOW)
    assert answer is not None
    assert answer.headers["WebHook-Allowed-Origin"] == "eventemitter.example.com"
    assert answer.headers["WebHook-Allowed-Rate"] == "120"
    for bad in ([], [("WebHook-Request-Origin", "a\r\nb")], headers[:1] * 2):
        assert handshake.before(EVENTS, [], asked(method="OPTIONS", headers=bad), NOW) is None


def test_githubs_ping_is_answered_and_its_events_are_not() -> None:
    assert handshake.after(GITHUB, sent(b"{}", [("x-github-event", "ping")])) is not None
    assert handshake.after(GITHUB, sent(b"{}", [("x-github-event", "push")])) is None


def test_a_handshake_of_one_provider_is_none_of_another() -> None:
    assert handshake.before(GITHUB, [SECRET], asked("crc_token=abc"), NOW) is None
    assert handshake.before(X, [SECRET], asked("crc_token=abc", method="POST"), NOW) is None


def test_each_preset_says_which_methods_it_sends() -> None:
    assert X.methods == META.methods == ("POST", "GET")
    assert EVENTS.methods == ("POST", "OPTIONS")
    assert GITHUB.methods == ("POST",)
