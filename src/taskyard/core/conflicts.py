"""Constraints decide, not a SELECT before: this turns the name of a violated one into a sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Table, UniqueConstraint
from sqlalchemy.exc import IntegrityError

from taskyard.core.db import Base
from taskyard.core.errors import Conflict


@contextmanager
def naming_conflicts(**sentences: str) -> Iterator[None]:
    """Raise Conflict with the sentence given for the constraint that a flush within the block violates."""
    try:
        yield
    except IntegrityError as error:
        name = violated(error)
        if name not in sentences:
            raise
        raise Conflict(sentences[name]) from error


def violated(error: IntegrityError) -> str | None:
    """The name of the constraint: PostgreSQL tells it, SQLite tells the columns of a unique one."""
    diagnosis = getattr(error.orig, "diag", None)
    if diagnosis is not None:
        name: str | None = diagnosis.constraint_name
        return name
    message = str(error.orig)
    kind, _, rest = message.partition(" constraint failed: ")
    if kind != "UNIQUE":
        return rest or None
    columns = {part.strip().rpartition(".")[::2] for part in rest.split(",")}
    return _unique_name(columns)


def _unique_name(columns: set[tuple[str, str]]) -> str | None:
    table_name = next(iter(columns))[0]
    names = {column for _, column in columns}
    table: Table | None = Base.metadata.tables.get(table_name)
    if table is None:
        return None
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint) and {column.name for column in constraint.columns} == names:
            return str(constraint.name)
    if {column.name for column in table.primary_key.columns} == names:
        return str(table.primary_key.name)
    return next((str(i.name) for i in table.indexes if i.unique and {c.name for c in i.columns} == names), None)
