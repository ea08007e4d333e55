"""What was measured, round by round, and what is said about it: medians and ratios."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from bench.measure import Sample
from bench.servers import TASKYARD


@dataclass
class Case:
    """One load on one database, put on every contender in turn."""

    title: str
    samples: defaultdict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))

    def add(self, contender: str, sample: Sample) -> None:
        self.samples[contender].append(sample)

    def middle(self, contender: str) -> Sample:
        """The median of each figure; of the bad answers the sum."""
        found = self.samples[contender]
        database = [s.database_cpu_us for s in found if s.database_cpu_us is not None]
        return Sample(
            median(s.per_s for s in found),
            median(s.p50_ms for s in found),
            median(s.p99_ms for s in found),
            median(s.cpu_us for s in found),
            median(database) if database else None,
            sum(s.bad for s in found),
            max(s.load_cpu for s in found),
        )

    @property
    def contested(self) -> bool:
        """Whether somebody else does this, too."""
        return len(self.samples) > 1

    @property
    def rival(self) -> str:
        """The better form of FastAPI: the one with the higher throughput."""
        return max((c for c in self.samples if c != TASKYARD.name), key=lambda c: self.middle(c).per_s)

    def ratios(self) -> list[float]:
        """Taskyard's throughput against the rival's, round by round: what slows one round slows both in it."""
        pairs = zip(self.samples[TASKYARD.name], self.samples[self.rival], strict=True)
        return [ours.per_s / theirs.per_s for ours, theirs in pairs]

    @property
    def ratio(self) -> float:
        return median(self.ratios())


@dataclass
class Results:
    """All cases by the section they are shown in. `item` is what is counted: a request, a task."""

    title: str
    item: str
    sections: dict[str, list[Case]] = field(default_factory=dict)

    def case(self, section: str, title: str) -> Case:
        """The case of this name, made at the first call."""
        cases = self.sections.setdefault(section, [])
        for case in cases:
            if case.title == title:
                return case
        cases.append(Case(title))
        return cases[-1]

    def __iter__(self) -> Iterator[tuple[str, Case]]:
        for section, cases in self.sections.items():
            for case in cases:
                yield section, case

    @property
    def load_cpu(self) -> float:
        """The most of one core that the load generator has used in any measurement."""
        return max(case.middle(contender).load_cpu for _, case in self for contender in case.samples)
