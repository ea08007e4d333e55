"""Writes vectors.json: what each provider sends, signed by openssl and described apart from the implementation.

    python tests/inbox/make_vectors.py

Nothing of Taskyard is imported, and the table below is of the providers' documentation, not of presets.toml. A vector
holds a preset, secrets, a request (its body in base64), the time it is checked at, and the verdict with its reason.
"""

import base64
import json
from pathlib import Path
from typing import Any

from openssl import B64, ED25519_DER, ED25519_SEED, HEX, P256_PEM, PROVIDERS, Provider, hmac, openssl, public, signed_by

NOW = 1_700_000_000
HERE = Path(__file__).parent
BODY = '{"id": "evt_1", "type": "thing.made", "price": 12.50, "name": "Zoë"}'.encode()
WHSEC = ["whsec_" + B64(f"the secret number {n} of {32 + n} bytes".encode()) for n in range(2)]
PLAIN = ["It's a Secret to Everybody", "another schlüssel"]


class Vectors:
    def __init__(self) -> None:
        self.made: list[dict[str, Any]] = []

    def add(
        self,
        name: str,
        preset: str,
        secrets: list[Any],
        headers: list[tuple[str, str]],
        body: bytes,
        reason: str = "verified",
        *,
        secret: int | None = None,
        query: str = "",
        now: float = NOW,
    ) -> None:
        ok = reason in {"verified", "unchecked"}
        self.made.append(
            {
                "name": f"{preset}: {name}",
                "preset": preset,
                "secrets": [{"value": one} if isinstance(one, str) else one for one in secrets],
                "query": query,
                "headers": [list(pair) for pair in headers],
                "body": B64(body),
                "now": now,
                "ok": ok,
                "reason": reason,
                "secret": 0 if secret is None and reason == "verified" else secret,
            }
        )


def key(provider: Provider, secret: str) -> bytes:
    return base64.b64decode(secret.removeprefix("whsec_")) if provider.decoded else secret.encode()


def headers(
    provider: Provider, secret: str, body: bytes = BODY, stamp: str = "", encode: Any = None, message: str = "msg_1"
) -> list[tuple[str, str]]:
    stamp = stamp or str(NOW * provider.per_second)
    head = provider.head.format(id=message, ts=stamp).encode("latin-1")
    signature = (encode or provider.encode)(hmac(provider.digest, key(provider, secret), head + body))
    found = [(provider.id, message)] if provider.id else []
    found += [(provider.stamp, stamp)] if provider.stamp else []
    return [*found, (provider.header, provider.shape.format(signature=signature, ts=stamp))]


def changed(pairs: list[tuple[str, str]], name: str, value: str | None) -> list[tuple[str, str]]:
    return [(key, value if key == name else old) for key, old in pairs if key != name or value is not None]  # type: ignore[misc]


