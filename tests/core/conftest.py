"""What tests of the core share."""

from collections.abc import Iterator

import pytest

from support.databases import Postgres


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """A database on PostgreSQL."""
    found = postgres.new()
    yield found
    postgres.drop(found)
