"""The service with which verification is compared: verification of API keys as an application would write it.

FastAPI and asyncpg. A request looks the key up by its SHA-256, checks its status and expiry, and records one use, in
one transaction that is committed before the response. It has no callers, permissions, limits, quotas or audit log.
asyncpg prepares the statements once for each connection.
"""

import hashlib
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import asyncpg  # pyright: ignore[reportMissingTypeStubs] -- it has none
from fastapi import FastAPI, HTTPException, Request
from pydantic import BaseModel

POOL_SIZE = 10
"""The rates with 4, 20 and 40 connections differ from this one's by less than they vary."""

_LOOK_UP = "select id, org_id, status, expires_at, permissions from api_key where key_hash = $1"
_RECORD = "insert into usage (key_id, at, outcome, mcp_id, ip) values ($1, $2, $3, $4, $5)"


class Presented(BaseModel):
    key: str
    mcp_id: str | None = None


class Verified(BaseModel):
    valid: bool
    code: str
    key_id: int
    org_id: int
    permissions: list[str]


def app() -> FastAPI:
    """Create the application. DATABASE_URL is its database."""
    application = FastAPI(lifespan=_with_pool)
    application.post("/verify")(verify)
    return application


async def verify(body: Presented, request: Request) -> Verified:
    at = datetime.now(UTC)
    pool: Any = request.app.state.pool
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_LOOK_UP, hashlib.sha256(body.key.encode()).digest())
        if row is None:
            raise HTTPException(401, "unknown key")
        code = "expired" if row["expires_at"] is not None and row["expires_at"] <= at else "ok"
        code = code if row["status"] == "active" else row["status"]
        ip = request.client.host if request.client else None
        await connection.execute(_RECORD, row["id"], at, code, body.mcp_id, ip)
    if code != "ok":
        raise HTTPException(401, code)
    return Verified(valid=True, code=code, key_id=row["id"], org_id=row["org_id"], permissions=row["permissions"])


@asynccontextmanager
async def _with_pool(application: FastAPI) -> AsyncGenerator[None]:
    connections: Any = asyncpg.create_pool(  # pyright: ignore[reportUnknownMemberType]
        os.environ["DATABASE_URL"], min_size=POOL_SIZE, max_size=POOL_SIZE
    )
    async with connections as pool:
        application.state.pool = pool
        yield
