"""What ails the database, in a sentence."""

from typing import Any

import psycopg
import pytest
from sqlalchemy.exc import DBAPIError

from taskyard.core.driver_errors import passes, reason


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (psycopg.errors.DeadlockDetected(), "Others were at the same tasks"),
        (psycopg.errors.SerializationFailure(), "Others were at the same tasks"),
        (psycopg.errors.DiskFull(), "its disk is full"),
        (psycopg.errors.ReadOnlySqlTransaction(), "it is read-only"),
        (psycopg.errors.AdminShutdown(), "cannot be reached"),
    ],
)
def test_what_passes_is_told_as_what_it_is(error: Any, words: str) -> None:
    known = DBAPIError.instance("SELECT 1", None, error, psycopg.Error)
    assert passes(known)
    assert words in reason(known)
