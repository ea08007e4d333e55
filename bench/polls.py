"""Long polls as a load: workers that wait, and what else a caller does meanwhile, from one event loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from bench.databases import KEY

WAIT_S = 20  # the most that may be asked for


@asynccontextmanager
async def caller(port: int) -> AsyncIterator[aiohttp.ClientSession]:
    """A session with as many connections as are wanted."""
    timeout = aiohttp.ClientTimeout(total=2 * WAIT_S)
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}",
        headers={"Authorization": f"Bearer {KEY}"},
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60),
        timeout=timeout,
    ) as session:
        yield session


async def claim(session: aiohttp.ClientSession, queue: str) -> list[dict[str, Any]]:
    """One long poll; the leases it was answered with."""
    sent = {"queues": [queue], "wait": WAIT_S, "worker": "bench"}
    async with session.post("/v1/leases", json=sent) as answer:
        answer.raise_for_status()
        leases: list[dict[str, Any]] = (await answer.json())["leases"] if answer.status == 200 else []
        return leases


async def settle(session: aiohttp.ClientSession, leases: list[dict[str, Any]]) -> None:
    reports = [{"token": lease["token"], "outcome": "succeeded"} for lease in leases]
    async with session.post("/v1/leases/settle", json={"leases": reports}) as answer:
        answer.raise_for_status()


async def submit(session: aiohttp.ClientSession, queue: str) -> str:
    """Its id."""
    async with session.post("/v1/tasks", json={"command": "resize", "queue": queue}) as answer:
        answer.raise_for_status()
        found: str = (await answer.json())["id"]
        return found


async def ask_health(session: aiohttp.ClientSession) -> float:
    """How many milliseconds /healthz took."""
    began_at = time.perf_counter()
    async with session.get("/healthz") as answer:
        answer.raise_for_status()
        await answer.read()
    return (time.perf_counter() - began_at) * 1000


def percentile(found: list[float], percent: float) -> float:
    ordered = sorted(found)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


async def every(seconds: float, until: float) -> AsyncIterator[None]:
    """Again and again, in this step, until then (by time.monotonic)."""
    following = time.monotonic()
    while following < until:
        await asyncio.sleep(max(0.0, following - time.monotonic()))
        yield
        following += seconds
