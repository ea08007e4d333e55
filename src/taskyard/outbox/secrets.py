"""What signs an endpoint's deliveries (Standard Webhooks): made, shown once, replaced with an overlap.

Everything that reads or writes a secret's value stands here, so that how it is kept can change in one place.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select

from taskyard.core import clock
from taskyard.core.db import db
from taskyard.egress import signing
from taskyard.outbox.models import Endpoint, EndpointSecret


@dataclass(frozen=True, slots=True)
class New:
    """A secret at the one moment it is shown: the shared secret, or the public key."""

    id: str
    kind: str
    secret: str | None
    public_key: str | None
    created_at: datetime
    expires_at: datetime | None


def make(endpoint: Endpoint, kind: str) -> New:
    """A new secret of an endpoint; it signs from now on."""
    if kind == "hmac":
        row = EndpointSecret(endpoint_id=endpoint.id, kind=kind, value=signing.new_secret())
    else:
        pair = signing.new_key_pair()
        row = EndpointSecret(endpoint_id=endpoint.id, kind=kind, value=pair.private, public_key=pair.public)
    db.session.add(row)
    db.session.flush()
    return New(row.id, kind, row.value if kind == "hmac" else None, row.public_key, row.created_at, None)


def living(endpoint: Endpoint) -> list[EndpointSecret]:
    """Those that sign now, newest first."""
    wanted = (
        select(EndpointSecret)
        .where(EndpointSecret.endpoint_id == endpoint.id)
        .where(EndpointSecret.expires_at.is_(None) | (EndpointSecret.expires_at > clock.now()))
        .order_by(EndpointSecret.created_at.desc(), EndpointSecret.id.desc())
    )
    return list(db.session.scalars(wanted))


def retire(endpoint: Endpoint, kind: str, overlap_s: int) -> None:
    """Let the living secrets of this kind sign for so many seconds more."""
    until = clock.now() + timedelta(seconds=overlap_s)
    for row in living(endpoint):
        if row.kind == kind and (row.expires_at is None or row.expires_at > until):
            row.expires_at = until
