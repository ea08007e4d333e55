"""Huey on SQLite with `fsync`, which is synchronous=FULL. It has no way to enqueue many at once."""

import os
import sys
import time

from huey import SqliteHuey

huey = SqliteHuey(filename=os.environ["STORE_URL"], fsync=True)


@huey.task()
def noop(width):
    return {"width": width}


def single(count):
    for _ in range(count):
        noop(200)


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        huey.create_consumer(workers=1, worker_type="thread", periodic=False, initial_delay=0.01, max_delay=0.01).run()
    else:
        noop(200)
        started = time.perf_counter()
        single(int(sys.argv[2]))
        print(time.perf_counter() - started)
