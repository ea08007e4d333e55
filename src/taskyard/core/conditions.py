"""What a caller wants to hold before something that has versions is changed."""

from dataclasses import dataclass
from typing import Protocol

from taskyard.core.errors import Stale


class Versioned(Protocol):
    """What has a version that grows with every change."""

    @property
    def version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Condition:
    """`version` is what If-Match names, `new` stands for If-None-Match: *."""

    version: int | None = None
    new: bool = False

    def check(self, found: Versioned | None, what: str) -> None:
        """Whether it holds for what was found; `what` is the word for such a thing.

        Raises:
            Stale: it does not.
        """
        if self.version is not None and (found is None or found.version != self.version):
            raise Stale(f"The {what} is not there any more, or has another version by now. Read it again.")
        if self.new and found is not None:
            raise Stale(f"There is such a {what} already.")