def of_an_hmac(vectors: Vectors, provider: Provider) -> None:
    preset, name = provider.preset, provider.header
    one, two = WHSEC if provider.decoded else PLAIN
    good = headers(provider, one)
    good_value = dict(good)[name]
    say = f"{name}, " if provider.preset in {"standard-webhooks", "forgejo"} else ""

    def add(what: str, *rest: Any, **more: Any) -> None:
        vectors.add(say + what, preset, *rest, **more)

    add("signed as it should be", [one], good, BODY)
    add("header names in capitals", [one], [(key.upper(), value) for key, value in good], BODY)
    add("an empty body", [one], headers(provider, one, b""), b"")
    add("a body with NUL that is no UTF-8", [one], headers(provider, one, b"\0\xff\xfe\r\n"), b"\0\xff\xfe\r\n")
    add("one byte of the body changed", [one], good, BODY.replace(b"12.50", b"12.51"), "wrong_signature")
    add("a line end after the body", [one], good, BODY + b"\n", "wrong_signature")
    add("the body written anew", [one], good, BODY.replace(b": ", b":"), "wrong_signature")
    add("the signature of another secret", [two], good, BODY, "wrong_signature")
    add("the second of two secrets", [two, one], good, BODY, secret=1)
    add("no secret yet", [], good, BODY, "no_secret")
    add("an empty secret", [""], headers(provider, one), BODY, "secret_malformed")
    at = {"value": one, "not_before": NOW - 60, "expires_at": NOW + 60}
    add("a secret within its time", [at], good, BODY)
    add("a secret that has expired", [two, at | {"expires_at": NOW}], good, BODY, "secret_expired", secret=1)
    add("a secret to come", [at | {"not_before": NOW + 1}, two], good, BODY, "secret_not_yet_valid", secret=0)
    add("expired, but there a second time", [at | {"expires_at": NOW - 1}, one], good, BODY, secret=1)
    add("no signature", [one], changed(good, name, None), BODY, "header_missing")
    add("the signature twice", [one], [*good, (name.lower(), good_value)], BODY, "given_twice")
    add("both signatures, one of them wrong", [one], [(name, "x"), *good], BODY, "given_twice")
    add("an empty signature", [one], changed(good, name, ""), BODY, empty(provider))
    garbage = provider.shape.format(signature="!not a signature!", ts=NOW * provider.per_second)
    add("a signature that is none", [one], changed(good, name, garbage), BODY, "signature_malformed")
    cut = changed(good, name, good_value[:-8])
    add("a signature cut off", [one], cut, BODY, "wrong_signature")
    add("NUL in the signature", [one], changed(good, name, good_value + "\0"), BODY, "signature_malformed")
    add(
        "bytes beyond ASCII in the signature", [one], changed(good, name, good_value + "ÿ"), BODY, "signature_malformed"
    )
    if provider.encode is HEX:
        add("hex in capitals", [one], headers(provider, one, encode=lambda raw: raw.hex().upper()), BODY)
        add("base64 instead of hex", [one], headers(provider, one, encode=B64), BODY, "signature_malformed")
        add(
            "blanks in the hex",
            [one],
            headers(provider, one, encode=lambda raw: raw.hex(" ")),
            BODY,
            "signature_malformed",
        )
    else:
        add("hex instead of base64", [one], headers(provider, one, encode=HEX), BODY, "wrong_signature")
    other = "sha512" if provider.digest == "sha256" else "sha256"
    wrong = Provider(**{**provider.__dict__, "digest": other})
    add(f"by {other}", [one], headers(wrong, one), BODY, "wrong_signature")
    if provider.shape.startswith(("sha256=", "v0=")):
        add("the prefix left out", [one], changed(good, name, good_value.partition("=")[2]), BODY, "header_malformed")
        add("another prefix", [one], changed(good, name, "sha1=" + good_value[7:]), BODY, "header_malformed")
    if "{ts}" in provider.shape or provider.decoded:
        of_a_list(add, provider, one, two)
    if provider.decoded:
        raw = Provider(**{**provider.__dict__, "decoded": False})
        add("the secret not decoded", [one], headers(raw, one), BODY, "wrong_signature")
        add("a secret that is no base64", ["whsec_!"], good, BODY, "secret_malformed")
        add(
            "a character in the secret that is none of base64's",
            [f"{one[:12]}!{one[12:]}"],
            good,
            BODY,
            "secret_malformed",
        )
        add("nothing after whsec_", ["whsec_"], good, BODY, "secret_malformed")
        add("the secret without whsec_", [one.removeprefix("whsec_")], good, BODY)
        add("no id", [one], changed(good, provider.id, None), BODY, "id_missing")
        add("another id", [one], changed(good, provider.id, "msg_2"), BODY, "wrong_signature")
        add("the id twice", [one], [(provider.id, "msg_1"), *good], BODY, "given_twice")
        add("braces in the id", [one], headers(provider, one, message="{timestamp}{body}"), BODY)
        dotted = headers(provider, one, message="msg.1")
        add("a full stop in the id", [one], dotted, BODY, "id_malformed")
    elif provider.preset in {"stripe", "github"}:
        mistaken = Provider(**{**provider.__dict__, "decoded": True})
        add("the secret decoded", [WHSEC[0]], headers(mistaken, WHSEC[0]), BODY, "wrong_signature")
        add("the secret whole", [WHSEC[0]], headers(provider, WHSEC[0]), BODY)
    if provider.timed:
        of_time(add, provider, one)


def empty(provider: Provider) -> str:
    if provider.stamp == "" and provider.timed:
        return "timestamp_missing"
    return "header_malformed" if provider.shape != "{signature}" else "signature_malformed"


