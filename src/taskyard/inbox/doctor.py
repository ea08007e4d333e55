"""Why a request was rejected, as exactly as can be found out: by trying what it would have taken to verify it.

Nothing that is told holds a secret or a signature that would have been right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from taskyard.inbox import credentials, rewritten, supposed
from taskyard.inbox.finding import ADVICE, Finding
from taskyard.inbox.presets import PRESETS
from taskyard.inbox.proof import Refused, chosen
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Freshness, Kind, Scheme, Secret, Unit
from taskyard.inbox.verdict import Reason, Verdict
from taskyard.inbox.verify import SENT_AS_THEY_ARE, age, verify

# Bytes that are hashed for one diagnosis, which takes a quarter of a second. A body of 1 MiB can be tried in 64 ways.
BUDGET = 64 * 1024 * 1024
LEAST = 1024  # what a try costs at least, however short the body
MATCHED = {Reason.VERIFIED, Reason.SECRET_EXPIRED, Reason.SECRET_NOT_YET_VALID}
ABOUT_TIME = {Reason.TOO_OLD, Reason.IN_THE_FUTURE}
UNKNOWN = {Reason.NO_SECRET, Reason.UNCHECKED, Reason.GIVEN_TWICE}


def diagnose(scheme: Scheme, secrets: Sequence[Secret], request: Received, now: datetime) -> list[Finding]:
    """What is wrong, the verdict first, then what would put it right. Empty where nothing is wrong."""
    verdict = verify(scheme, secrets, request, now)
    if verdict.ok:
        return []
    first = Finding(verdict.reason, verdict.sentence, ADVICE[verdict.reason])
    return [first, *_more(scheme, secrets, request, verdict, now)]


def _more(
    scheme: Scheme, secrets: Sequence[Secret], request: Received, verdict: Verdict, now: datetime
) -> Iterator[Finding]:
    if verdict.reason in ABOUT_TIME:
        yield from _other_unit(scheme, request, now)
    elif scheme.kind in SENT_AS_THEY_ARE:
        yield from _credentials(scheme, secrets, request)
        yield from _others(scheme, secrets, request, now)
    elif verdict.reason not in UNKNOWN and verdict.reason not in MATCHED:
        yield from _tried(scheme, secrets, request, now)
        yield from _others(scheme, secrets, request, now)
        yield from _stale(scheme, request, now)
        if not request.body:
            told = "The body is empty: something on the way may have read it and not passed it on."
            yield Finding("body_empty", told, ADVICE["body_empty"])


def _tried(scheme: Scheme, secrets: Sequence[Secret], request: Received, now: datetime) -> Iterator[Finding]:
    """What of the scheme, the secrets or the body would have to be otherwise. The first of each kind is told."""
    left = BUDGET
    told: set[str] = set()
    for guess in (*supposed.schemes(scheme, secrets, request), *rewritten.bodies(scheme, secrets, request)):
        if guess.finding.code in told:
            continue
        left -= (len(guess.request.body) + LEAST) * len(guess.secrets)
        if left < 0:
            yield Finding("not_all_tried", "The body is too long to try everything on it.", ADVICE["not_all_tried"])
            return
        if matches(guess.scheme, guess.secrets, guess.request, now):
            told.add(guess.finding.code)
            yield guess.finding


def matches(scheme: Scheme, secrets: Sequence[Secret], request: Received, now: datetime) -> bool:
    """Whether any of the secrets signed it, at whatever time."""
    timeless = scheme.freshness and replace(scheme.freshness, tolerance_s=None)
    return verify(replace(scheme, freshness=timeless), secrets, request, now).reason in MATCHED


def _other_unit(scheme: Scheme, request: Received, now: datetime) -> Iterator[Finding]:
    freshness = scheme.freshness
    if freshness is None or freshness.tolerance_s is None:
        return
    other = Unit.SECONDS if freshness.unit is Unit.MILLISECONDS else Unit.MILLISECONDS
    timestamp = _timestamp(scheme, freshness, request)
    if timestamp and abs(age(other, timestamp, now)) <= freshness.tolerance_s:
        told = f"The timestamp is right when it is read as {other}, not {freshness.unit}."
        yield Finding("other_unit", told, f"Set the unit of the scheme's time to {other}.")


def _stale(scheme: Scheme, request: Received, now: datetime) -> Iterator[Finding]:
    """The time is told even where the signature, too, is wrong: both may have to be put right."""
    freshness = scheme.freshness
    if freshness is None or freshness.tolerance_s is None:
        return
    timestamp = _timestamp(scheme, freshness, request)
    if not timestamp or len(timestamp) > 19:
        return
    age_s = age(freshness.unit, timestamp, now)
    if age_s > freshness.tolerance_s:
        told = f"The timestamp is {age_s:.0f} s old besides; this source allows {freshness.tolerance_s} s."
        yield Finding(Reason.TOO_OLD, told, ADVICE[Reason.TOO_OLD])
    elif freshness.refuse_future and -age_s > freshness.tolerance_s:
        told = f"The timestamp is {-age_s:.0f} s ahead besides; this source allows {freshness.tolerance_s} s."
        yield Finding(Reason.IN_THE_FUTURE, told, ADVICE[Reason.IN_THE_FUTURE])


def _timestamp(scheme: Scheme, freshness: Freshness, request: Received) -> str:
    """The digits of the timestamp, or nothing."""
    names = chosen(scheme, request)
    if names.timestamp:
        found = request.header(names.timestamp)
    else:
        found = supposed.fields(scheme, request, freshness.field or "")
    return found[0] if len(found) == 1 and found[0].isascii() and found[0].isdigit() else ""


def _others(scheme: Scheme, secrets: Sequence[Secret], request: Received, now: datetime) -> Iterator[Finding]:
    """Whether it is another provider's: by its headers, and for certain if one of the secrets signed it so."""
    left = BUDGET
    for name, preset in PRESETS.items():
        other = preset.scheme
        if other == scheme or not other.names or other.kind is Kind.NONE:
            continue
        header = chosen(other, request).signature
        if not request.header(header) or header in {names.signature for names in scheme.names}:
            continue
        left -= (len(request.body) + LEAST) * len(secrets)
        sure = left >= 0 and matches(other, secrets, request, now)
        told = f"It carries {header}, as requests of {preset.title} do"
        told += ", and would be verified as one." if sure else "."
        yield Finding("other_preset", told, f"If it comes from there, give the source the preset {name}.")


def _credentials(scheme: Scheme, secrets: Sequence[Secret], request: Received) -> Iterator[Finding]:
    try:
        offered = credentials.sent(scheme, request)
    except Refused:
        return
    known = [secret.value.encode("utf-8", "surrogatepass") for secret in secrets if secret.value]
    if any(one != offered and credentials.same(one.strip(), offered.strip()) for one in known):
        told = "It would match but for blanks or line ends around the secret or what was sent."
        yield Finding("blanks_around", told, ADVICE["blanks_around"])
    elif scheme.kind is Kind.BASIC:
        user, colon, _ = offered.partition(b":")
        if colon and any(credentials.same(one.partition(b":")[0], user) for one in known):
            yield Finding("wrong_password", "The name is right, the password is not.", ADVICE["wrong_password"])
    elif scheme.kind is Kind.TOKEN and offered[:7].lower() == b"bearer ":
        told = "What was sent begins with Bearer; this source takes the token alone."
        yield Finding("prefix_unexpected", told, "Send the token alone, or give the source the preset bearer.")
