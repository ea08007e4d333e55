"""What bites when webhooks are verified, and what no preset shows."""

import base64
import hmac
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.hooks import VECTORS, now_of, request_of, secrets_of
from taskyard.inbox.doctor import diagnose
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.proof import decode
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Digest, Encoding, Freshness, Grammar, KeyForm, Kind, Names, Scheme, Secret, Unit
from taskyard.inbox.sign import sign
from taskyard.inbox.verdict import Reason
from taskyard.inbox.verify import span, verify

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
SEED = base64.b64encode(bytes(range(32))).decode()
NONE_TO_SIGN_WITH = {Kind.ECDSA, Kind.ED25519, Kind.NONE}
SYMMETRIC = [name for name, preset in PRESETS.items() if preset.scheme.kind not in NONE_TO_SIGN_WITH]
SECRET = "whsec_" + base64.b64encode(b"twenty-four bytes or more").decode()


def received(headers: list[tuple[str, str]], body: bytes = b"{}", query: str = "") -> Received:
    return Received("POST", "", query, headers, body)


@pytest.mark.parametrize("name", SYMMETRIC)
def test_what_sign_signs_is_verified_by_the_same_preset(name: str) -> None:
    preset = PRESETS[name]
    headers = sign(preset, SECRET, b"{}", NOW, event="made", message_id="msg_1")
    verdict = verify(preset.scheme, [Secret("other"), Secret(SECRET)], received(headers), NOW)
    assert (verdict.ok, verdict.secret) == (True, 1)


@pytest.mark.parametrize("digest", Digest)
@pytest.mark.parametrize("encoding", Encoding)
@pytest.mark.parametrize("key", [KeyForm.RAW, KeyForm.HEX, KeyForm.BASE64])
def test_knobs_can_be_put_together_as_a_sender_has_them(digest: Digest, encoding: Encoding, key: KeyForm) -> None:
    scheme = Scheme(
        names=(Names("X-Sig", "X-Time"),),
        encoding=encoding,
        digest=digest,
        key=key,
        template="{timestamp}\n{body}",
        freshness=Freshness(unit=Unit.MILLISECONDS),
    )
    preset = replace(PRESETS["hmac"], scheme=scheme)
    secret = "00ff00ff00ff00ff"  # good as text, as hex and as base64
    headers = sign(preset, secret, b"\xfb\xff", NOW)
    assert verify(scheme, [Secret(secret)], received(headers, b"\xfb\xff"), NOW).ok
    made = {KeyForm.RAW: secret.encode(), KeyForm.HEX: bytes.fromhex(secret), KeyForm.BASE64: base64.b64decode(secret)}
    stamp = str(int(NOW.timestamp() * 1000))
    assert decode(encoding, dict(headers)["X-Sig"]) == hmac.digest(
        made[key], f"{stamp}\n".encode() + b"\xfb\xff", digest
    )


def test_a_private_ed25519_key_signs_what_its_public_key_verifies() -> None:
    preset = PRESETS["standard-webhooks"]
    headers = sign(preset, f"whsk_{SEED}", b"{}", NOW, message_id="msg_1")
    [vector] = [one for one in VECTORS if one["name"] == "standard-webhooks: ed25519, signed as it should be"]
    assert verify(preset.scheme, secrets_of(vector), received(headers), NOW).ok


def test_base64_and_base64url_are_not_taken_for_one_another() -> None:
    assert decode(Encoding.BASE64URL, "-_-_") == decode(Encoding.BASE64, "+/+/") == b"\xfb\xff\xbf"
    assert decode(Encoding.BASE64URL, "-_8") == b"\xfb\xff", "mostly written without padding"
    assert [decode(Encoding.BASE64URL, bad) for bad in ("+_+_", "-/-/", "-_!-_", "-_-_-")] == [None] * 4
    assert decode(Encoding.BASE64, "-_-_") is None


def test_a_secret_holds_from_its_first_moment_and_no_longer_at_its_last() -> None:
    preset = PRESETS["github"]
    request = received(sign(preset, "s", b"{}", NOW))
    one = Secret("s", not_before=NOW, expires_at=NOW + timedelta(seconds=1))
    assert verify(preset.scheme, [one], request, NOW).ok
    early = verify(preset.scheme, [one], request, NOW - timedelta(microseconds=1))
    late = verify(preset.scheme, [one], request, NOW + timedelta(seconds=1))
    assert (early.reason, late.reason) == (Reason.SECRET_NOT_YET_VALID, Reason.SECRET_EXPIRED)


@pytest.mark.parametrize("grammar", [Grammar.COMMAS, Grammar.SEMICOLONS])
def test_a_field_without_an_equals_sign_is_none(grammar: Grammar) -> None:
    scheme = Scheme(names=(Names("X-Sig"),), grammar=grammar, field="v1")
    assert verify(scheme, [Secret("s")], received([("X-Sig", "v1")]), NOW).reason is Reason.HEADER_MALFORMED


