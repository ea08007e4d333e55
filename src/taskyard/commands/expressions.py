"""JMESPath expressions that find a key in a payload: which are accepted, and what they come to.

An evaluation cannot be interrupted, so only what goes through the payload a few times at most is accepted: no part of
an expression may make more of a value than there was. So there are no lists or objects built from parts (but as what
`join` joins, once), and few functions.
"""

from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

MAX_CHARS = 500
MAX_PARTS = 60
MAX_KEY = 100  # characters
PARTS = frozenset(
    {
        *("field", "subexpression", "index_expression", "index", "slice", "current", "identity", "literal", "pipe"),
        *("or_expression", "and_expression", "not_expression", "comparator", "function_expression", "flatten"),
        *("projection", "value_projection", "filter_projection", "multi_select_list"),
    }
)
FUNCTIONS = frozenset({"contains", "ends_with", "join", "length", "not_null", "starts_with", "to_string", "type"})


class Unusable(Exception):
    """What is wrong with an expression or with what it comes to, in a sentence."""


class Expression:
    """A compiled expression."""

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self._compiled = compiled

    def key(self, payload: Any) -> str | None:
        """The key that it finds in a payload; None: none.

        Raises:
            Unusable: what it finds can be no key.
        """
        try:
            found = self._compiled.search(payload)
        except JMESPathError as error:
            raise Unusable(f"The expression {self.text} cannot be evaluated on this payload: {error}") from error
        if found is None:
            return None
        if isinstance(found, bool):
            return "true" if found else "false"
        if isinstance(found, int | float | str):
            return checked(str(found), self.text)
        raise Unusable(f"The expression {self.text} must come to a text, a number, true, false or null.")


def checked(key: str, source: str) -> str:
    if not 1 <= len(key) <= MAX_KEY or not key.strip() or not key.isprintable():
        raise Unusable(f"What {source} comes to must have 1 to {MAX_KEY} printable characters, and not only blanks.")
    return key


@lru_cache(maxsize=1000)
def compiled(text: str) -> Expression:
    """Raises:
    Unusable: it is no JMESPath, or might take too long.
    """
    try:
        expression = jmespath.compile(text)
    except JMESPathError as error:
        raise Unusable(f"Not a JMESPath expression: {error}") from error
    except RecursionError:
        raise Unusable("Not so many parts within one another, please.") from None
    _check(expression.parsed)
    return Expression(text, expression)


def _check(tree: Any) -> None:
    parts = 0
    joined: list[int] = []  # the lists that stand as what `join` joins
    used: list[str] = []
    open_: list[Any] = [tree]
    while open_:
        part = open_.pop()
        kind = part["type"]
        parts += 1
        if parts > MAX_PARTS:
            raise Unusable(f"Must have {MAX_PARTS} parts at most.")
        if kind not in PARTS or (kind == "multi_select_list" and id(part) not in joined):
            raise Unusable(f"Must not use {kind.replace('_', ' ')}: docs/limits.md tells what can be used.")
        if kind == "literal" and isinstance(part["value"], list | dict):
            raise Unusable("Must not hold lists or objects as literals.")
        if kind == "function_expression":
            used.append(part["value"])
            if part["value"] not in FUNCTIONS or used.count("join") > 1:
                raise Unusable(f"Of functions only {', '.join(sorted(FUNCTIONS))}; join once.")
            if part["value"] == "join":
                joined += [id(child) for child in part["children"]]
        open_ += part["children"]
