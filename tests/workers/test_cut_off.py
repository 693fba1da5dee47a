"""A job that takes too long is ended, and says so; the database is not blamed."""

import asyncio

import pytest
from structlog.testing import capture_logs

from infrastructure.database.connections import Pool
from workers import job_runner as running
from workers.job_runner import run_job


async def _for_ever(_connections: Pool) -> None:
    await asyncio.sleep(3_600)


def test_what_takes_too_long_is_cut_off_and_named(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr(running, "_LIMIT_SECONDS", 0.2)
    with capture_logs() as lines:
        run_job(_for_ever)
    assert [(line["event"], line["after_seconds"]) for line in lines] == [("job_timed_out", 0.2)]
