"""Builds of the API that are wrong or narrow on purpose: `python -m tests.stories.builds cached | narrow | mortal | …`.

A test that passes on all of them tests nothing.
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
from litestar.types import ASGIApp
from msgspec.structs import replace
from psycopg.sql import Composable

import app.application
from app.application import Handler, create_app
from app.process.server import serve
from app.verification.requests import VerificationRequest, VerificationResult, VerifyKey
from domain.usage.decision import AccessDecision
from eventstore.group_commit import BatchLimits, BatchResult, ItemResult
from infrastructure.database.connections import WORKER_ROLE, Connection, pool
from infrastructure.log_format import configure_logging
from infrastructure.setting import API
from infrastructure.settings import Settings

CACHED_SECONDS = 0.2
WAITING_MAX = 16
FATAL = "fatal"


def cached() -> ASGIApp:
    """What was decided about a key is decided again without a look, for a moment: what others call a short cache."""
    configure_logging()
    kept: dict[object, tuple[float, AccessDecision]] = {}

    def recalled(
        question: VerificationRequest, decided: ItemResult[VerificationResult]
    ) -> ItemResult[VerificationResult]:
        if not isinstance(question, VerifyKey) or question.subject is None:
            return decided
        name = (question.subject.digest, question.subject.mcp_id)
        since, verdict = kept.get(name, (0.0, decided.result.subject))
        if since < time.monotonic() - CACHED_SECONDS:
            kept[name] = (time.monotonic(), decided.result.subject)
            return decided
        return replace(decided, result=replace(decided.result, subject=verdict))

    def with_cache(judge: Handler) -> Handler:
        async def cached_judge(
            connection: Connection, questions: Sequence[VerificationRequest]
        ) -> BatchResult[VerificationResult]:
            judged = await judge(connection, questions)
            return replace(judged, results=list(map(recalled, questions, judged.results)))

        return cached_judge

    return create_app(Settings.from_environment(os.environ, API), wrap_verifier=with_cache)


def mortal() -> ASGIApp:
    """The task that verifies keys ends, as a defect could end it, when a verification names the tool `FATAL`."""
    configure_logging()

    def mortal_judge(judge: Handler) -> Handler:
        async def judged(
            connection: Connection, questions: Sequence[VerificationRequest]
        ) -> BatchResult[VerificationResult]:
            if any(isinstance(each, VerifyKey) and each.subject and each.subject.tool == FATAL for each in questions):
                raise asyncio.CancelledError
            return await judge(connection, questions)

        return judged

    return create_app(Settings.from_environment(os.environ, API), wrap_verifier=mortal_judge)


def narrow() -> ASGIApp:
    """Lets no more than a few wait."""
    configure_logging()
    return create_app(Settings.from_environment(os.environ, API), limits=BatchLimits(waiting_max=WAITING_MAX))


def forgetful() -> ASGIApp:
    """No statement asks for an organization: each condition that does is taken out before it is sent."""
    configure_logging()
    send = psycopg.AsyncCursor.execute

    async def execute(cursor: psycopg.AsyncCursor[Any], query: Any, *rest: Any, **named: Any) -> Any:  # noqa: ANN401
        text = query.as_bytes(cursor) if isinstance(query, Composable) else query
        text = text.encode() if isinstance(text, str) else text
        return await send(cursor, _CONDITION.sub(rb"\1::text is not null", text), *rest, **named)

    psycopg.AsyncCursor.execute = execute  # type: ignore[method-assign]
    return create_app(Settings.from_environment(os.environ, API))


def forgetful_and_unfenced() -> ASGIApp:
    """The same over connections that no policy holds back: what would be shown if PostgreSQL did not look after it."""
    app.application.pool = partial(pool, role=WORKER_ROLE)
    return forgetful()


_CONDITION = re.compile(rb"(?:\w+\.)?organization_id = (%s|%\(organization_id\)s)")


def main(build: str) -> None:
    serve(Settings.from_environment(os.environ, API), f"tests.stories.faulty_builds:{build}")


if __name__ == "__main__":
    main(sys.argv[1])
