"""Requests as they go out."""

import base64
from typing import Any

from marshmallow import fields, validate

from taskyard.inbox import reading, verdicts
from taskyard.inbox.masking import masked_query, without_credentials
from taskyard.inbox.received import Received
from taskyard.inbox.requests import Seen
from taskyard.tasks.schemas import owner_field
from taskyard.web.fields import Text, When
from taskyard.web.pagination import PageQuery
from taskyard.web.schema import FaultOut, Schema

VERDICTS = validate.OneOf(verdicts.ALL)
FIELDS = (
    *("id", "source", "owner_id", "received_at", "peer", "method", "path", "query", "size"),
    *("verdict", "reason", "detail", "faults", "event_type", "dedupe_key", "secret_id"),
)


class RequestTask(Schema):
    """A task that a request has become."""

    task_id = fields.UUID(required=True)
    route = fields.Integer(required=True, metadata={"description": "The place of its route then, from 0 on."})


class RequestOut(Schema):
    """A webhook that came in, and what became of it."""

    id = fields.UUID(required=True)
    source = fields.String(required=True, metadata={"example": "github"})
    owner_id = fields.UUID(required=True)
    received_at = When(required=True)
    peer = fields.String(required=True, metadata={"description": "Who sent it.", "example": "192.0.2.7"})
    method = fields.String(required=True, metadata={"example": "POST"})
    path = fields.String(required=True, metadata={"description": "Beyond that of the source.", "example": ""})
    query = fields.String(required=True, metadata={"example": ""})
    size = fields.Integer(required=True, metadata={"description": "Of the body, in bytes.", "example": 27})
    verdict = fields.String(required=True, validate=VERDICTS, metadata={"example": "routed"})
    reason = fields.String(
        required=True, allow_none=True, metadata={"description": "Why it was rejected; docs/webhooks-in.md lists them."}
    )
    detail = fields.String(required=True, allow_none=True, metadata={"description": "The same as a sentence."})
    errors = fields.List(
        fields.Nested(FaultOut),
        required=True,
        metadata={
            "description": "Why it could not be routed: every fault.",
            "example": [],
        },
    )
    type = fields.String(
        required=True, allow_none=True, metadata={"description": "What happened, says the sender.", "example": "push"}
    )
    dedupe_key = fields.String(required=True, allow_none=True)
    secret_id = fields.UUID(
        required=True, allow_none=True, metadata={"description": "The secret that it was signed with."}
    )
    tasks = fields.List(fields.Nested(RequestTask), required=True)


class RequestBody(Schema):
    """A body, byte for byte."""

    base64 = fields.String(required=True, metadata={"example": "eyJyZWYiOiAicmVmcy9oZWFkcy9tYWluIn0="})
    utf8 = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The same as text, where it is UTF-8.", "example": '{"ref": "refs/heads/main"}'},
    )


class HeaderOut(Schema):
    """A header field."""

    name = fields.String(required=True, metadata={"example": "x-github-event"})
    value = fields.String(required=True, metadata={"example": "push"})


class RequestDetail(RequestOut):
    """A webhook that came in, as it came."""

    headers = fields.List(
        fields.Nested(HeaderOut),
        required=True,
        metadata={"description": "In order; credentials are masked."},
    )
    body = fields.Nested(RequestBody, required=True)


class FindingOut(Schema):
    """Something wrong with a rejected request."""

    code = fields.String(required=True, metadata={"example": "wrong_signature"})
    sentence = fields.String(
        required=True,
        metadata={
            "description": "What was found.",
            "example": "The signature is of none of the source's secrets over this body.",
        },
    )
    advice = fields.String(
        required=True,
        metadata={
            "description": "What to do about it.",
            "example": "Compare the secrets; if they are the same, something on the way changes the body.",
        },
    )


class DiagnosisOut(Schema):
    """What is wrong with a rejected request: the reason first, then what would put it right."""

    findings = fields.List(
        fields.Nested(FindingOut),
        required=True,
        metadata={"description": "Empty where it would be verified now."},
    )


class RequestPage(Schema):
    """A page of requests, newest first."""

    requests = fields.List(fields.Nested(RequestOut), required=True)


class RequestQuery(PageQuery):
    """Which requests a list holds."""

    source = Text(metadata={"description": "The name of a source."})
    verdict = fields.String(validate=VERDICTS)
    type = Text(metadata={"description": "What happened, as the sender says."})
    received_from = When(metadata={"description": "Received at this moment or later."})
    received_until = When(metadata={"description": "Received before this moment."})
    owner = owner_field()


def shown(seen: Seen) -> dict[str, Any]:
    """A request as RequestOut dumps it."""
    row = seen.row
    found = {name: getattr(row, name) for name in FIELDS}
    found |= {"errors": found.pop("faults") or [], "type": found.pop("event_type"), "query": masked_query(row.query)}
    return found | {"tasks": [{"task_id": task_id, "route": route} for task_id, route in seen.tasks]}


def shown_whole(seen: Seen) -> dict[str, Any]:
    """A request as RequestDetail dumps it."""
    row = seen.row
    raw = bytes(row.body)
    received = without_credentials(seen.scheme, Received(row.method, row.path, row.query, row.headers, raw))
    headers = [{"name": name, "value": value} for name, value in received.headers]
    body = {"base64": base64.b64encode(raw).decode(), "utf8": reading.text(raw) if raw else ""}
    return shown(seen) | {"headers": headers, "body": body, "query": received.query}
