"""Celery on Redis. `acks_late`, as otherwise a task is gone from the store before it has run."""

import os
import sys
import time

from celery import Celery, group

app = Celery("celery_app", broker=os.environ["STORE_URL"], backend=os.environ["STORE_URL"])
app.conf.update(task_acks_late=True, worker_prefetch_multiplier=100, task_reject_on_worker_lost=True)


@app.task
def noop(width):
    return {"width": width}


def single(count):
    for _ in range(count):
        noop.delay(200)


def batch(count):
    for _ in range(count // 1000):
        group(noop.s(200) for _ in range(1000)).apply_async()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        app.worker_main(["worker", "--pool=solo", "--loglevel=WARNING", "--without-gossip", "--without-mingle"])
    else:
        noop.delay(200)  # the connection is open before the clock starts
        started = time.perf_counter()
        {"single": single, "batch": batch}[sys.argv[1]](int(sys.argv[2]))
        print(time.perf_counter() - started)
