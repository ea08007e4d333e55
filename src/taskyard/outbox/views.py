"""Endpoints with what belongs to them, as answers show them."""

from dataclasses import dataclass
from typing import Any

from taskyard.core.db import AnyRow
from taskyard.outbox import secrets, service
from taskyard.outbox.models import Endpoint


@dataclass(frozen=True)
class Whole:
    """An endpoint whose other attributes are the row's own."""

    endpoint: Endpoint
    secrets: list[Any]
    state: AnyRow | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.endpoint, name)


def whole(endpoint: Endpoint) -> Whole:
    return Whole(endpoint, secrets.living(endpoint), service.state(endpoint))


def new(endpoint: Endpoint, made: list[secrets.New]) -> Whole:
    return Whole(endpoint, list(made))
