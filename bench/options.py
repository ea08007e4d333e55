"""What every sub-command is told, and what it needs of the machine."""

import argparse
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Command:
    """A sub-command's command line. `takes` says how long it runs, `quickly` how long with --quick."""

    name: str
    about: str
    takes: str
    quickly: str
    adds: Callable[[argparse.ArgumentParser], None] = field(default=lambda _: None)

    def read(self, arguments: list[str]) -> argparse.Namespace:
        """The options; says how long it will take."""
        parser = argparse.ArgumentParser(prog=f"python -m bench {self.name}", description=self.about)
        parser.add_argument("--quick", action="store_true", help=f"short, {self.quickly}; writes no files")
        self.adds(parser)
        chosen = parser.parse_args(arguments)
        chosen.command = " ".join(["python -m bench", self.name, *arguments])
        print(f"{chosen.command}: about {self.quickly if chosen.quick else self.takes}", flush=True)
        return chosen


def add_databases(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="only this one")


def databases(chosen: argparse.Namespace) -> list[str]:
    return [chosen.database] if chosen.database else ["sqlite", "postgresql"]


def need(program: str, package: str) -> None:
    """End with a sentence where a program is not installed."""
    if shutil.which(program) is None:
        sys.exit(f"This benchmark needs {program}, which is not installed: apt-get install {package}")