def test_verdicts_count_secrets_from_1_and_say_what_is_wrong_with_them() -> None:
    github, standard = PRESETS["github"], PRESETS["standard-webhooks"]
    request = received(sign(github, "s", b"{}", NOW))
    hour = timedelta(hours=1)

    def told(*secrets: Secret) -> str:
        return verify(github.scheme, secrets, request, NOW).sentence

    assert told(Secret("a"), Secret("s")) == "Signed with secret 2 of 2."
    assert told(Secret("a"), Secret("s", expires_at=NOW - hour)).startswith("It would match secret 2, which expired")
    assert told(Secret("a"), Secret("s", not_before=NOW + hour)).startswith("It would match secret 2, which is not")
    headers = sign(standard, SECRET, b"{}", NOW, message_id="msg_1")
    malformed = verify(standard.scheme, [Secret(""), Secret("whsk_AAAA")], received(headers), NOW)
    assert malformed.sentence == (
        "Secret 1 cannot be used: it is empty."
        " Secret 2 cannot be used: it is the sender's private key; the public one (whpk_…) belongs here."
    )


def test_spans_are_in_seconds_and_from_two_days_on_in_days() -> None:
    day = 86_400
    assert [span(one) for one in (412.4, 2 * day - 1, 2 * day, 7 * day)] == ["412 s", "172799 s", "2 days", "7 days"]


def test_a_secret_is_not_shown_by_its_repr() -> None:
    assert "geheim" not in repr(Secret("geheim"))


def test_without_a_place_for_the_time_that_is_asked_for_nothing_is_verified() -> None:
    scheme = Scheme(names=(Names("X-Sig"),), freshness=Freshness(field="t"))
    headers = [("X-Sig", hmac.digest(b"s", b"{}", "sha256").hex())]
    assert verify(scheme, [Secret("s")], received(headers), NOW).reason is Reason.TIMESTAMP_MISSING


HEADERS = sorted({name for vector in VECTORS for name, _ in vector["headers"]})
VALUES = sorted({value for vector in VECTORS for _, value in vector["headers"] if len(value) < 300})
SECRETS = sorted({one["value"] for vector in VECTORS for one in vector["secrets"]})
anything = st.one_of(
    st.text(max_size=60),
    st.text("0123456789,;=. \t\0vtsha1256_-+/", max_size=60),
    st.characters(max_codepoint=255).map(str),
    st.sampled_from(VALUES),
)
anything_sent = st.lists(st.tuples(st.one_of(st.sampled_from(HEADERS), st.text(max_size=20)), anything), max_size=8)
any_secret = st.one_of(st.text(max_size=40), st.sampled_from(SECRETS), st.text("\0\ud800whsec_pk=", max_size=12))
any_body = st.one_of(
    st.binary(min_size=1, max_size=100), st.sampled_from([b"{}", b"[" * 3000, b'{"a":1e999}', b"\xef\xbb\xbf{}"])
)
any_scheme = st.builds(
    Scheme,
    kind=st.sampled_from([kind for kind in Kind if kind is not Kind.NONE]),
    names=st.sampled_from(
        [(Names("X-Signature", "X-Time", "X-Id"),), (Names("webhook-signature"), Names("X-Gitlab-Token"))]
    ),
    grammar=st.sampled_from(Grammar),
    field=st.sampled_from(["v1", "sha256=", "s"]),
    encoding=st.sampled_from(Encoding),
    digest=st.sampled_from(Digest),
    key=st.sampled_from(KeyForm),
    key_prefix=st.sampled_from(["", "whsec_"]),
    template=st.sampled_from(["{body}", "{id}.{timestamp}.{body}", "{timestamp}{body}"]),
    freshness=st.sampled_from([None, Freshness(), Freshness(unit=Unit.MILLISECONDS, field="t", tolerance_s=None)]),
    public_prefix=st.sampled_from(["", "whpk_"]),
    public_field=st.just("v1a"),
    query=st.sampled_from(["", "access_token"]),
)
preset_scheme = st.sampled_from([one.scheme for one in PRESETS.values() if one.scheme.kind is not Kind.NONE])


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(any_scheme, preset_scheme),
    st.lists(any_secret, max_size=3),
    anything_sent,
    any_body,
    st.text(max_size=60),
)
def test_no_input_is_an_exception_to_the_verifier_or_the_doctor(scheme, secrets, headers, body, query) -> None:  # type: ignore[no-untyped-def]
    known = [Secret(value) for value in secrets]
    request = Received("POST", "", query, headers, body)
    verdict = verify(scheme, known, request, NOW)
    found = diagnose(scheme, known, request, NOW)
    assert verdict.ok or (found[0].code, found[0].sentence) == (verdict.reason, verdict.sentence)
    if scheme.kind not in {Kind.TOKEN, Kind.BEARER, Kind.BASIC}:
        assert not verdict.ok


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([one for one in VECTORS if one["reason"] == "verified"]), st.data())
def test_nothing_that_was_signed_can_be_changed(vector, data) -> None:  # type: ignore[no-untyped-def]
    scheme, request = PRESETS[vector["preset"]].scheme, request_of(vector)
    if scheme.kind in {Kind.TOKEN, Kind.BEARER, Kind.BASIC}:
        return
    at = data.draw(st.integers(0, len(request.body)))
    more = data.draw(st.binary(min_size=1, max_size=3))
    taken = data.draw(st.integers(0, 3))
    body = request.body[:at] + more + request.body[at + taken :]
    if body != request.body:
        verdict = verify(scheme, secrets_of(vector), replace(request, body=body), now_of(vector))
        assert verdict.reason is Reason.WRONG_SIGNATURE
