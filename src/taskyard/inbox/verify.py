"""The one verifier: a request, a scheme and secrets in, a verdict out. No input is an exception."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from taskyard.inbox import credentials, proof
from taskyard.inbox.keys import Key, NoKey, key_of
from taskyard.inbox.proof import Proof, Refused
from taskyard.inbox.received import Received, octets
from taskyard.inbox.scheme import Freshness, Kind, Scheme, Secret, Unit
from taskyard.inbox.verdict import Reason, Verdict

SENT_AS_THEY_ARE = {Kind.TOKEN, Kind.BEARER, Kind.BASIC}
BODY = "{body}"


def verify(scheme: Scheme, secrets: Sequence[Secret], request: Received, now: datetime) -> Verdict:
    """Whether the request proves to come from one who holds a live secret. Works on raw bytes, in constant time."""
    if scheme.kind is Kind.NONE:
        return Verdict(True, Reason.UNCHECKED, "This source asks for no proof: anybody may send to it.")
    if not secrets:
        return Verdict(False, Reason.NO_SECRET, "The source has no secret yet; give it the one the sender signs with.")
    try:
        if scheme.kind in SENT_AS_THEY_ARE:
            return _first(credentials.matches(scheme, secrets, request), secrets, now, credentials.wrong(scheme))
        offered = proof.read(scheme, request)
        verdict = _signed(scheme, secrets, offered, request.body, now)
    except Refused as refused:
        return refused.verdict
    return verdict if not verdict.ok else _fresh(scheme.freshness, offered, verdict, now)


def signs(scheme: Scheme, key: Key, offered: Proof, body: bytes) -> bool:
    """Whether one of the signatures offered is of this key."""
    head = signed_head(scheme, offered.id, offered.timestamp)
    return key.made_one(head, body, [signature for name, signature in offered.signatures if name == key.field])


def signed_head(scheme: Scheme, signed_id: str, timestamp: str) -> bytes:
    """What is signed before the body, which templates end in. Put together in one pass: an id may hold braces."""
    values = {"id": signed_id, "timestamp": timestamp}
    head = scheme.template.removesuffix(BODY)
    return b"".join(octets(values.get(part, part)) for part in head.replace("}", "{").split("{"))


def _signed(scheme: Scheme, secrets: Sequence[Secret], offered: Proof, body: bytes, now: datetime) -> Verdict:
    faults: list[str] = []

    def matching() -> Iterator[int]:
        for index, secret in enumerate(secrets):
            try:
                if signs(scheme, key_of(scheme, secret.value), offered, body):
                    yield index
            except NoKey as fault:
                faults.append(f"Secret {index + 1} cannot be used: {fault}.")

    wrong = Verdict(False, Reason.WRONG_SIGNATURE, "The signature is of none of the source's secrets over this body.")
    verdict = _first(matching(), secrets, now, wrong)
    if verdict is wrong and len(faults) == len(secrets):
        return Verdict(False, Reason.SECRET_MALFORMED, " ".join(faults))
    return verdict


def _first(matching: Iterator[int], secrets: Sequence[Secret], now: datetime, wrong: Verdict) -> Verdict:
    """The first live secret that matches; else the first that would have, at another time."""
    missed: Verdict | None = None
    for index in matching:
        secret = secrets[index]
        if secret.is_live(now):
            return Verdict(True, Reason.VERIFIED, f"Signed with secret {index + 1} of {len(secrets)}.", index)
        missed = missed or _missed(index, secret, now)
    return missed or wrong


def _missed(index: int, secret: Secret, now: datetime) -> Verdict:
    if secret.is_expired(now):
        told = f"It would match secret {index + 1}, which expired at {secret.expires_at:%Y-%m-%d %H:%M:%S %Z}."
        return Verdict(False, Reason.SECRET_EXPIRED, told, index)
    told = f"It would match secret {index + 1}, which is not valid before {secret.not_before:%Y-%m-%d %H:%M:%S %Z}."
    return Verdict(False, Reason.SECRET_NOT_YET_VALID, told, index)


def _fresh(freshness: Freshness | None, offered: Proof, verdict: Verdict, now: datetime) -> Verdict:
    """The verdict, unless the signature, true as it is, was made too long ago or is yet to come."""
    if freshness is None or freshness.tolerance_s is None or not offered.timestamp:
        return verdict
    age_s = age(freshness.unit, offered.timestamp, now)
    allowed = f"this source allows {freshness.tolerance_s} s"
    if age_s > freshness.tolerance_s:
        told = f"The signature is right, but {span(age_s)} old; {allowed}."
        return Verdict(False, Reason.TOO_OLD, told, verdict.secret)
    if freshness.refuse_future and -age_s > freshness.tolerance_s:
        told = f"The signature is right, but dated {span(-age_s)} ahead of this server's clock; {allowed}."
        return Verdict(False, Reason.IN_THE_FUTURE, told, verdict.secret)
    return verdict


def age(unit: Unit, timestamp: str, now: datetime) -> float:
    """Seconds since a timestamp; below zero where it is yet to come."""
    return now.timestamp() - int(timestamp) / (1000 if unit is Unit.MILLISECONDS else 1)


def span(seconds: float) -> str:
    """A time for a person: 412 s, 3 days."""
    return f"{seconds:.0f} s" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} days"
