"""Schemes and secrets that may have been meant: one knob turned at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from taskyard.inbox.finding import ADVICE, Finding
from taskyard.inbox.proof import chosen, parts
from taskyard.inbox.received import Received
from taskyard.inbox.scheme import Digest, Encoding, Grammar, KeyForm, Kind, Scheme, Secret

TEMPLATES = (
    "{body}",
    "{timestamp}.{body}",
    "{timestamp}:{body}",
    "{timestamp}{body}",
    "v0:{timestamp}:{body}",
    "{id}.{timestamp}.{body}",
)
AROUND = " \t\r\n\"'"


@dataclass(frozen=True, slots=True)
class Guess:
    """What may have been meant, and what is to be told where it verifies."""

    finding: Finding
    scheme: Scheme
    secrets: Sequence[Secret]
    request: Received


def schemes(scheme: Scheme, secrets: Sequence[Secret], request: Received) -> Iterator[Guess]:
    """The likelier first."""

    def guess(code: str, sentence: str, other: Scheme, known: Sequence[Secret] = secrets) -> Guess:
        return Guess(Finding(code, sentence, ADVICE[code]), other, known, request)

    written = chosen(scheme, request).signature
    bare = [replace(secret, value=secret.value.strip(AROUND)) for secret in secrets]
    if bare != list(secrets):
        yield guess("blanks_around", "It would match without the blanks, line ends or quotes.", scheme, bare)
    if scheme.kind is Kind.HMAC:
        for key in _keys(scheme):
            yield guess(*_key_told(key), key)
    for grammar in _grammars(scheme, request):
        yield guess(*_grammar_told(scheme, grammar, written), grammar)
    for encoding in Encoding:
        if encoding is not scheme.encoding:
            told = f"The signature in {written} is right when it is read as {encoding}, not {scheme.encoding}."
            yield guess("other_encoding", told, replace(scheme, encoding=encoding))
    if scheme.kind is Kind.HMAC:
        for digest in Digest:
            if digest is not scheme.digest:
                told = f"The signature is right by {digest}, not {scheme.digest}."
                yield guess("other_digest", told, replace(scheme, digest=digest))
    for template in _templates(scheme):
        told = f"The signature is right over {template}, not {scheme.template}."
        yield guess("other_template", told, replace(scheme, template=template))


def fields(scheme: Scheme, request: Received, name: str) -> list[str]:
    """What a field of the signature's header holds."""
    sent = request.header(chosen(scheme, request).signature)
    return [text for value in sent[:1] for key, text in parts(scheme.grammar, scheme.field, value) if key == name]


def _keys(scheme: Scheme) -> Iterator[Scheme]:
    if scheme.key is KeyForm.RAW:
        yield replace(scheme, key=KeyForm.BASE64, key_prefix="whsec_")
        yield replace(scheme, key=KeyForm.HEX)
    else:
        yield replace(scheme, key=KeyForm.RAW)


def _key_told(other: Scheme) -> tuple[str, str]:
    if other.key is KeyForm.RAW:
        return "key_decoded", "It would match with the secret as it is written: it must not be decoded."
    return "key_not_decoded", f"It would match with the secret decoded from {other.key}; here it is taken as written."


def _grammars(scheme: Scheme, request: Received) -> Iterator[Scheme]:
    """A prefix more or less than there should be."""
    sent = request.header(chosen(scheme, request).signature)
    if len(sent) != 1:
        return
    name, equals, rest = sent[0].partition("=")
    if scheme.grammar is not Grammar.BARE and not equals:
        yield replace(scheme, grammar=Grammar.BARE)
    if equals and rest.strip("=") and len(name) <= len("sha256"):
        yield replace(scheme, grammar=Grammar.PREFIX, field=f"{name}=")


def _grammar_told(scheme: Scheme, other: Scheme, header: str) -> tuple[str, str]:
    if other.grammar is Grammar.BARE:
        return "prefix_missing", f"The signature in {header} is right, but stands there without {scheme.field}."
    return "prefix_unexpected", f"The signature in {header} is right, but stands there after {other.field}."


def _templates(scheme: Scheme) -> Iterator[str]:
    """Those that can be filled with what the request carries."""
    named = scheme.names[0]
    has = {
        "{timestamp}": bool(named.timestamp or (scheme.freshness and scheme.freshness.field)),
        "{id}": bool(named.id),
    }
    for template in TEMPLATES:
        if template != scheme.template and all(there or part not in template for part, there in has.items()):
            yield template
