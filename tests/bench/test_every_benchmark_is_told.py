"""Each benchmark that can be asked for is in bench/README.md."""

from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "bench" / "README.md"


def test_each_stands_in_the_readme() -> None:
    benchmarks = pytest.importorskip("bench.__main__", reason="bench/requirements-bench.txt is not installed")
    told = README.read_text()
    assert [name for name in benchmarks.COMMANDS if f"| `{name}` |" not in told] == []
