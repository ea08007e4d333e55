"""What checking a value may cost at most. A check cannot be interrupted, so one that might hang is not begun."""

from dataclasses import dataclass
from typing import Any

from taskyard.commands.ways import Level

CHECK_BUDGET = 200_000_000  # steps of about 5 ns
FAULTS_BUDGET = 400_000  # steps of about 2 us and 200 bytes: a fault holds a copy of the value it is about


@dataclass(frozen=True, slots=True)
class Price:
    """The price of a schema, by which that of each value is known."""

    levels: list[Level]

    def allows(self, value: Any, size: int) -> bool:
        """Whether checking a value of so many bytes of JSON stays within bounds."""
        most = sum(level.per_value + level.per_byte for level in self.levels)
        if size * most <= CHECK_BUDGET:
            return True
        pairs = list(zip(self.levels, values_by_depth(value), strict=False))
        steps = sum(level.per_value * count + level.per_byte * size for level, count in pairs)
        return steps <= CHECK_BUDGET

    def allows_faults(self, value: Any) -> bool:
        """Whether all faults of a value can be listed."""
        counts = values_by_depth(value)
        inside = [sum(counts[depth:]) for depth in range(len(counts))]  # each fault's value is copied as a whole
        return sum(level.per_fault * count for level, count in zip(self.levels, inside, strict=False)) <= FAULTS_BUDGET


def values_by_depth(value: Any) -> list[int]:
    """How many values there are at each depth; a loop, as a value may be deeper than Python's stack."""
    counts, level = [1], [value]
    while True:
        level = [
            inner
            for one in level
            if isinstance(one, list | dict)
            for inner in (one.values() if isinstance(one, dict) else one)
        ]
        if not level:
            return counts
        counts.append(len(level))
