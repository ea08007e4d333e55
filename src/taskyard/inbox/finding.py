"""What the doctor says: a code, what was found, and what to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass

from taskyard.inbox.verdict import Reason


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    sentence: str
    advice: str


_SENDER = "See what the sender is set to: it may sign in another way than this source expects, or not at all."
_RESEND = "Have the sender send it again, or replay it here."
_ONCE = "See what adds it a second time, such as a proxy."

ADVICE: Mapping[str, str] = {
    Reason.NO_SECRET: "Copy the signing secret from the sender's settings into the source.",
    Reason.SECRET_MALFORMED: "Copy the secret again, whole and without quotes.",
    Reason.HEADER_MISSING: _SENDER,
    Reason.GIVEN_TWICE: _ONCE,
    Reason.HEADER_MALFORMED: _SENDER,
    Reason.FIELD_MISSING: _SENDER,
    Reason.SIGNATURE_MALFORMED: _SENDER,
    Reason.ID_MISSING: _SENDER,
    Reason.ID_MALFORMED: _SENDER,
    Reason.TIMESTAMP_MISSING: _SENDER,
    Reason.TIMESTAMP_MALFORMED: _SENDER,
    Reason.TOO_OLD: f"It was late, or a clock is wrong, or somebody sent it again. {_RESEND}",
    Reason.IN_THE_FUTURE: "Set the clocks of both machines by NTP.",
    Reason.SECRET_EXPIRED: "Have the sender use the new secret, or put off the end of the old one.",
    Reason.SECRET_NOT_YET_VALID: "Have the sender wait with the new secret, or let it be valid now.",
    Reason.WRONG_SIGNATURE: "Compare the secrets; if they are the same, something on the way changes the body.",
    Reason.WRONG_TOKEN: "Compare the token in the sender's settings with the source's.",
    Reason.WRONG_CREDENTIALS: "Compare name and password in the sender's settings with the source's secret.",
    "body_rewritten": "Have what stands between the sender and here pass the body on as it is.",
    "body_empty": "Have what stands between the sender and here pass the body on as it is.",
    "form_decoded": "Sign, or pass on, the form as it is sent and not what is in it.",
    "key_decoded": "Set the key of the scheme to raw: the sender signs with the secret as it is written.",
    "key_not_decoded": "Set the key of the scheme so that the secret is decoded: the sender does it, too.",
    "blanks_around": "Save the secret again without what stands around it.",
    "prefix_missing": "Set the grammar of the scheme to bare.",
    "prefix_unexpected": "Set the grammar of the scheme to prefix.",
    "other_encoding": "Set the encoding of the scheme as said.",
    "other_digest": "Set the digest of the scheme as said.",
    "other_template": "Set the template of the scheme as said.",
    "other_unit": "Set the unit of the scheme's time as said.",
    "other_preset": "Give the source the preset as said.",
    "wrong_password": "Compare the password in the sender's settings with the source's secret.",
    "not_all_tried": "Have the sender send a shorter one, to learn more.",
}
CODES = tuple(str(code) for code in ADVICE)
