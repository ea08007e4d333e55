"""A worker in Python: handlers as functions. TASKYARD_URL and TASKYARD_TOKEN say where, and as whom.

python examples/worker.py
"""

import logging
from typing import Any

from taskyard.client import Client, Failure, RunningTask, Worker

worker = Worker(Client(), concurrency=4)


@worker.command("resize")
def resize(payload: dict[str, Any], task: RunningTask) -> dict[str, Any]:
    width = int(payload["width"])  # what a handler raises fails the attempt, which is then retried
    if width <= 0:
        raise Failure({"type": "bad-width", "message": f"{width} is no width"}, retry_in_s=3600)
    task.log(f"resizing to {width}")
    task.progress(50, "half of it")
    return {"width": width, "height": width * 3 // 4}


@worker.command("count")
def count(payload: dict[str, Any], task: RunningTask) -> int | None:
    """Long work looks at `cancelled` now and then; None says that it stopped before its end."""
    for number in range(payload["to"]):
        task.progress(100 * number / payload["to"], f"at {number}")
        if task.cancelled.wait(1):
            return None
    return int(payload["to"])


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    worker.run()
