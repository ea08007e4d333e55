"""How a sender proves that a webhook is its own: the nine knobs, and the secrets that are the ninth."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    HMAC = "hmac"
    ED25519 = "ed25519"
    ECDSA = "ecdsa"  # P-256 with SHA-256
    TOKEN = "token"  # a shared text, sent as it is
    BEARER = "bearer"
    BASIC = "basic"
    NONE = "none"


class Grammar(StrEnum):
    """How signatures stand in their header."""

    BARE = "bare"  # the signature alone
    PREFIX = "prefix"  # sha256=…
    COMMAS = "commas"  # t=…,v1=…
    SEMICOLONS = "semicolons"  # ts=…;h1=…
    VERSIONS = "versions"  # v1,… v1a,…


class Encoding(StrEnum):
    HEX = "hex"
    BASE64 = "base64"
    BASE64URL = "base64url"


class Digest(StrEnum):
    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA512 = "sha512"


class KeyForm(StrEnum):
    """How the bytes of a key are made of the text of a secret."""

    RAW = "raw"  # its UTF-8 bytes, all of them
    BASE64 = "base64"  # what follows key_prefix, decoded
    HEX = "hex"


class Unit(StrEnum):
    SECONDS = "seconds"
    MILLISECONDS = "milliseconds"


@dataclass(frozen=True, slots=True)
class Names:
    """The headers of one proof. A scheme may know several sets (webhook-…, svix-…); a request uses one of them."""

    signature: str
    timestamp: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How the time in a proof is read and how far it may be off. No tolerance: any time will do."""

    unit: Unit = Unit.SECONDS
    tolerance_s: int | None = 300
    refuse_future: bool = True
    field: str | None = None  # where the time is a field of the signature's header (t=…)


@dataclass(frozen=True, slots=True)
class Scheme:
    """All that decides whether a request is authentic, but for the secrets."""

    kind: Kind = Kind.HMAC
    names: tuple[Names, ...] = ()
    grammar: Grammar = Grammar.BARE
    field: str = ""  # the prefix, the pair's name or the version that holds the signature
    encoding: Encoding = Encoding.HEX
    digest: Digest = Digest.SHA256
    key: KeyForm = KeyForm.RAW
    key_prefix: str = ""  # taken off a secret before it is decoded
    template: str = "{body}"  # of {id}, {timestamp} and {body}, which comes last
    freshness: Freshness | None = None
    public_prefix: str = ""  # a secret that begins so is an ed25519 public key
    public_field: str = ""  # the version its signatures carry
    query: str = ""  # for token and bearer: a parameter of the query that may hold it instead


@dataclass(frozen=True, slots=True)
class Secret:
    """A text both sides know (or the sender's public key), and when it is good."""

    value: str = field(repr=False)
    not_before: datetime | None = None
    expires_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        return not self.is_early(now) and not self.is_expired(now)

    def is_early(self, now: datetime) -> bool:
        return self.not_before is not None and now < self.not_before

    def is_expired(self, now: datetime) -> bool:
        return self.expires_at is not None and now >= self.expires_at
