"""Marks for tests to which it makes no difference where the rows are."""

import pytest

# What is decided before the database is asked need not be asked on both.
on_sqlite = pytest.mark.parametrize("opened_app", ["sqlite"], indirect=True)
