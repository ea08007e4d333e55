"""What a check of a request ended with, in a code for programs and a sentence for the owner of the source."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    VERIFIED = "verified"
    UNCHECKED = "unchecked"  # the source asks for no proof

    NO_SECRET = "no_secret"
    SECRET_MALFORMED = "secret_malformed"
    HEADER_MISSING = "header_missing"
    GIVEN_TWICE = "given_twice"
    HEADER_MALFORMED = "header_malformed"
    FIELD_MISSING = "field_missing"
    SIGNATURE_MALFORMED = "signature_malformed"
    ID_MISSING = "id_missing"
    ID_MALFORMED = "id_malformed"
    TIMESTAMP_MISSING = "timestamp_missing"
    TIMESTAMP_MALFORMED = "timestamp_malformed"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    SECRET_EXPIRED = "secret_expired"
    SECRET_NOT_YET_VALID = "secret_not_yet_valid"
    WRONG_SIGNATURE = "wrong_signature"
    WRONG_TOKEN = "wrong_token"
    WRONG_CREDENTIALS = "wrong_credentials"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is authentic. The sentence is for the source's owner: the sender is told the code at most."""

    ok: bool
    reason: Reason
    sentence: str
    secret: int | None = None  # which of the secrets matched, counted from 0; also one that is not live
