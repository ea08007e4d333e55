"""Taskyard over HTTP: its Python client, its worker, and workers that take and settle by hundreds and by thousands."""

import os
import sys
import threading
import time
from pathlib import Path

from taskyard.client import Client, Worker

LOOPS, SIZE = 12, 100  # of 4, 8, 12 and 16 loops the fastest
LARGE_LOOPS, LARGE_SIZE = 2, 1000  # as many as a claim gives; of 2, 3 and 4 loops the fastest


def single(client: Client, count: int) -> None:
    for _ in range(count):
        client.submit("noop", {"width": 200})


def batch(client: Client, count: int) -> None:
    for _ in range(count // 1000):
        client.submit_many([{"command": "noop", "payloads": [{"width": 200}] * 1000}], minimal=True)


def work() -> None:
    worker = Worker(Client(os.environ["STORE_URL"]), concurrency=64)

    @worker.command("noop")
    def noop(payload: object, task: object) -> object:
        return payload

    worker.run()


def drain(size: int) -> None:
    client = Client(os.environ["STORE_URL"])
    while True:
        leases = client.claim(["noop"], limit=size, wait_s=1)
        if leases:
            client.settle_alike([lease.token for lease in leases], "succeeded", result={"width": 200})


def drain_at_once(loops: int, size: int) -> None:
    Path(os.environ["BEGINS"]).write_text(str(time.time()))
    threads = [threading.Thread(target=drain, args=[size]) for _ in range(loops)]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work()
    elif sys.argv[1] == "batch-worker":
        drain_at_once(LOOPS, SIZE)
    elif sys.argv[1] == "large-batches":
        drain_at_once(LARGE_LOOPS, LARGE_SIZE)
    else:
        opened = Client(os.environ["STORE_URL"])
        opened.submit("noop", {"width": 200})
        started = time.perf_counter()
        {"single": single, "batch": batch}[sys.argv[1]](opened, int(sys.argv[2]))
        print(time.perf_counter() - started)
