"""The twin with `async def` endpoints and the ORM's AsyncSession over aiosqlite or asyncpg."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, HTTPException, Response, Security, status
from fastapi.security import HTTPAuthorizationCredentials, SecurityScopes
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker, create_async_engine

from bench.fastapi_twin import keys, leasing
from bench.fastapi_twin.accept import accept
from bench.fastapi_twin.engines import options, prepare, url
from bench.fastapi_twin.keys import Actor, bearer
from bench.fastapi_twin.lease_schemas import ClaimIn, LeasesOut, ReportsIn, ReportsOut
from bench.fastapi_twin.models import Task
from bench.fastapi_twin.schemas import TaskIn, TaskOut

URL = url(sqlite="sqlite+aiosqlite", postgresql="postgresql+asyncpg")


def engine(*, read: bool) -> AsyncEngine:
    made = create_async_engine(URL, **options(URL, read=read))
    prepare(made.sync_engine)
    return made


ReadSession = async_sessionmaker(engine(read=True), expire_on_commit=False)
WriteSession = async_sessionmaker(engine(read=False), expire_on_commit=False)

app = FastAPI(title="Taskyard's twin, async")
cache = keys.Cache()


async def look_up(token: str) -> Actor:
    async with ReadSession() as session:
        return cache.put(token, keys.actor((await session.scalars(keys.by_token(token))).one_or_none()))


async def current_actor(
    wanted: SecurityScopes, credentials: Annotated[HTTPAuthorizationCredentials, Security(bearer)]
) -> Actor:
    token = credentials.credentials
    actor = cache.get(token) or await look_up(token)
    actor.require(wanted.scopes)
    return actor


Reader = Annotated[Actor, Security(current_actor, scopes=["read"])]
Writer = Annotated[Actor, Security(current_actor, scopes=["write"])]
Hand = Annotated[Actor, Security(current_actor, scopes=["work"])]


@app.post("/v1/tasks", status_code=status.HTTP_201_CREATED, response_model=TaskOut)
async def submit(actor: Writer, sent: TaskIn, response: Response) -> Task:
    """Submit a task"""
    task, waits = accept(actor, sent)
    async with WriteSession() as session:
        session.add_all([task, waits])
        await session.commit()
    response.headers["Location"] = f"/v1/tasks/{task.id}"
    return task


@app.get("/v1/tasks/{task_id}", response_model=TaskOut)
async def get(actor: Reader, task_id: UUID) -> Task:
    """Get a task"""
    async with ReadSession() as session:
        task = await session.get(Task, str(task_id))
    if task is None or not actor.sees(task.owner_id):
        raise HTTPException(status.HTTP_404_NOT_FOUND, "There is no such task.")
    return task


@app.post("/v1/leases", response_model=LeasesOut)
async def claim(actor: Hand, sent: ClaimIn) -> Any:
    """Claim tasks"""
    async with WriteSession() as session:
        leases = await session.run_sync(leasing.claim, actor, sent)
    return {"leases": leases} if leases else Response(status_code=status.HTTP_204_NO_CONTENT)


@app.post("/v1/leases/settle", response_model=ReportsOut)
async def settle(actor: Hand, sent: ReportsIn) -> Any:
    """Settle leases"""
    async with WriteSession() as session:
        return {"leases": await session.run_sync(leasing.settle, sent.leases)}


@app.get("/io")
async def wait() -> dict[str, str]:
    """Wait 50 ms for something else"""
    await asyncio.sleep(0.05)
    return {"status": "ok"}
