"""The services that `make bench` measures, and a short run of it."""

from collections.abc import Generator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx2
import psycopg
import pytest

from benchmarks import hand_written_database
from benchmarks.__main__ import main
from benchmarks.limited import REQUESTS_PER_SECOND
from benchmarks.prepared import Prepared, prepare
from benchmarks.recorded import accepted_uses
from benchmarks.request_costs import Service
from benchmarks.variants import BARE, EDGE, FRAMEWORK, HAND_WRITTEN, ONE, TWO_LIMITED, VARIANTS, VERIFYING, running
from benchmarks.wrk import is_installed
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from tests.missing import stop_without

REQUESTS = 40
KEYS = 100


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Generator[Prepared]:
    folder = tmp_path_factory.mktemp("bench")
    with PostgreSQL(folder / "postgresql", durable=False) as postgres, Valkey(folder / "valkey") as valkey:
        yield prepare(postgres, valkey, folder, KEYS)


@pytest.fixture(scope="module")
def services(prepared: Prepared) -> Generator[Mapping[str, Service]]:
    with running(VARIANTS, prepared) as found:
        yield {service.name: service for service in found}


def ask(service: Service, prepared: Prepared, key: str) -> httpx2.Response:
    """Send the request that wrk sends."""
    if service.script is None:
        return httpx2.get(service.url, trust_env=False)
    headers = {"Authorization": f"Bearer {prepared.caller}"}
    return httpx2.post(service.url, json={"key": key}, headers=headers, trust_env=False)


@pytest.mark.parametrize("name", VARIANTS)
def test_a_service_records_one_use_for_each_request_or_none(
    name: str, services: Mapping[str, Service], prepared: Prepared
) -> None:
    def recorded() -> tuple[int, int]:
        return accepted_uses(prepared.postgres.url), hand_written_database.uses(prepared.hand_written_url)

    before = recorded()
    with ThreadPoolExecutor(8) as callers:
        asked = [callers.submit(ask, services[name], prepared, key) for key in prepared.keys[-REQUESTS:]]
    assert {each.result().status_code for each in asked} == {200}
    added = tuple(after - start for after, start in zip(recorded(), before, strict=True))
    assert added == {HAND_WRITTEN: (0, REQUESTS), BARE: (0, 0), FRAMEWORK: (0, 0), EDGE: (0, 0)}.get(
        name, (REQUESTS, 0)
    )


@pytest.mark.parametrize("name", VERIFYING)
def test_a_rate_and_a_quota_are_counted_only_with_limits(
    name: str, services: Mapping[str, Service], prepared: Prepared
) -> None:
    first, second = (ask(services[name], prepared, prepared.keys[0]) for _ in range(2))
    assert first.json()["data"]["valid"]
    if VERIFYING[name].limited:
        assert first.headers["X-RateLimit-Limit"] == str(REQUESTS_PER_SECOND)
        assert first.json()["data"]["remaining"] - second.json()["data"]["remaining"] == 1
    else:
        assert "X-RateLimit-Limit" not in first.headers
        assert "remaining" not in first.json()["data"]


def test_the_hand_written_service_refuses_keys_that_are_not_valid(
    services: Mapping[str, Service], prepared: Prepared
) -> None:
    assert ask(services[HAND_WRITTEN], prepared, "unknown").status_code == 401
    with psycopg.connect(prepared.hand_written_url) as connection:
        connection.execute("update api_key set status = 'revoked' where id = 1")
        connection.execute("update api_key set expires_at = now() where id = 2")
    refused = [ask(services[HAND_WRITTEN], prepared, key) for key in prepared.keys[:3]]
    assert [(each.status_code, each.json().get("detail")) for each in refused] == [
        (401, "revoked"),
        (401, "expired"),
        (200, None),
    ]


def test_a_short_run_reports_the_wanted_services_and_their_targets(capfd: pytest.CaptureFixture[str]) -> None:
    if not is_installed():
        stop_without("apt-get install wrk")
    variants = [ONE, TWO_LIMITED, HAND_WRITTEN, BARE]
    words = "--keys 200 --rounds 1 --seconds 1 --connections 4 --verifications 10 --variants"
    assert main([*words.split(), *variants]) == 0
    output = capfd.readouterr().out
    table = output.partition("\nconnections: 4 ")[2].partition("\n\n")[0].splitlines()[1:]
    costs = {line.split()[0]: [float(word.replace(",", "")) for word in line.split()[4:]] for line in table}
    assert list(costs) == variants
    for name, (api, postgres, valkey, total) in costs.items():
        assert api > 0
        assert total == pytest.approx(api + postgres + valkey, abs=0.2)
        if name in VERIFYING or name == HAND_WRITTEN:
            assert postgres > costs[BARE][1] + 10, "microseconds of PostgreSQL for a transaction"
        if name in VERIFYING and VERIFYING[name].limited:
            assert valkey > 1
    for line in (
        "ratios ",
        "keyledger / hand-written ",
        "Memory of keyledger: all of its processes, over 10 requests",
        "memory at the end by that at the beginning: 1.00",
        "uncounted uses of keyledger-2-limits: ",
        "hand-written: ",
        "sound: ",
    ):
        assert line in output
