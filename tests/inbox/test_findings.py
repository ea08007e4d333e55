"""The doctor says what would have to be otherwise for a rejected request to be verified."""

import base64
import json
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from support.hooks import VECTORS, now_of, request_of, secrets_of
from taskyard.inbox.doctor import BUDGET, diagnose
from taskyard.inbox.finding import ADVICE, CODES
from taskyard.inbox.presets import PRESETS, Preset
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Digest, Encoding, Freshness, Grammar, KeyForm, Secret, Unit
from taskyard.inbox.sign import sign
from taskyard.inbox.verdict import Reason

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
VALUE = {"id": 7, "url": "https://example.com/ä", "list": [1, 2.5], "b": None}
BODY = json.dumps(VALUE, ensure_ascii=False).encode()
SECRET = base64.b64encode(b"the secret of the sender").decode()
GITHUB, STRIPE, STANDARD, HMAC = (PRESETS[name] for name in ("github", "stripe", "standard-webhooks", "hmac"))
SLACK = PRESETS["slack"]


def with_scheme(preset: Preset, **knobs: Any) -> Preset:
    return replace(preset, scheme=replace(preset.scheme, **knobs))


def codes(
    expected: Preset,
    sent: Preset,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    by: str = SECRET,
    body: bytes = BODY,
    arrived: bytes | None = None,
    late_s: float = 0,
    headers: list[tuple[str, str]] | None = None,
) -> list[str]:
    """What is found where a source expects one thing and is sent another."""
    signed = sign(sent, by, body, NOW, message_id="msg_1") if headers is None else headers
    request = Received("POST", "", "", signed, body if arrived is None else arrived)
    found = diagnose(expected.scheme, [Secret(one) for one in secrets], request, NOW + timedelta(seconds=late_s))
    assert all(one.code in CODES and one.sentence.endswith(".") and one.advice.endswith(".") for one in found)
    told = " ".join(f"{one.sentence} {one.advice}" for one in found)
    assert not any(secret in told for secret in secrets if len(secret) > 3)
    assert not any(
        value[-20:] in told for name, value in sign(expected, secrets[0], request.body, NOW) if "ign" in name
    )
    return [str(one.code) for one in found]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert codes(GITHUB, GITHUB) == []


@pytest.mark.parametrize(
    "arrived",
    [
        json.dumps(VALUE, separators=(",", ":"), ensure_ascii=False).encode(),
        json.dumps(VALUE, ensure_ascii=True).encode(),
        json.dumps(VALUE, ensure_ascii=False, indent=2).encode(),
        BODY + b"\n",
        b"\xef\xbb\xbf" + BODY,
    ],
)
def test_a_body_that_was_written_anew_is_told(arrived: bytes) -> None:
    assert codes(GITHUB, GITHUB, arrived=arrived) == ["wrong_signature", "body_rewritten"]


@pytest.mark.parametrize(
    ("signed", "arrived", "how"),
    [
        (b'{"a":1,"b":2}', b'{"b": 2, "a": 1}', "as compact JSON with sorted keys."),
        (b'{"a": 1, "b": 2}', b'{"b":2,"a":1}', "as JSON with blanks and sorted keys."),
        (b'{"b":2}', b'{"b": 2}', "as compact JSON."),
        (b'{"b": 2}', b'{"b":2}', "as JSON with blanks after commas and colons."),
        (b'{"b":"\\u00e4"}', '{"b": "ä"}'.encode(), "as compact JSON in ASCII."),
        (b'{"b":2}\n', b'{"b":2}', "with a line end after it."),
        (b'{"b":2}', b'{"b":2}\n', "without the line end after it."),
        (b"a\r\nb", b"a\nb", "with CRLF for line ends."),
        (b"a\nb", b"a\r\nb", "with LF for line ends."),
        ("ä".encode("latin-1"), "ä".encode(), "in Latin-1 instead of UTF-8."),
        (b'"a\\/b"', b'"a/b"', "with slashes escaped, as PHP does."),
        (b'"a/b"', b'"a\\/b"', "with slashes not escaped."),
        (b"", b"{}", "as nothing: an empty body."),
    ],
)
def test_it_is_told_how_the_body_was_before(signed: bytes, arrived: bytes, how: str) -> None:
    request = Received("POST", "", "", sign(GITHUB, SECRET, signed, NOW), arrived)
    found = diagnose(GITHUB.scheme, [Secret(SECRET)], request, NOW)
    assert [one.code for one in found] == ["wrong_signature", "body_rewritten"]
    assert found[1].sentence == f"The body was changed on its way: it would match {how}"


