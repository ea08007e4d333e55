"""Secrets as they come in and go out."""

from marshmallow import fields, validate

from taskyard.web.fields import When
from taskyard.web.schema import Schema

KINDS = validate.OneOf(["hmac", "ed25519"])
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"  # an example


class SigningSecretOut(Schema):
    """A secret that signs, without what is secret of it."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=KINDS, metadata={"example": "hmac"})
    public_key = fields.String(
        required=True, allow_none=True, metadata={"description": "With ed25519: what verifies (whpk_…)."}
    )
    created_at = When(required=True)
    expires_at = When(required=True, allow_none=True, metadata={"description": "Until then it signs."})


class NewSigningSecretOut(SigningSecretOut):
    """A new secret. What is secret of it is shown this once."""

    secret = fields.String(required=True, allow_none=True, metadata={"example": SECRET})


class SigningSecretIn(Schema):
    """A secret to make in place of those of its kind."""

    kind = fields.String(load_default="hmac", validate=KINDS, metadata={"example": "hmac"})
    overlap_s = fields.Integer(
        strict=True,
        load_default=86_400,
        validate=validate.Range(0, 30 * 86_400),
        metadata={"description": "Seconds for which the old ones sign as well."},
    )
