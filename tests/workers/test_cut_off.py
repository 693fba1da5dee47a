"""A job that exceeds its time limit is cancelled and logged, without a database error."""

import asyncio

import pytest
from structlog.testing import capture_logs

from infrastructure.database.connections import Pool
from workers import job_runner as running
from workers.job_runner import run_job


async def _endless_job(_connections: Pool) -> None:
    await asyncio.sleep(3_600)


def test_a_job_beyond_its_time_limit_is_cancelled_and_logged(
    database_url: str, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("REDIS_URL", redis_url)
    monkeypatch.setattr(running, "_LIMIT_SECONDS", 0.2)
    with capture_logs() as lines:
        run_job(_endless_job)
    assert [(line["event"], line["after_seconds"]) for line in lines] == [("job_timed_out", 0.2)]
