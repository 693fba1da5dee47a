"""Figures for Prometheus: true with several processes, few labels, and not for strangers."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from infrastructure.clock import new_id
from tests.app.client import concurrently
from tests.app.conftest import StartApi
from tests.app.metrics_text import families, scrape, value
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.serving import ROOT
from tests.waiting import eventually, stretched

TOKEN = "for-the-scraper"  # noqa: S105 - of a test server


def test_the_figures_are_of_the_form_that_prometheus_reads(api: Api) -> None:
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

    def more(name: str, **labels: str) -> float:
        return value(scrape(api), name, **labels) - value(before, name, **labels)

    # What is noted is handed over once a second, that of earlier tests too: below it is counted to the last one.
    eventually(lambda: more("keyledger_key_uses_total", action="verify", code="valid") >= 2)
    eventually(lambda: more("keyledger_key_uses_total", action="verify", code="unauthorized") >= 1)
    assert more("keyledger_group_commit_batch_questions_count") >= 3
    assert more("keyledger_group_commit_batch_questions_sum") >= 3
    assert more("keyledger_group_commit_duration_seconds_bucket", le="+Inf") >= 3


def test_requests_are_counted_by_route_and_not_by_address(api: Api, org: Organization) -> None:
    key = org.key()
    before = scrape(api)
    org.detail(key)
    org.client.get("/v1/api-keys/key_nobody/activity")
    org.client.get("/nowhere/at/all")
    org.client.request("BREW", "/v1/api-keys")
    name = "keyledger_http_request_duration_seconds_count"

    def more(**labels: str) -> float:
        return value(scrape(api), name, **labels) - value(before, name, **labels)

    eventually(lambda: more(method="other") >= 1)
    assert more(route="/v1/api-keys/{key_id}", method="GET", status="200") >= 1
    assert more(route="/v1/api-keys/{key_id}/activity", status="404") >= 1
    assert more(route="none", status="404") >= 1
    labels = {text for family in scrape(api).values() for sample in family.samples for text in sample.labels.values()}
    assert not [text for text in labels if key.id in text or "nobody" in text or "nowhere" in text or "BREW" in text]


def test_the_log_and_what_follows_it_are_shown_as_they_stand(api: Api, org: Organization) -> None:
    org.verify(org.manager.secret)

    def shown() -> bool:
        found = scrape(api)
        heads = sum(row[0] for row in api.database.rows("select head from lane_heads"))
        return (
            value(found, "keyledger_lane_head_position") == heads
            # No worker runs here: whatever is in the log waits.
            and value(found, "keyledger_follower_lag_positions", projection="usage") > 0
            and value(found, "keyledger_migrations_missing") == 0
            and value(found, "keyledger_source_up") == 2
        )

    eventually(shown)


def test_what_webhooks_wait_for_is_shown_for_all_organizations_together(api: Api) -> None:
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

    def more(name: str, **labels: str) -> float:
        return value(scrape(api), name, **labels) - value(before, name, **labels)

    try:
        eventually(lambda: more("keyledger_webhook_waiting_messages", webhook="answering") == 2)
        assert more("keyledger_webhook_waiting_messages", webhook="failing") == 1
        assert 500 <= value(scrape(api), "keyledger_webhook_late_seconds", webhook="answering") < 900
        assert value(scrape(api), "keyledger_webhook_late_seconds", webhook="failing") >= 900
        assert more("keyledger_webhook_attempts_total", outcome="delivered") == 5
        assert more("keyledger_webhook_attempts_total", outcome="refused") == 3
        assert more("keyledger_webhook_attempts_total", outcome="unanswered") == 0
    finally:
        db.rows("delete from webhook_deliveries where webhook_id = any(%s)", [answering, failing])
        db.rows("delete from webhook_endpoint_health where webhook_id = %s", failing)


def test_a_request_through_an_unknown_proxy_reads_no_figures(api: Api) -> None:
    for header in ("forwarded", "x_forwarded_for", "x_real_ip", "via"):
        refused = api.client(**{header: "10.0.0.1"}).get("/metrics")
        assert (refused.status, refused.code) == (403, "forbidden")
        assert "KEYLEDGER_METRICS_TOKEN" in refused.error["message"]


@pytest.fixture(scope="module")
def several(start_api: StartApi) -> Api:
    return start_api(API_WORKERS="2", KEYLEDGER_METRICS_TOKEN=TOKEN)


def test_with_a_token_only_who_sends_it_reads_figures(several: Api) -> None:
    assert several.client().get("/metrics").status == 403
    assert several.client().get("/metrics", authorization="Bearer wrong").status == 403
    assert several.client(TOKEN).get("/metrics").status == 200
    for header in (f"bearer {TOKEN}", f"BEARER  {TOKEN}", f"Basic dXNlcjpwYXNz, Bearer {TOKEN}"):
        assert several.client().get("/metrics", authorization=header).status == 200
    for header in (TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer", ""):
        assert several.client().get("/metrics", authorization=header).status == 403


def test_several_processes_are_added_up_and_the_dead_leave_their_counts(several: Api) -> None:
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
    # Whichever process is asked.
    assert {counted() for _ in range(10)} == {before + 40}

    children = Path(f"/proc/{several.server.pid}/task/{several.server.pid}/children").read_text().split()
    victim = next(int(pid) for pid in children if "resource_tracker" not in _command(pid))
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: not Path(f"/proc/{victim}").exists() or "Z" in _state(victim))
    eventually(lambda: _answered(lambda: several.client().get("/health/live").status) == 200)
    eventually(lambda: _answered(processes) == 2)
    assert _answered(counted) == before + 40


def _answered(ask: Callable[[], float], seconds: float = 30.0) -> float:
    """The answer. A connection that leads to the process that was killed breaks when it is used, and is given up."""
    deadline = time.monotonic() + stretched(seconds)
    while True:
        try:
            return ask()
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


def test_the_parent_of_the_processes_leaves_it_to_them_how_they_count() -> None:
    """What it has imported they have too, and prometheus-client decides at its import where it counts."""
    program = "import sys, app.__main__; sys.exit('prometheus_client' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0


def test_a_connection_of_the_pool_that_is_replaced_is_counted_with_its_reason(api: Api, org: Organization) -> None:
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
