"""Builds of the API with deliberate faults: `python -m tests.stories.faulty_builds cached | short_queue | …`.

They show that the tests detect these faults.
"""

import asyncio
import os
import re
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg
from msgspec.structs import replace
from psycopg.sql import Composable

import app.application
from app.application import Handler, create_app
from app.server.application import Application
from app.server.serve import serve
from app.verification.requests import VerificationRequest, VerificationResult, VerifyKey
from domain.usage.decision import AccessDecision
from eventstore.group_commit import BatchLimits, BatchResult, ItemResult
from infrastructure.database.connections import WORKER_ROLE, pool
from infrastructure.database.pipeline import Pipeline
from infrastructure.log_format import configure_logging
from infrastructure.setting import API
from infrastructure.settings import Settings

CACHED_SECONDS = 0.2
WAITING_MAX = 16
FATAL = "fatal"


def cached() -> Application:
    """Cache the decision about a key for a short time."""
    configure_logging()
    kept: dict[object, tuple[float, AccessDecision]] = {}

    def recalled(
        request: VerificationRequest, decided: ItemResult[VerificationResult]
    ) -> ItemResult[VerificationResult]:
        if not isinstance(request, VerifyKey) or request.subject is None:
            return decided
        name = (request.subject.digest, request.subject.mcp_id)
        since, verdict = kept.get(name, (0.0, decided.result.subject))
        if since < time.monotonic() - CACHED_SECONDS:
            kept[name] = (time.monotonic(), decided.result.subject)
            return decided
        return replace(decided, result=replace(decided.result, subject=verdict))

    def with_cache(verifier: Handler) -> Handler:
        async def cached_verifier(
            pipeline: Pipeline, requests: Sequence[VerificationRequest]
        ) -> BatchResult[VerificationResult]:
            verified = await verifier(pipeline, requests)
            return replace(verified, results=list(map(recalled, requests, verified.results)))

        return cached_verifier

    return create_app(Settings.from_environment(os.environ, API), wrap_verifier=with_cache)


def failing_verifier() -> Application:
    """End the task that verifies keys, as a defect could, when a verification names the tool `FATAL`."""
    configure_logging()

    def with_fatal_tool(verifier: Handler) -> Handler:
        async def failing(
            pipeline: Pipeline, requests: Sequence[VerificationRequest]
        ) -> BatchResult[VerificationResult]:
            if any(isinstance(each, VerifyKey) and each.subject and each.subject.tool == FATAL for each in requests):
                raise asyncio.CancelledError
            return await verifier(pipeline, requests)

        return failing

    return create_app(Settings.from_environment(os.environ, API), wrap_verifier=with_fatal_tool)


def short_queue() -> Application:
    """Let only a few verifications wait."""
    configure_logging()
    return create_app(Settings.from_environment(os.environ, API), limits=BatchLimits(waiting_max=WAITING_MAX))


def unfiltered() -> Application:
    """Remove the condition on the organization from every statement."""
    configure_logging()
    send = psycopg.AsyncCursor.execute

    async def execute(cursor: psycopg.AsyncCursor[Any], query: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        text = query.as_bytes(cursor) if isinstance(query, Composable) else query
        text = text.encode() if isinstance(text, str) else text
        return await send(cursor, _CONDITION.sub(rb"\1::text is not null", text), *rest, **named)

    psycopg.AsyncCursor.execute = execute  # type: ignore[method-assign]
    return create_app(Settings.from_environment(os.environ, API))


def unfiltered_without_policies() -> Application:
    """Remove the conditions, and connect with a role to which row-level security does not apply."""
    app.application.pool = partial(pool, role=WORKER_ROLE)
    return unfiltered()


_CONDITION = re.compile(rb"(?:\w+\.)?organization_id = (%s|%\(organization_id\)s)")


def main(build: str) -> None:
    serve(Settings.from_environment(os.environ, API), f"tests.stories.faulty_builds:{build}")


if __name__ == "__main__":
    main(sys.argv[1])
