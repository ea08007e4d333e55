"""Taskyard over HTTP: its Python client, its worker, and a worker that takes and settles by hundreds."""

import os
import sys
import threading
import time

from taskyard.client import Client, Report, Worker

LOOPS, SIZE = 12, 100  # as many as a claim gives; of 4, 8, 12 and 16 loops the fastest


def single(client: Client, count: int) -> None:
    for _ in range(count):
        client.submit("noop", {"width": 200})


def batch(client: Client, count: int) -> None:
    for _ in range(count // 1000):
        client.submit_many([{"command": "noop", "payload": {"width": 200}}] * 1000, minimal=True)


def work() -> None:
    worker = Worker(Client(os.environ["STORE_URL"]), concurrency=64)

    @worker.command("noop")
    def noop(payload: object, task: object) -> object:
        return payload

    worker.run()


def drain() -> None:
    client = Client(os.environ["STORE_URL"])
    while True:
        leases = client.claim(["noop"], limit=SIZE, wait_s=1)
        if leases:
            client.settle([Report(lease.token, "succeeded", result=lease.task.payload) for lease in leases])


def drain_at_once() -> None:
    threads = [threading.Thread(target=drain) for _ in range(LOOPS)]
    for thread in threads:
        thread.start()


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        work()
    elif sys.argv[1] == "batch-worker":
        drain_at_once()
    else:
        opened = Client(os.environ["STORE_URL"])
        opened.submit("noop", {"width": 200})
        started = time.perf_counter()
        {"single": single, "batch": batch}[sys.argv[1]](opened, int(sys.argv[2]))
        print(time.perf_counter() - started)
