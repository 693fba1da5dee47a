"""Poolers that drop startup parameters: every route returns 503, and readiness reports the reason."""

from collections.abc import Iterator
from pathlib import Path

import httpx2
import psycopg
import pytest

from domain.secret import ENTROPY_BYTES, generate
from tests.app.serving import Server
from tests.eventstore.stripping_proxy import stripping_proxy
from tests.random_input import random_bytes
from tests.waiting import eventually


@pytest.fixture
def behind_a_pooler(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Server]:
    with stripping_proxy(database_url) as url:
        server = Server(url, redis_url, tmp_path / "api.log", {"KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "3"})
        server.start()
        yield server
        server.stop()


def test_every_route_is_unavailable_without_the_connection_settings(behind_a_pooler: Server, database_url: str) -> None:
    server = behind_a_pooler

    def reports_the_reason() -> bool:
        answer = httpx2.get(f"{server.url}/health/ready", timeout=30)
        return answer.status_code == 503 and "current_user is keyledger" in answer.json()["data"]["checks"]["database"]

    eventually(reports_the_reason)
    secret = generate("live", random_bytes(ENTROPY_BYTES)).reveal()
    with httpx2.Client(base_url=server.url, timeout=60, headers={"Authorization": f"Bearer {secret}"}) as http:
        answers = {
            "list": http.get("/v1/api-keys"),
            "create": http.post("/v1/api-keys", json={"name": "Deploy"}),
            "verify": http.post("/v1/api-keys/verify", json={"key": secret}),
            "check": http.get("/v1/auth/check"),
        }
    statuses = {name: answer.status_code for name, answer in answers.items()}
    assert set(statuses.values()) == {503}, statuses
    assert "connection_settings_not_applied" in server.log.read_text()
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select count(*) from usage_batches").fetchone() == (0,)
