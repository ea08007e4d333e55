"""What a request offers as proof, read from its headers by a scheme's grammar. Nothing is decided here."""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass

from taskyard.inbox.received import Received, octets
from taskyard.inbox.scheme import Encoding, Grammar, Names, Scheme
from taskyard.inbox.verdict import Reason, Verdict

# Each costs a comparison, for public keys a verification of some 100 µs: nobody who rolls a secret sends more.
MOST_SIGNATURES = 16
MOST_DIGITS = 19  # what fits into 64 bits and then some
DIGITS = re.compile(r"[0-9]+")


class Refused(Exception):
    """The request cannot be authentic; carries why."""

    def __init__(self, reason: Reason, sentence: str) -> None:
        super().__init__(sentence)
        self.verdict = Verdict(ok=False, reason=reason, sentence=sentence)


@dataclass(frozen=True, slots=True)
class Proof:
    """The signatures of a request, decoded, and the texts that were signed along with the body."""

    signatures: tuple[tuple[str, bytes], ...]  # the field each stood in, and its bytes
    timestamp: str = ""
    id: str = ""


def read(scheme: Scheme, received: Received) -> Proof:
    """The proof a request offers.

    Raises:
        Refused: something is missing, stands there twice, or cannot be read.
    """
    names = chosen(scheme, received)
    value = single(received, names.signature)
    fields = list(parts(scheme.grammar, scheme.field, value))
    timestamp = _timestamp(scheme, names, fields, received)
    signed_id = _id(names, received)
    return Proof(_signatures(scheme, fields, names.signature), timestamp, signed_id)


def chosen(scheme: Scheme, received: Received) -> Names:
    """The first set of names whose signature is there; else the first of all, so that it is the one to be missed."""
    return next((names for names in scheme.names if received.header(names.signature)), scheme.names[0])


def single(received: Received, name: str) -> str:
    """The value of a header that must be there once: which of two is meant, sender and checker may see otherwise."""
    values = received.header(name)
    if not values:
        raise Refused(Reason.HEADER_MISSING, f"The header {name} is missing.")
    if len(values) > 1:
        raise Refused(Reason.GIVEN_TWICE, f"The header {name} was sent {len(values)} times; it must be there once.")
    return values[0]


def parts(grammar: Grammar, field: str, value: str) -> Iterator[tuple[str, str]]:
    """The named parts of a header's value. What is not of the grammar is left out."""
    if grammar is Grammar.BARE:
        yield field, value
    elif grammar is Grammar.PREFIX:
        if value.startswith(field):
            yield field, value[len(field) :]
    elif grammar is Grammar.VERSIONS:
        for item in value.split(" "):
            name, comma, text = item.partition(",")
            if comma:
                yield name, text
    else:
        for item in value.split("," if grammar is Grammar.COMMAS else ";"):
            name, equals, text = item.strip(" \t").partition("=")
            if equals:
                yield name, text


def _timestamp(scheme: Scheme, names: Names, fields: list[tuple[str, str]], received: Received) -> str:
    """The time as it was sent: that text was signed, not the number it stands for."""
    freshness = scheme.freshness
    if names.timestamp is not None:
        where = f"The header {names.timestamp}"
        found = received.header(names.timestamp)
    elif freshness is not None and freshness.field is not None:
        where = f"The field {freshness.field} of {names.signature}"
        found = [text for name, text in fields if name == freshness.field]
    else:
        return ""
    if not found:
        raise Refused(Reason.TIMESTAMP_MISSING, f"{where} is missing, which says when this was signed.")
    if len(found) > 1:
        raise Refused(Reason.GIVEN_TWICE, f"{where} was sent {len(found)} times; it must be there once.")
    if not DIGITS.fullmatch(found[0]) or len(found[0]) > MOST_DIGITS:
        raise Refused(
            Reason.TIMESTAMP_MALFORMED,
            f"{where} is {found[0][:40]!a}, which is no time: {MOST_DIGITS} digits at most and nothing else.",
        )
    return found[0]


def _id(names: Names, received: Received) -> str:
    if names.id is None:
        return ""
    if not received.header(names.id):
        raise Refused(Reason.ID_MISSING, f"The header {names.id} is missing, which is part of what was signed.")
    signed_id = single(received, names.id)
    if "." in signed_id:
        # The full stop parts the id from the time and the body. With one inside, what was signed as the beginning of
        # a body could be passed off as a time, and the true time as the end of the id.
        raise Refused(Reason.ID_MALFORMED, f"The header {names.id} holds a full stop, which parts it from the time.")
    return signed_id


def _signatures(scheme: Scheme, fields: list[tuple[str, str]], header: str) -> tuple[tuple[str, bytes], ...]:
    wanted = {scheme.field, scheme.public_field} if scheme.public_field else {scheme.field}
    if not fields:
        raise Refused(Reason.HEADER_MALFORMED, f"The header {header} holds nothing of the form {shape(scheme)}.")
    offered = [(name, text) for name, text in fields if name in wanted]
    if not offered:
        raise Refused(Reason.FIELD_MISSING, f"The header {header} holds no {scheme.field}, only other fields.")
    if len(offered) > MOST_SIGNATURES:
        raise Refused(
            Reason.HEADER_MALFORMED, f"The header {header} holds {len(offered)} signatures; {MOST_SIGNATURES} at most."
        )
    decoded = [(name, decode(scheme.encoding, text)) for name, text in offered]
    readable = tuple((name, signature) for name, signature in decoded if signature)
    if not readable:
        raise Refused(Reason.SIGNATURE_MALFORMED, f"The signature in {header} is not {scheme.encoding}.")
    return readable


def shape(scheme: Scheme) -> str:
    """What a header of this grammar looks like."""
    return {
        Grammar.BARE: "…",
        Grammar.PREFIX: f"{scheme.field}…",
        Grammar.COMMAS: f"{scheme.field}=…,…",
        Grammar.SEMICOLONS: f"{scheme.field}=…;…",
        Grammar.VERSIONS: f"{scheme.field},…",
    }[scheme.grammar]


def decode(encoding: Encoding, text: str) -> bytes | None:
    """The bytes a text stands for, or None. Strict: bytes.fromhex would take blanks, b64decode by default anything."""
    try:
        if encoding is Encoding.HEX:
            return binascii.unhexlify(octets(text))
        if encoding is Encoding.BASE64:
            return base64.b64decode(octets(text), validate=True)
        if "+" in text or "/" in text:  # b64decode takes both alphabets at once
            return None
        return base64.b64decode(octets(text + "=" * (-len(text) % 4)), altchars=b"-_", validate=True)
    except ValueError:
        return None
