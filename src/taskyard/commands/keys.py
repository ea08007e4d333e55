"""The limit key and the fairness key of a task, as its command's expressions find them in the payload."""

from functools import lru_cache
from typing import Any

from taskyard.core import expressions
from taskyard.core.expressions import Expression, Failed, Purse

MAX_KEY = 100  # characters
MAX_EXACT = 2**53  # up to which whole numbers are exact in every JSON library
BUDGET = 1_000_000  # units for one key: some 25 ms at most, in which nobody else is served

compiled = lru_cache(maxsize=1000)(expressions.compiled)


def found(expression: Expression, payload: Any) -> str | None:
    """The key that an expression finds in a payload; None: none.

    Raises:
        Failed: what it finds can be no key, or it cannot be worked out on this payload.
    """
    value = expression.search(payload, Purse(BUDGET))
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, int | float | str):
        raise Failed(f"The expression {expression.text} must come to a text, a number, true, false or null.")
    if isinstance(value, float) and value.is_integer() and abs(value) <= MAX_EXACT:
        value = int(value)  # JSON has one kind of number: 5.0 is 5
    key = str(value)
    if not 1 <= len(key) <= MAX_KEY or not key.strip() or not key.isprintable():
        raise Failed(
            f"What {expression.text} comes to must have 1 to {MAX_KEY} printable characters, and not only blanks."
        )
    return key