def test_an_empty_body_and_a_decoded_form_are_told() -> None:
    assert codes(GITHUB, GITHUB, arrived=b"") == ["wrong_signature", "body_empty"]
    form = [*sign(GITHUB, SECRET, b'{"a":1}', NOW), ("Content-Type", "application/x-www-form-urlencoded")]
    assert "form_decoded" in codes(GITHUB, GITHUB, headers=form, arrived=b"payload=%7B%22a%22%3A1%7D")


@pytest.mark.parametrize(
    ("knobs", "code"),
    [
        ({"encoding": Encoding.BASE64}, "other_encoding"),
        ({"digest": Digest.SHA512}, "other_digest"),
        ({"digest": Digest.SHA1}, "other_digest"),
        ({"grammar": Grammar.BARE}, "prefix_missing"),
        ({"key": KeyForm.BASE64}, "key_not_decoded"),
        ({"field": "v1="}, "prefix_unexpected"),
    ],
)
def test_a_knob_that_stands_wrong_is_told(knobs: dict[str, Any], code: str) -> None:
    found = codes(GITHUB, with_scheme(GITHUB, **knobs))
    assert found[0] in {"wrong_signature", "signature_malformed", "header_malformed"}
    assert found[1:] == [code]


def test_hex_that_is_read_as_base64_and_a_prefix_too_many_are_told() -> None:
    shopify = PRESETS["shopify"]
    assert codes(shopify, with_scheme(shopify, encoding=Encoding.HEX)) == ["wrong_signature", "other_encoding"]
    prefixed = with_scheme(HMAC, grammar=Grammar.PREFIX, field="sha256=")
    assert codes(HMAC, prefixed) == ["signature_malformed", "prefix_unexpected"]


def test_a_secret_that_is_or_is_not_to_be_decoded_is_told() -> None:
    whole = "whsec_" + SECRET
    decoded = with_scheme(STRIPE, key=KeyForm.BASE64, key_prefix="whsec_")
    assert codes(STRIPE, decoded, secrets=(whole,), by=whole) == ["wrong_signature", "key_not_decoded"]
    raw = with_scheme(STANDARD, key=KeyForm.RAW)
    assert codes(STANDARD, raw, secrets=(whole,), by=whole) == ["wrong_signature", "key_decoded"]


@pytest.mark.parametrize("around", ["{}\n", " {}", '"{}"'])
def test_blanks_and_quotes_around_a_secret_are_told(around: str) -> None:
    assert codes(GITHUB, GITHUB, secrets=(around.format(SECRET),)) == ["wrong_signature", "blanks_around"]


def test_another_content_that_was_signed_is_told() -> None:
    assert codes(STRIPE, with_scheme(STRIPE, template="{body}")) == ["wrong_signature", "other_template"]
    assert codes(SLACK, with_scheme(SLACK, template="{timestamp}.{body}")) == ["wrong_signature", "other_template"]


def test_another_unit_of_time_is_told() -> None:
    in_ms = with_scheme(STANDARD, freshness=Freshness(unit=Unit.MILLISECONDS))
    whole = "whsec_" + SECRET
    assert codes(STANDARD, in_ms, secrets=(whole,), by=whole) == ["in_the_future", "other_unit"]
    assert codes(in_ms, STANDARD, secrets=(whole,), by=whole) == ["too_old", "other_unit"]


