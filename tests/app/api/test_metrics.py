"""Prometheus metrics: sums over several processes, few labels and restricted access."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from app.observability.health.snapshot import State
from app.observability.metrics.collect import text
from infrastructure.clock import new_id
from tests.app.client import concurrently
from tests.app.conftest import StartApi
from tests.app.metrics_text import families, scrape, value
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.serving import ROOT
from tests.waiting import eventually, stretched

TOKEN = "for-the-scraper"  # noqa: S105 -- of a test server


def test_metrics_have_the_prometheus_text_format(api: Api) -> None:
    answer = api.client().get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    found = families(answer)
    assert {"keyledger_source_up", "keyledger_lane_head_position", "keyledger_follower_lag_positions"} <= set(found)
    ours = [family for name, family in found.items() if name.startswith("keyledger_")]
    assert all(family.documentation for family in ours)


def test_uses_are_counted_by_action_and_decision(api: Api, org: Organization) -> None:
    key = org.key()
    before = scrape(api)
    org.verify(key.secret)
    org.verify(key.secret)
    org.verify(unknown_secret())

    def increase(name: str, **labels: str) -> float:
        return value(scrape(api), name, **labels) - value(before, name, **labels)

    # Counts are published once a second, so late counts of earlier tests may be included: assert lower bounds.
    eventually(lambda: increase("keyledger_key_uses_total", action="verify", code="valid") >= 2)
    eventually(lambda: increase("keyledger_key_uses_total", action="verify", code="unauthorized") >= 1)
    assert increase("keyledger_group_commit_batch_size_count") >= 3
    assert increase("keyledger_group_commit_batch_size_sum") >= 3
    assert increase("keyledger_group_commit_duration_seconds_bucket", le="+Inf") >= 3


def test_requests_are_counted_by_route_and_not_by_path(api: Api, org: Organization) -> None:
    key = org.key()
    before = scrape(api)
    org.detail(key)
    org.client.get("/v1/api-keys/key_nobody/activity")
    org.client.get("/nowhere/at/all")
    org.client.request("BREW", "/v1/api-keys")
    name = "keyledger_http_request_duration_seconds_count"

    def increase(**labels: str) -> float:
        return value(scrape(api), name, **labels) - value(before, name, **labels)

    eventually(lambda: increase(method="other") >= 1)
    assert increase(route="/v1/api-keys/{key_id}", method="GET", status="200") >= 1
    assert increase(route="/v1/api-keys/{key_id}/activity", status="404") >= 1
    assert increase(route="none", status="404") >= 1
    labels = {text for family in scrape(api).values() for sample in family.samples for text in sample.labels.values()}
    assert not [text for text in labels if key.id in text or "nobody" in text or "nowhere" in text or "BREW" in text]


def test_metrics_show_the_head_of_the_log_and_the_lag_of_its_followers(api: Api, org: Organization) -> None:
    org.verify(org.manager.secret)

    def is_shown() -> bool:
        found = scrape(api)
        heads = sum(row[0] for row in api.database.rows("select head from lane_heads"))
        return (
            value(found, "keyledger_lane_head_position") == heads
            # No worker runs here, so every event in the log is waiting.
            and value(found, "keyledger_follower_lag_positions", projection="usage") > 0
            and value(found, "keyledger_migrations_missing") == 0
            and value(found, "keyledger_source_up") == 2
        )

    eventually(is_shown)


def test_waiting_webhook_messages_are_summed_over_all_organizations(api: Api) -> None:
    first, second = api.organization(), api.organization()
    path = {"url": "https://example.com/hooks"}
    answering = first.client.post("/v1/webhooks", path).data["id"]
    failing = second.client.post("/v1/webhooks", path).data["id"]
    db = api.database
    before = scrape(api)
    db.rows(
        "insert into webhook_endpoint_health (webhook_id, organization_id, failing_since) values (%s, %s, now())",
        failing,
        second.id,
    )
    for webhook_id, organization_id, late in (
        (answering, first.id, 500),
        (answering, first.id, 0),
        (failing, second.id, 900),
    ):
        db.rows(
            """insert into webhook_deliveries (delivery_id, organization_id, webhook_id, event_id, position, subject,
            event, body, created_at, due_at)
            values (%s, %s, %s, %s, 1, '', 'api_key.created', '{}', now(), now() - make_interval(secs => %s))""",
            new_id("msg"),
            organization_id,
            webhook_id,
            new_id("evt"),
            late,
        )
    db.rows("update webhook_attempt_totals set delivered = delivered + 5, refused = refused + 3")

    def increase(name: str, **labels: str) -> float:
        return value(scrape(api), name, **labels) - value(before, name, **labels)

    try:
        eventually(lambda: increase("keyledger_webhook_waiting_messages", webhook="answering") == 2)
        assert increase("keyledger_webhook_waiting_messages", webhook="failing") == 1
        assert 500 <= value(scrape(api), "keyledger_webhook_late_seconds", webhook="answering") < 900
        assert value(scrape(api), "keyledger_webhook_late_seconds", webhook="failing") >= 900
        assert increase("keyledger_webhook_attempts_total", outcome="delivered") == 5
        assert increase("keyledger_webhook_attempts_total", outcome="refused") == 3
        assert increase("keyledger_webhook_attempts_total", outcome="unanswered") == 0
    finally:
        db.rows("delete from webhook_deliveries where webhook_id = any(%s)", [answering, failing])
        db.rows("delete from webhook_endpoint_health where webhook_id = %s", failing)


def test_a_request_through_an_unknown_proxy_gets_no_metrics(api: Api) -> None:
    for header in ("forwarded", "x_forwarded_for", "x_real_ip", "via"):
        refused = api.client(**{header: "10.0.0.1"}).get("/metrics")
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "KEYLEDGER_METRICS_TOKEN" in refused.error["message"]


@pytest.fixture(scope="module")
def several(start_api: StartApi) -> Api:
    return start_api(API_WORKERS="2", KEYLEDGER_METRICS_TOKEN=TOKEN)


def test_only_a_request_with_the_configured_token_gets_metrics(several: Api) -> None:
    assert several.client().get("/metrics").status == 403
    assert several.client().get("/metrics", authorization="Bearer wrong").status == 403
    assert several.client(TOKEN).get("/metrics").status == 200
    for header in (f"bearer {TOKEN}", f"BEARER  {TOKEN}", f"Basic dXNlcjpwYXNz, Bearer {TOKEN}"):
        assert several.client().get("/metrics", authorization=header).status == 200
    for header in (TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", ""):
        assert several.client().get("/metrics", authorization=header).status == 403


def test_metrics_of_other_processes_are_shown_while_one_is_starting(tmp_path: Path) -> None:
    (tmp_path / "counter_999999.db").touch()  # created, and not yet of its size
    shown = text(tmp_path, State(log=None, jobs=None)).decode()
    assert 'keyledger_source_up{source="database"} 0.0' in shown


def test_metrics_sum_all_processes_and_keep_the_counts_of_ended_processes(several: Api) -> None:
    org = several.organization()
    key = org.key()
    bearer = f"Bearer {TOKEN}"
    uses = {"action": "verify", "code": "valid"}

    def counted() -> float:
        return value(scrape(several, authorization=bearer), "keyledger_key_uses_total", **uses)

    def processes() -> float:
        return value(scrape(several, authorization=bearer), "keyledger_api_processes")

    eventually(lambda: processes() == 2)
    before = counted()
    concurrently(range(40), lambda _: org.verify(key.secret))
    eventually(lambda: counted() == before + 40)
    # Every process returns the same sum.
    assert {counted() for _ in range(10)} == {before + 40}

    children = Path(f"/proc/{several.server.pid}/task/{several.server.pid}/children").read_text().split()
    killed_pid = next(int(pid) for pid in children if "resource_tracker" not in _command(pid))
    os.kill(killed_pid, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{killed_pid}").exists() or "Z" in _state(killed_pid))
    eventually(lambda: _retry(lambda: several.client().get("/health/live").status) == 200)
    eventually(lambda: _retry(processes) == 2)
    assert _retry(counted) == before + 40


def _retry(read: Callable[[], float], seconds: float = 30.0) -> float:
    """Retry `read` while pooled connections to the killed process fail."""
    deadline = time.monotonic() + stretched(seconds)
    while True:
        try:
            return read()
        except httpx2.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def _command(pid: str) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return "Z"


def test_the_parent_process_does_not_import_prometheus_client() -> None:
    """Child processes inherit its imports, and prometheus-client chooses where to count when it is imported."""
    program = "import sys, app.__main__; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_a_replaced_pool_connection_is_counted_with_its_reason(api: Api, org: Organization) -> None:
    name = "keyledger_database_pool_replaced_connections_total"
    before = value(scrape(api), name, reason="lost")
    ended = api.database.rows(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'keyledger'"
        " and datname = current_database() and pid <> pg_backend_pid() and state = 'idle'"
    )
    assert ended

    def is_counted() -> bool:
        assert org.client.get("/v1/api-keys").status == 200
        return value(scrape(api), name, reason="lost") > before

    eventually(is_counted)
    reasons = {sample.labels["reason"] for sample in scrape(api)[name.removesuffix("_total")].samples}
    assert {"cancelled", "pipeline", "transaction", "settings", "error", "lost"} <= reasons
