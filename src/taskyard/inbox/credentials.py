"""Proofs that are sent as they are: a shared token, a bearer token, a name with its password."""

import base64
import hashlib
import hmac
from collections.abc import Iterator, Sequence

from taskyard.inbox.proof import Refused, single
from taskyard.inbox.received import Received, octets
from taskyard.inbox.scheme import Kind, Scheme, Secret
from taskyard.inbox.verdict import Reason, Verdict

AUTHORIZATION = "Authorization"


def matches(scheme: Scheme, secrets: Sequence[Secret], received: Received) -> Iterator[int]:
    """Which of the secrets were sent. An empty one never is: it would let everybody in.

    Raises:
        Refused: nothing was sent, or twice, or it cannot be read.
    """
    offered = sent(scheme, received)
    known = [secret.value.encode("utf-8", "surrogatepass") for secret in secrets]
    if not any(known):
        raise Refused(Reason.SECRET_MALFORMED, "The source's secret is empty.")
    found = [bool(secret) and same(secret, offered) for secret in known]
    return (index for index, one in enumerate(found) if one)


def same(one: bytes, other: bytes) -> bool:
    """In a time that tells nothing of either, their lengths included."""
    return hmac.compare_digest(hashlib.sha256(one).digest(), hashlib.sha256(other).digest())


def wrong(scheme: Scheme) -> Verdict:
    if scheme.kind is Kind.BASIC:
        return Verdict(False, Reason.WRONG_CREDENTIALS, "Name and password are none of the source's secrets.")
    return Verdict(False, Reason.WRONG_TOKEN, "The token is none of the source's secrets.")


def sent(scheme: Scheme, received: Received) -> bytes:
    """The credentials of a request, whether in a header or, where the scheme allows it, in the query."""
    header = scheme.names[0].signature if scheme.names else AUTHORIZATION
    in_query = received.parameter(scheme.query) if scheme.query else []
    if len(in_query) + len(received.header(header)) > 1:
        raise Refused(Reason.GIVEN_TWICE, "The credentials were sent more than once; which are meant cannot be told.")
    if in_query:
        return in_query[0].encode("utf-8", "surrogatepass")
    value = single(received, header)
    if scheme.kind is Kind.TOKEN:
        return octets(value)
    return _basic(header, value) if scheme.kind is Kind.BASIC else octets(_after("Bearer", header, value))


def _after(word: str, header: str, value: str) -> str:
    """What follows the name of an authentication scheme, which is case-insensitive (RFC 9110, section 11.1)."""
    name, blank, rest = value.partition(" ")
    if not blank or name.lower() != word.lower():
        raise Refused(Reason.HEADER_MALFORMED, f"The header {header} does not begin with {word}.")
    return rest.strip(" ")


def _basic(header: str, value: str) -> bytes:
    try:
        return base64.b64decode(octets(_after("Basic", header, value)), validate=True)
    except ValueError as error:
        raise Refused(Reason.SIGNATURE_MALFORMED, f"What follows Basic in {header} is not base64.") from error
