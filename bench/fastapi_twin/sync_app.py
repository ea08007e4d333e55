"""The twin with `def` endpoints, which FastAPI runs in its pool of threads, and the ORM's Session."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any
from uuid import UUID

from anyio import to_thread
from fastapi import FastAPI, HTTPException, Response, Security, status
from fastapi.concurrency import run_in_threadpool
from fastapi.security import HTTPAuthorizationCredentials, SecurityScopes
from sqlalchemy import create_engine
from sqlalchemy.orm import sessionmaker

from bench.fastapi_twin import keys, leasing
from bench.fastapi_twin.accept import accept
from bench.fastapi_twin.engines import POOL, options, prepare, url
from bench.fastapi_twin.keys import Actor, bearer
from bench.fastapi_twin.lease_schemas import ClaimIn, LeasesOut, ReportsIn, ReportsOut
from bench.fastapi_twin.models import Task
from bench.fastapi_twin.schemas import TaskIn, TaskOut

URL = url(sqlite="sqlite+pysqlite", postgresql="postgresql+psycopg")
ReadSession = sessionmaker(prepare(create_engine(URL, **options(URL, read=True))), expire_on_commit=False)
WriteSession = sessionmaker(prepare(create_engine(URL, **options(URL, read=False))), expire_on_commit=False)

# As many as connections: of 4, 8, 16 and AnyIO's own 40 this was the best, as more threads only fight for the GIL.
THREADS = int(os.environ.get("TWIN_THREADS", POOL))


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


app = FastAPI(title="Taskyard's twin, sync", lifespan=lifespan)
cache = keys.Cache()


def look_up(token: str) -> Actor:
    with ReadSession() as session:
        return cache.put(token, keys.actor(session.scalars(keys.by_token(token)).one_or_none()))


async def current_actor(
    wanted: SecurityScopes, credentials: Annotated[HTTPAuthorizationCredentials, Security(bearer)]
) -> Actor:
    """`async`, so that a key that is remembered takes no turn in the pool of threads."""
    token = credentials.credentials
    actor = cache.get(token)
    if actor is None:
        actor = await run_in_threadpool(look_up, token)
    actor.require(wanted.scopes)
    return actor


Reader = Annotated[Actor, Security(current_actor, scopes=["read"])]
Writer = Annotated[Actor, Security(current_actor, scopes=["write"])]
Hand = Annotated[Actor, Security(current_actor, scopes=["work"])]


@app.post("/v1/tasks", status_code=status.HTTP_201_CREATED, response_model=TaskOut)
def submit(actor: Writer, sent: TaskIn, response: Response) -> Task:
    """Submit a task"""
    task, waits = accept(actor, sent)
    with WriteSession() as session:
        session.add_all([task, waits])
        session.commit()
    response.headers["Location"] = f"/v1/tasks/{task.id}"
    return task


@app.get("/v1/tasks/{task_id}", response_model=TaskOut)
def get(actor: Reader, task_id: UUID) -> Task:
    """Get a task"""
    with ReadSession() as session:
        task = session.get(Task, str(task_id))
    if task is None or not actor.sees(task.owner_id):
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such task.")
    return task


@app.post("/v1/leases", response_model=LeasesOut)
def claim(actor: Hand, sent: ClaimIn) -> Any:
    """Claim tasks"""
    with WriteSession() as session:
        leases = leasing.claim(session, actor, sent)
    return {"leases": leases} if leases else Response(status_code=status.HTTP_204_NO_CONTENT)


@app.post("/v1/leases/settle", response_model=ReportsOut)
def settle(actor: Hand, sent: ReportsIn) -> Any:
    """Settle leases"""
    with WriteSession() as session:
        return {"leases": leasing.settle(session, sent.leases)}


@app.get("/io")
def wait() -> dict[str, str]:
    """Wait 50 ms for something else"""
    time.sleep(0.05)
    return {"status": "ok"}