def of_a_list(add: Any, provider: Provider, one: str, two: str) -> None:
    name, separator = provider.header, " " if provider.decoded else provider.shape[len("t={ts}")]
    if provider.preset == "paddle":
        separator = ";"
    good = headers(provider, one)
    value = dict(good)[name]
    field, _, mark = (
        (value.partition(",")[0], "", ",") if provider.decoded else (value.split(separator)[1][:2], "", "=")
    )
    lone = value if provider.decoded else value.split(separator)[1]
    stamped = "" if provider.decoded else value.split(separator)[0] + separator
    other = dict(headers(provider, two))[name]
    other_lone = other if provider.decoded else other.split(separator)[1]

    def put(what: str, text: str, *rest: Any) -> None:
        add(what, [one], changed(good, name, text), BODY, *rest)

    put("two signatures, the second right", stamped + other_lone + separator + lone)
    put("a signature that is garbage beside the right one", f"{stamped}{field}{mark}!!{separator}{lone}")
    put("separators without anything between", f"{stamped}{separator}{lone}{separator}{separator}")
    put("an unknown version beside it", f"{stamped}v9{mark}abc{separator}{lone}")
    put("an unknown version alone", f"{stamped}v9{mark}{lone[3:]}", "field_missing")
    put("16 signatures, the last right", stamped + separator.join([other_lone] * 15 + [lone]))
    put("17 signatures", stamped + separator.join([other_lone] * 16 + [lone]), "header_malformed")
    if not provider.decoded:
        put("the time twice in it", stamped + value, "given_twice")
        put("v0 instead, as in tests", f"{stamped}v0={lone[3:]}", "field_missing")


def of_time(add: Any, provider: Provider, one: str) -> None:
    per_second = provider.per_second

    def at(stamp: str) -> list[tuple[str, str]]:
        return headers(provider, one, stamp=stamp)

    add("as old as may be", [one], at(str((NOW - 300) * per_second)), BODY)
    add("too old", [one], at(str((NOW - 301) * per_second)), BODY, "too_old", secret=0)
    add("a little too old", [one], at(str((NOW - 300) * per_second)), BODY, "too_old", secret=0, now=NOW + 0.5)
    add("as far ahead as may be", [one], at(str((NOW + 300) * per_second)), BODY)
    ahead = at(str((NOW + 301) * per_second))
    if provider.future:
        add("from the future", [one], ahead, BODY, "in_the_future", secret=0)
        add("the end of 64 bits", [one], at(str(2**63 - 1)), BODY, "in_the_future", secret=0)
    else:
        add("from the future, which is let pass", [one], ahead, BODY)
    add("the year 1970", [one], at("0"), BODY, "too_old", secret=0)
    add("a zero before it", [one], at(f"0{NOW * per_second}"), BODY)
    if per_second == 1000:
        add("seconds for milliseconds", [one], at(str(NOW)), BODY, "too_old", secret=0)
    elif provider.future:
        add("milliseconds for seconds", [one], at(str(NOW * 1000)), BODY, "in_the_future", secret=0)
    for bad in ("nan", "inf", "1e9", "+1700000000", "-1", "1700000000.0", " 1700000000", "0x6553f100", "1_700_000_000"):
        add(f"the time {bad!r}", [one], at(bad), BODY, "timestamp_malformed")
    add("a time of other digits", [one], at("١٧٠٠".encode().decode("latin-1")), BODY, "timestamp_malformed")
    add("superscript digits", [one], at("²³¹"), BODY, "timestamp_malformed")
    add("beyond 64 bits", [one], at("18446744073709551617"), BODY, "timestamp_malformed")
    add("a time of 5,000 digits", [one], at("1" * 5000), BODY, "timestamp_malformed")
    good = at("")
    if provider.stamp:
        later = changed(good, provider.stamp, str((NOW + 1) * per_second))
        add("another time than was signed", [one], later, BODY, "wrong_signature")
        add("no time", [one], changed(good, provider.stamp, None), BODY, "timestamp_missing")
        add("an empty time", [one], changed(good, provider.stamp, ""), BODY, "timestamp_malformed")
        add("the time twice", [one], [(provider.stamp, str(NOW)), *good], BODY, "given_twice")
    else:
        value = dict(good)[provider.header]
        later = changed(good, provider.header, value.replace(str(NOW), str(NOW + 1)))
        add("another time than was signed", [one], later, BODY, "wrong_signature")
        lone = value.replace(",", ";").split(";")[1]
        add("no time", [one], changed(good, provider.header, lone), BODY, "timestamp_missing")


