"""A worker that writes down when each run began and ended: python -m support.timing_worker LOG COMMAND CONCURRENCY.

A line of the log: the payload's `key`, then two moments of this machine's monotonic clock, in nanoseconds. A run lasts
as many seconds as the payload's `lasts_s`.
"""

import os
import sys
import time
from typing import Any

from taskyard.client import Client, RunningTask, Worker


def main(log: str, command: str, concurrency: str) -> None:
    written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    worker = Worker(Client(), lease_s=30, concurrency=int(concurrency))

    @worker.command(command)
    def run(payload: Any, _: RunningTask) -> None:
        began = time.monotonic_ns()
        time.sleep(payload["lasts_s"])
        os.write(written, f"{payload['key']} {began} {time.monotonic_ns()}\n".encode())

    worker.run()


if __name__ == "__main__":
    main(*sys.argv[1:])
