"""What PostgreSQL's planner is told on every connection."""

import pytest
from sqlalchemy import text

from taskyard.core.db import open_database


@pytest.mark.parametrize("setting", ["enable_seqscan", "jit"])
def test_it_is_off_on_every_connection(url: str, setting: str) -> None:
    database = open_database(url)
    for engine in (database.write, database.read):
        with engine.connect() as connection:
            assert connection.execute(text(f"SHOW {setting}")).scalar_one() == "off"
    database.dispose()
