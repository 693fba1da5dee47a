"""The 503 response to a request whose database session PostgreSQL ended because its transaction took too long."""

import time
from typing import LiteralString

import psycopg
import pytest

from app.http.errors import to_problem

IDLE: LiteralString = "set local idle_in_transaction_session_timeout = '50ms'"
LONG: LiteralString = "set local transaction_timeout = '50ms'"


@pytest.mark.parametrize("limit", [IDLE, LONG], ids=["idle", "long"])
def test_a_session_that_timed_out_in_a_transaction_is_reported_as_unavailable(
    database_url: str, limit: LiteralString
) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(limit)
        time.sleep(0.5)
        with pytest.raises(psycopg.Error) as ended:
            connection.execute("select 1")
    problem = to_problem(ended.value)
    assert (problem.status, problem.code, problem.details) == (503, "unavailable", {"outcome": "not_recorded"})
    assert int(problem.headers["Retry-After"]) >= 1