def of_public_keys(vectors: Vectors) -> None:
    whpk = "whpk_" + B64(public(ED25519_DER, "DER")[-32:])
    content = f"msg_1.{NOW}.".encode() + BODY
    signature = B64(signed_by(ED25519_DER, "DER", content=content))
    base = [("webhook-id", "msg_1"), ("webhook-timestamp", str(NOW))]
    by_hmac = B64(hmac("sha256", base64.b64decode(whpk[5:]), content))

    def add(what: str, secrets: list[str], value: str, *rest: Any, **more: Any) -> None:
        pairs = [*base, ("webhook-signature", value)]
        vectors.add(f"ed25519, {what}", "standard-webhooks", secrets, pairs, BODY, *rest, **more)

    add("signed as it should be", [whpk], f"v1a,{signature}")
    add("beside an HMAC, a secret of each", [WHSEC[0], whpk], f"v1,{by_hmac} v1a,{signature}", secret=1)
    add("of another key", [whpk], f"v1a,{signature[:20]}AAAA{signature[24:]}", "wrong_signature")
    add("an HMAC by the public key", [whpk], f"v1,{by_hmac}", "wrong_signature")
    add("an HMAC by the public key under v1a", [whpk], f"v1a,{by_hmac}", "wrong_signature")
    add("a signature by the public key under v1", [whpk], f"v1,{signature}", "wrong_signature")
    add("a secret of an HMAC and a signature of v1a", [WHSEC[0]], f"v1a,{signature}", "wrong_signature")
    add("a public key cut off", [whpk[:-8]], f"v1a,{signature}", "secret_malformed")
    add("the private key", ["whsk_" + B64(ED25519_SEED)], f"v1a,{signature}", "secret_malformed")
    add("cut off", [whpk], f"v1a,{signature[:40]}", "wrong_signature")

    plain = B64(signed_by(ED25519_DER, "DER", content=BODY))
    key = B64(public(ED25519_DER, "DER")[-32:])
    vectors.add("signed as it should be", "ed25519", [key], [("X-Signature", plain)], BODY)
    vectors.add("another body", "ed25519", [key], [("X-Signature", plain)], BODY + b" ", "wrong_signature")
    vectors.add("no signature", "ed25519", [key], [], BODY, "header_missing")
    vectors.add("no key", "ed25519", ["AAAA"], [("X-Signature", plain)], BODY, "secret_malformed")
    of_sendgrid(vectors)


def of_sendgrid(vectors: Vectors) -> None:
    pem = P256_PEM.encode()
    key = B64(public(pem, "PEM"))
    armoured = openssl("pkey", "-pubout", given=pem).decode()
    head = "X-Twilio-Email-Event-Webhook-"
    events = b'[{"event":"delivered","sg_event_id":"a"},{"event":"open","sg_event_id":"b"}]\r\n'
    signature = B64(signed_by(pem, "PEM", "-digest", "sha256", content=str(NOW).encode() + events))
    good = [(f"{head}Timestamp", str(NOW)), (f"{head}Signature", signature)]
    other = B64(public(ED25519_DER, "DER"))

    def add(what: str, secrets: list[str], pairs: Any, body: bytes, *rest: Any, **more: Any) -> None:
        vectors.add(what, "sendgrid", secrets, pairs, body, *rest, **more)

    add("signed as it should be", [key], good, events)
    add("a key in PEM", [armoured], good, events)
    add("a day late, as it sends again", [key], good, events, now=NOW + 86_400)
    add("without the line end", [key], good, events.rstrip(), "wrong_signature")
    add("another time", [key], changed(good, f"{head}Timestamp", str(NOW + 1)), events, "wrong_signature")
    add("no time", [key], good[1:], events, "timestamp_missing")
    add("no signature", [key], good[:1], events, "header_missing")
    add("the signature twice", [key], [*good, good[1]], events, "given_twice")
    add("no DER", [key], changed(good, f"{head}Signature", B64(b"no der")), events, "wrong_signature")
    add("no base64", [key], changed(good, f"{head}Signature", "%%"), events, "signature_malformed")
    add("a key of another kind", [other], good, events, "secret_malformed")
    add("no key", ["geheim"], good, events, "secret_malformed")
    add("a character in the key that is none of base64's", [f"{key[:12]}!{key[12:]}"], good, events, "secret_malformed")


