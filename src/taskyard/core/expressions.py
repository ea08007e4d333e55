"""JMESPath expressions that users write: checked when they are saved, and bounded in what running them may cost.

JMESPath has no loops, but it can double: `[@, @] | [@, @] | …` describes 2^n values in a few bytes. So a run is charged
for each step and for the size of what it builds or looks at, and ends where that is too much.
"""

from dataclasses import dataclass
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions
from jmespath.parser import Parser
from jmespath.visitor import TreeInterpreter

MOST_CHARS = 2_000
MOST_NESTING = 100  # a chain of dots or pipes is as deep as it is long; Python's stack holds some more
BUDGET = 4_000_000  # units a run; one is about a byte that is looked at, and 4 million take some 100 ms at most
STEP = 40  # units of a visit to one part of an expression
SHOWN = 200  # characters of the library's own words


class Faulty(Exception):
    """The expression cannot be used; says why."""


class Failed(Exception):
    """The expression could not be run on this value; says why."""


@dataclass(slots=True)
class Purse:
    """What is left to spend; several expressions may share one."""

    left: int = BUDGET

    def pay(self, units: int) -> None:
        """Raises:
        Failed: there is not so much left.
        """
        self.left -= units
        if self.left < 0:
            raise Failed("It takes too long, or makes too much, on this value.")


@dataclass(frozen=True, slots=True)
class Expression:
    """A JMESPath expression, ready for use."""

    text: str
    tree: Any  # jmespath's

    def search(self, value: Any, purse: Purse | None = None) -> Any:
        """What the expression makes of a value of dicts, lists, strings, numbers, booleans and None.

        Raises:
            Failed: it does not suit the value, or would take too long.
        """
        try:
            return _Interpreter(purse or Purse()).visit(self.tree, value)
        except JMESPathError as error:
            raise Failed(str(error)[:SHOWN]) from error
        except (RecursionError, OverflowError, ValueError, TypeError, ZeroDivisionError) as error:
            raise Failed("It cannot be worked out for this value.") from error

    def holds(self, value: Any, purse: Purse | None = None) -> bool:
        """Whether the result is true as JMESPath sees it: neither null, false nor empty. Raises as `search` does."""
        result = self.search(value, purse)
        return not (result is None or result is False or result in ("", [], {}))


def compiled(text: str) -> Expression:
    """Raises:
    Faulty: it is too long, no JMESPath, or calls a function that is not there.
    """
    if len(text) > MOST_CHARS:
        raise Faulty(f"It is longer than {MOST_CHARS:,} characters.")
    try:
        tree: Any = Parser().parse(text).parsed
    except JMESPathError as error:
        raise Faulty(f"It is no JMESPath expression: {' '.join(str(error).split())[:SHOWN]}") from error
    except (RecursionError, ValueError, TypeError) as error:
        raise Faulty("It is no JMESPath expression, or nested too deeply.") from error
    _check(tree, 0)
    return Expression(text, tree)


def _check(node: Any, depth: int) -> None:
    if not isinstance(node, dict):
        return
    if depth > MOST_NESTING:
        raise Faulty(f"It is nested deeper than {MOST_NESTING} levels.")
    if node["type"] == "function_expression" and node["value"] not in Functions.FUNCTION_TABLE:
        raise Faulty(f"There is no function {node['value'][:50]}().")
    for child in node["children"]:
        _check(child, depth + 1)


class _Interpreter(TreeInterpreter):
    """jmespath's own, with a purse."""

    def __init__(self, purse: Purse) -> None:
        super().__init__()
        self._calls = Functions()
        self._pay = purse.pay
        self._sizes: dict[int, tuple[int, Any]] = {}  # by id, with the value, so that the id stays its own

    def visit(self, node: Any, *args: Any, **kwargs: Any) -> Any:
        self._pay(STEP)
        return super().visit(node, *args, **kwargs)

    def visit_multi_select_list(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_multi_select_list(node, value))

    def visit_multi_select_dict(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_multi_select_dict(node, value))

    def visit_projection(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_projection(node, value))

    def visit_value_projection(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_value_projection(node, value))

    def visit_filter_projection(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_filter_projection(node, value))

    def visit_flatten(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_flatten(node, value))

    def visit_slice(self, node: Any, value: Any) -> Any:
        return self._weighed(super().visit_slice(node, value))

    def visit_comparator(self, node: Any, value: Any) -> Any:
        sides = [self._weighed(self.visit(child, value)) for child in node["children"]]
        literals: list[Any] = [{"type": "literal", "value": side, "children": []} for side in sides]
        known: Any = {**node, "children": literals}
        return super().visit_comparator(known, value)

    def visit_function_expression(self, node: Any, value: Any) -> Any:
        arguments = [self.visit(child, value) for child in node["children"]]
        for argument in arguments:
            self._weighed(argument)
        if node["value"] == "join" and [type(one) for one in arguments] == [str, list]:
            self._pay(len(arguments[0]) * len(arguments[1]))
        return self._weighed(self._calls.call_function(node["value"], arguments))

    def _weighed(self, value: Any) -> Any:
        self._pay(self._size(value))
        return value

    def _size(self, value: Any) -> int:
        """About the bytes of a value as JSON, each part counted as often as it stands in it."""
        if isinstance(value, str):
            return len(value) + 2
        if not isinstance(value, list | dict):
            return 4
        known = self._sizes.get(id(value))
        if known is None:
            self._pay(len(value))  # the look itself
            if isinstance(value, dict):
                size = sum(len(name) + 4 + self._size(inner) for name, inner in value.items())
            else:
                size = sum(1 + self._size(inner) for inner in value)
            known = self._sizes[id(value)] = (size + 2, value)
        return known[0]
