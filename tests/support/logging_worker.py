"""A worker that writes each run down at once: python -m support.logging_worker LOG COMMAND [LEASE_S [CONCURRENCY]].

A line of the log: the task's id, the number of the attempt, a hash of the lease's token. A payload with `until` keeps
each attempt running until its file is there: the first of them for the first attempt, and so on.
"""

import hashlib
import logging
import os
import sys
import time
from pathlib import Path
from typing import Any

from taskyard.client import Client, RunningTask, Worker


def main(log: str, command: str, lease_s: str = "3", concurrency: str = "8") -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    worker = Worker(Client(), lease_s=int(lease_s), concurrency=int(concurrency))

    @worker.command(command)
    def run(payload: Any, task: RunningTask) -> dict[str, Any]:
        fence = hashlib.sha256(task.token.encode()).hexdigest()[:16]
        os.write(written, f"{task.id} {task.attempt} {fence}\n".encode())
        while "until" in payload and not Path(payload["until"][task.attempt - 1]).exists():
            time.sleep(0.02)
        return {"attempt": task.attempt, "fence": fence}

    worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
