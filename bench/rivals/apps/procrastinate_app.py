"""Procrastinate on PostgreSQL; its worker has 10 tasks at once, as it waits for the database with asyncio."""

import os
import sys
import time

from procrastinate import App, PsycopgConnector

app = App(connector=PsycopgConnector(conninfo=os.environ["STORE_URL"]))


@app.task(name="noop")
async def noop(width):
    return {"width": width}


def single(count):
    for _ in range(count):
        noop.defer(width=200)


def batch(count):
    for _ in range(count // 1000):
        noop.batch_defer(*[{"width": 200} for _ in range(1000)])


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        app.run_worker(concurrency=10)
    else:
        with app.open():
            if sys.argv[1] == "schema":
                app.schema_manager.apply_schema()
            else:
                noop.defer(width=200)
                started = time.perf_counter()
                {"single": single, "batch": batch}[sys.argv[1]](int(sys.argv[2]))
                print(time.perf_counter() - started)