def of_credentials(vectors: Vectors) -> None:
    secret = "glpat schlüssel"
    raw = secret.encode().decode("latin-1")  # as WSGI gives what was sent in UTF-8
    for preset, header in (("gitlab", "X-Gitlab-Token"), ("token", "X-Token")):
        vectors.add("the token", preset, [secret], [(header, raw)], BODY)
        vectors.add("the second token", preset, ["old", secret], [(header, raw)], BODY, secret=1)
        vectors.add("another token", preset, [secret], [(header, "x")], BODY, "wrong_token")
        vectors.add("the beginning of it", preset, [secret], [(header, raw[:-1])], BODY, "wrong_token")
        vectors.add("a NUL after it", preset, [secret], [(header, raw + "\0")], BODY, "wrong_token")
        vectors.add("no token", preset, [secret], [], BODY, "header_missing")
        vectors.add("twice", preset, [secret], [(header, raw)] * 2, BODY, "given_twice")
        vectors.add("an empty secret and token", preset, [""], [(header, "")], BODY, "secret_malformed")
        vectors.add("an empty secret among others", preset, ["", secret], [(header, "")], BODY, "wrong_token")
        over = {"value": secret, "expires_at": NOW}
        vectors.add("expired", preset, [over], [(header, raw)], BODY, "secret_expired", secret=0)
    for preset in ("bearer", "cloudevents"):
        name = "Authorization"
        vectors.add("the token", preset, ["t0ken"], [(name, "Bearer t0ken")], BODY)
        vectors.add("in small letters", preset, ["t0ken"], [(name, "bearer t0ken")], BODY)
        vectors.add("another token", preset, ["t0ken"], [(name, "Bearer token")], BODY, "wrong_token")
        vectors.add("another scheme", preset, ["t0ken"], [(name, "Basic t0ken")], BODY, "header_malformed")
        vectors.add("the word alone", preset, ["t0ken"], [(name, "Bearer")], BODY, "header_malformed")
        vectors.add("nothing", preset, ["t0ken"], [], BODY, "header_missing")
        vectors.add("twice", preset, ["t0ken"], [(name, "Bearer t0ken")] * 2, BODY, "given_twice")
    vectors.add("in the query", "cloudevents", ["t0 ken"], [], BODY, query="a=b&access_token=t0+ken")
    vectors.add("wrong in the query", "cloudevents", ["t0ken"], [], BODY, "wrong_token", query="access_token=no")
    both = [("Authorization", "Bearer t0ken")]
    vectors.add("in both", "cloudevents", ["t0ken"], both, BODY, "given_twice", query="access_token=t0ken")
    twice = "access_token=t0ken&access_token=t0ken"
    vectors.add("twice in the query", "cloudevents", ["t0ken"], [], BODY, "given_twice", query=twice)
    vectors.add(
        "in the query, not asked for", "bearer", ["t0ken"], [], BODY, "header_missing", query="access_token=t0ken"
    )
    basic = [("Authorization", "Basic " + B64("ann:päss:word".encode()))]
    vectors.add("name and password", "basic", ["ann:päss:word"], basic, BODY)
    vectors.add("another password", "basic", ["ann:password"], basic, BODY, "wrong_credentials")
    vectors.add("another name", "basic", ["bob:päss:word"], basic, BODY, "wrong_credentials")
    vectors.add("no base64", "basic", ["ann:x"], [("Authorization", "Basic ann:x")], BODY, "signature_malformed")
    vectors.add("a bearer token", "basic", ["ann:x"], [("Authorization", "Bearer x")], BODY, "header_malformed")
    vectors.add("nothing", "basic", ["ann:x"], [], BODY, "header_missing")
    vectors.add("anything", "none", [], [], BODY, "unchecked")


PUBLISHED = [
    {
        "preset": "standard-webhooks",
        "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "headers": [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ],
        "body": b'{"test": 2432232314}',
        "now": 1614265330,
    },
    {
        "preset": "github",
        "secret": "It's a Secret to Everybody",
        "headers": [("X-Hub-Signature-256", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17")],
        "body": b"Hello, World!",
        "now": NOW,
    },
    {
        "preset": "slack",
        "secret": "8f742231b10e8888abcd99yyyzzz85a5",
        "headers": [
            ("X-Slack-Request-Timestamp", "1531420618"),
            ("X-Slack-Signature", "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"),
        ],
        "body": (
            b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
            b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
            b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554"
            b"%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
        ),
        "now": 1531420618,
    },
]


def main() -> None:
    vectors = Vectors()
    for one in PUBLISHED:
        vectors.add("as published", one["preset"], [one["secret"]], one["headers"], one["body"], now=one["now"])
    for provider in PROVIDERS:
        of_an_hmac(vectors, provider)
    of_public_keys(vectors)
    of_credentials(vectors)
    lines = ",\n".join(json.dumps(one, ensure_ascii=True) for one in vectors.made)
    (HERE / "vectors.json").write_text(f"[\n{lines}\n]\n")
    print(f"{len(vectors.made)} vectors")


if __name__ == "__main__":
    main()
