"""RQ on Redis, with the worker that forks no process per task, which is much the faster one."""

import os
import sys
import time

from redis import Redis
from rq import Queue, SimpleWorker


def noop(width):
    return {"width": width}


redis = Redis.from_url(os.environ["STORE_URL"])
queue = Queue(connection=redis)


def single(count):
    for _ in range(count):
        queue.enqueue("rq_app.noop", 200)


def batch(count):
    for _ in range(count // 1000):
        queue.enqueue_many([Queue.prepare_data("rq_app.noop", (200,)) for _ in range(1000)])


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        SimpleWorker([queue], connection=redis).work(logging_level="WARNING")
    else:
        queue.enqueue("rq_app.noop", 200)
        started = time.perf_counter()
        {"single": single, "batch": batch}[sys.argv[1]](int(sys.argv[2]))
        print(time.perf_counter() - started)
