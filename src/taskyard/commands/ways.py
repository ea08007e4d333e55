"""The ways through a schema: which of its parts look at one place of a value together, depth by depth.

At each depth those that look at one place are a state: how often each of them does. Checking is exponential in the
depth of a value where a recursive schema comes to the same inner value along several ways, and in the schema itself
where references fan out; here that shows in the numbers.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from taskyard.commands.looks import Looks, Places
from taskyard.core.errors import Fault
from taskyard.core.json import MAX_DEPTH

MAX_VISITS = 5_000  # schemas that look at one and the same value
MAX_NESTING = 64  # of those: each takes a stretch of the native stack
MAX_WORK = 1_000_000  # steps that working this out may take
ENOUGH = 10**9  # per value: what is deeper need not be known, nothing that deep will be checked

State = frozenset[tuple[int, int]]


class TooIntricate(Exception):
    """A bound is passed already by the schema itself."""

    def __init__(self, detail: str, at: str = "") -> None:
        self.fault = Fault(detail, pointer=at)


@dataclass(frozen=True, slots=True)
class Level:
    """The most that is done at one place of some depth: steps for each value, for each byte of it, and for each value
    whose faults are listed (a fault of an enumeration holds all its options)."""

    per_value: int
    per_byte: int
    per_fault: int


def levels(looks: Looks) -> list[Level]:
    """What is done at each depth, from the value itself on; at depths beyond the last, nothing.

    Raises:
        TooIntricate: there are too many ways, or one that goes round without going deeper.
    """
    return list(_Ways(looks).levels())


class _Ways:
    def __init__(self, looks: Looks) -> None:
        self._looks = looks
        self._closures: dict[int, Counter[int]] = {}
        self._successors: dict[State, set[State]] = {}
        self._work = 0

    def levels(self) -> Iterator[Level]:
        states: set[State] = {self._state(Counter([self._looks.root]))}
        names: set[State] = set()
        for depth in range(MAX_DEPTH + 1):
            level = Level(*(self._most(steps, states) + self._most(steps, names) for steps in self._looks.steps))
            yield level
            inner = {one for state in states for one in self._inner(state)}
            inner_names = {self._state(self._arriving(state, self._looks.names)) for state in states} - {frozenset()}
            if level.per_value > ENOUGH or not inner | inner_names:
                return
            if (inner, inner_names) == (states, names):  # and so on, as in most recursive schemas
                yield from repeat(level, MAX_DEPTH - depth)
                return
            states, names = inner, inner_names

    def _most(self, steps: dict[int, int], states: set[State]) -> int:
        self._step(sum(map(len, states)))
        return max((sum(steps[schema] * count for schema, count in state) for state in states), default=0)

    def _state(self, arriving: Counter[int]) -> State:
        """All schemas that look at a value at which these arrive."""
        state: Counter[int] = Counter()
        for schema, count in arriving.items():
            closure = self._closure(schema, ())
            self._step(len(closure))
            for inner, times in closure.items():
                state[inner] += count * times
        return frozenset(state.items())

    def _arriving(self, state: State, inner: dict[int, list[int]]) -> Counter[int]:
        return Counter({one: count for schema, count in state for one in inner[schema]})

    def _inner(self, state: State) -> set[State]:
        found = self._successors.get(state)
        if found is None:
            ways = [way for places in (self._looks.members, self._looks.items) for way in self._places(state, places)]
            found = self._successors[state] = {self._state(way) for way in ways} - {frozenset()}
        self._step(len(found))
        return found

    def _places(self, state: State, places: dict[int, Places]) -> Iterator[Counter[int]]:
        """What arrives at the values inside, for each kind of place that the schemas of a state tell apart."""
        everywhere: Counter[int] = Counter()
        otherwise: Counter[int] = Counter()
        named: dict[Any, Counter[int]] = {}
        for schema, count in state:
            self._gather(places[schema].everywhere, count, everywhere)
            self._gather(places[schema].otherwise, count, otherwise)
            for name, inner in places[schema].named.items():
                self._gather(inner, count, named.setdefault(name, Counter()))
        for schema, count in state:
            if places[schema].otherwise:
                for name in named.keys() - places[schema].named.keys():
                    self._gather(places[schema].otherwise, count, named[name])
        yield everywhere + otherwise
        yield from (everywhere + arriving for arriving in named.values())

    def _gather(self, schemas: list[int], count: int, into: Counter[int]) -> None:
        self._step(1 + len(schemas))
        for schema in schemas:
            into[schema] += count

    def _step(self, steps: int) -> None:
        self._work += steps
        if self._work > MAX_WORK:
            raise TooIntricate("There are too many ways through this schema to check values in a bounded time.")

    def _closure(self, schema: int, way: tuple[int, ...]) -> Counter[int]:
        """The schemas that look at the same value on behalf of this one, itself among them."""
        found = self._closures.get(schema)
        if found is not None:
            return found
        self._look_at_the_way(schema, way)
        closure = Counter([schema])
        for inner in self._looks.same_value[schema]:
            of_inner = self._closure(inner, (*way, schema))
            self._step(len(of_inner))
            closure.update(of_inner)
        if closure.total() > MAX_VISITS:
            at = self._looks.pointers[schema]
            raise TooIntricate(
                f"More than {MAX_VISITS:,} schemas would look at one value here, counted by all ways.", at
            )
        self._closures[schema] = closure
        return closure

    def _look_at_the_way(self, schema: int, way: tuple[int, ...]) -> None:
        at = self._looks.pointers[schema]
        if schema in way:
            raise TooIntricate("Refers back to itself without going deeper into the value.", at)
        if len(way) >= MAX_NESTING:
            raise TooIntricate(f"More than {MAX_NESTING} schemas stand in one another here.", at)
