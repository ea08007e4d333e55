"""One run of one rival: tasks are enqueued, then one worker process drains them."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bench.rivals.field import WARM_UPS, Runner
from bench.rivals.stores import Count

PATIENCE_S = 60.0
EVERY_S = 0.01
SHARE = 20  # of this many parts of the time one at most goes into looking how far it is


@dataclass(frozen=True)
class Run:
    """Tasks per second; `batch` is None where there is no such way."""

    single: float
    batch: float | None
    drain: float

    @property
    def single_to_end(self) -> float:
        """From the first call to the last result, enqueued one by one and then drained."""
        return 1 / (1 / self.single + 1 / self.drain)

    @property
    def to_end(self) -> float:
        """The same by the fastest way in that there is."""
        return 1 / (1 / max(self.single, self.batch or 0) + 1 / self.drain)


def run(runner: Runner, folder: Path) -> Run:
    with runner.open(folder / "store") as store:
        environment = {**os.environ, **store.settings}
        single = _enqueue(runner, "single", runner.sizes.single, environment)
        batch = _enqueue(runner, "batch", runner.sizes.batch, environment) if runner.sizes.batch else None
        wanted = runner.sizes.single + runner.sizes.batch + (WARM_UPS if batch else 1)
        told = folder / "begins"
        with _working(runner, {**environment, "BEGINS": str(told)}, folder / "worker.log"):
            drain = _drained(store.done, wanted, runner.name, told)
    return Run(single, batch, drain)


def _enqueue(runner: Runner, way: str, count: int, environment: dict[str, str]) -> float:
    finished = subprocess.run(
        [*runner.command, way, str(count)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"{runner.name} did not enqueue:\n{finished.stderr[-2000:]}")
    return count / float(finished.stdout.split()[-1])


@contextmanager
def _working(runner: Runner, environment: dict[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as output:
        process = subprocess.Popen([*runner.command, runner.worker], env=environment, stdout=output, stderr=output)
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(f"{error}\n{log.read_text(errors='replace')[-2000:]}") from error
    finally:
        process.kill()
        process.wait()


def _drained(done: Count, wanted: int, name: str, begins: Path) -> float:
    """Results per second, without the worker's start.

    A loop that says when it asks for tasks for the first time is timed from then on: by the time its first results are
    stored all that it takes at once is as good as done. Others are timed from the first result seen.

    Raises:
        RuntimeError: it does not come to an end.
    """
    first: tuple[float, int] | None = None
    give_up_at = time.perf_counter() + PATIENCE_S
    while time.perf_counter() < give_up_at:
        asked = time.perf_counter()
        count, now, now_s = done(), time.perf_counter(), time.time()
        if first is None and count > 0:
            first = (now, count)
        if first is not None and count >= wanted:
            if begins.exists():
                return wanted / (now_s - float(begins.read_text()))
            return (wanted - first[1]) / max(now - first[0], EVERY_S)
        time.sleep(max(EVERY_S, (SHARE - 1) * (now - asked)))
    raise RuntimeError(f"{name} has done {done()} of {wanted} tasks in {PATIENCE_S:.0f} s.")


def middle(runs: list[Run]) -> Run:
    """The median of each figure."""
    batches = [one.batch for one in runs if one.batch is not None]
    return Run(
        median(one.single for one in runs),
        median(batches) if batches else None,
        median(one.drain for one in runs),
    )
