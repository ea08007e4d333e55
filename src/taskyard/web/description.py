"""The API's description: the bytes of /openapi.json, made when they are first asked for and kept."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from taskyard.web import completion, overview
from taskyard.web.blueprint import Api

Spec = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """One state of the description."""

    revision: int
    body: bytes
    etag: str


class Description:
    """What the routes say about themselves, with what `extend` adds; made anew when `revision` gives another number.

    `extend` gets a document of its own, to change in place or to copy, and returns the one to be served: an OpenAPI 3.1
    object with `paths`, `components` and `tags` filled in. `revision` is asked at every request, so it should be cheap.
    """

    def __init__(self, api: Api, extend: Callable[[Spec], Spec], revision: Callable[[], int]) -> None:
        self._api = api
        self._extend = extend
        self._revision = revision
        self._base: bytes | None = None
        self._document: Document | None = None

    def current(self) -> Document:
        revision = self._revision()  # before what it stands for is read: at worst the next request makes it again
        document = self._document
        if document is None or document.revision != revision:
            document = self._document = self._make(revision)
        return document

    def _make(self, revision: int) -> Document:
        if self._base is None:  # all routes are registered by the first request
            base = self._api.described()
            overview.add(base)
            self._base = orjson.dumps(base)
        spec = self._extend(orjson.loads(self._base))  # quicker than a deep copy
        completion.complete(spec)
        body = orjson.dumps(spec)
        return Document(revision, body, hashlib.sha256(body).hexdigest()[:32])