def test_a_wrong_signature_that_is_old_besides_is_told_with_its_age() -> None:
    assert codes(STRIPE, STRIPE, by="another", late_s=412) == ["wrong_signature", "too_old"]
    assert codes(SLACK, SLACK, by="another", late_s=-412) == ["wrong_signature", "in_the_future"]
    request = Received("POST", "", "", sign(STRIPE, SECRET, BODY, NOW), BODY)
    [found] = diagnose(STRIPE.scheme, [Secret(SECRET)], request, NOW + timedelta(seconds=412))
    assert found.sentence == "The signature is right, but 412 s old; this source allows 300 s."


def test_a_secret_out_of_its_time_is_told_by_its_number() -> None:
    request = Received("POST", "", "", sign(GITHUB, "old", BODY, NOW), BODY)
    over = Secret("old", expires_at=NOW - timedelta(hours=1))
    [found] = diagnose(GITHUB.scheme, [Secret("new"), over], request, NOW)
    assert (found.code, found.sentence) == (
        "secret_expired",
        "It would match secret 2, which expired at 2026-01-02 02:04:05 UTC.",
    )


def test_another_preset_is_told_and_whether_it_is_certain() -> None:
    request = Received("POST", "", "", sign(PRESETS["shopify"], SECRET, BODY, NOW), BODY)
    sure = diagnose(STRIPE.scheme, [Secret(SECRET)], request, NOW)
    perhaps = diagnose(STRIPE.scheme, [Secret("another")], request, NOW)
    assert [one.code for one in sure] == [one.code for one in perhaps] == ["header_missing", "other_preset"]
    assert "would be verified as one" in sure[1].sentence
    assert "would be verified" not in perhaps[1].sentence
    assert sure[1].advice == "If it comes from there, give the source the preset shopify."


def test_tokens_and_passwords_are_told_by_what_is_wrong_with_them() -> None:
    token, basic = PRESETS["token"], PRESETS["basic"]
    assert codes(token, token, secrets=(SECRET + "\n",)) == ["wrong_token", "blanks_around"]
    assert codes(token, token, by=f"Bearer {SECRET}") == ["wrong_token", "prefix_unexpected"]
    assert codes(basic, basic, secrets=(f"ann:{SECRET}",), by="ann:other") == ["wrong_credentials", "wrong_password"]
    assert codes(basic, basic, secrets=(f"ann:{SECRET}",), by="bob:other") == ["wrong_credentials"]
    assert codes(PRESETS["gitlab"], STANDARD, by="whsec_" + SECRET)[:2] == ["header_missing", "other_preset"]


def test_a_long_body_is_tried_on_within_a_budget_that_is_told() -> None:
    body = b"x" * (25 * 1024 * 1024)
    request = Received("POST", "", "", [("X-Signature", "00" * 32)], body)
    before = time.process_time()
    found = diagnose(HMAC.scheme, [Secret("s")], request, NOW)
    assert time.process_time() - before < 5
    assert [one.code for one in found] == ["wrong_signature", "not_all_tried"]
    assert 2 * len(body) < BUDGET


@pytest.mark.parametrize("vector", [one for one in VECTORS if not one["ok"]], ids=lambda vector: vector["name"])
def test_every_refusal_begins_with_its_reason_and_what_to_do(vector: dict[str, Any]) -> None:
    scheme = PRESETS[vector["preset"]].scheme
    found = diagnose(scheme, secrets_of(vector), request_of(vector), now_of(vector))
    assert (found[0].code, found[0].advice) == (vector["reason"], ADVICE[vector["reason"]])


def test_every_reason_to_refuse_has_its_advice() -> None:
    assert set(Reason) - set(ADVICE) == {Reason.VERIFIED, Reason.UNCHECKED}
