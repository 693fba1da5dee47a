"""The dashboard and the alerts use only metrics that a running server exports."""

import json
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml

from tests.app.metrics_text import scrape
from tests.app.organizations import Api, Organization

ROOT = Path(__file__).parents[3]
DASHBOARD: dict[str, Any] = json.loads((ROOT / "docs/grafana/keyledger.json").read_text())
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((ROOT / "docs/prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
NAME = re.compile(r"\bkeyledger_[a-z0-9_]+")
SELECTED = re.compile(r"\b(keyledger_[a-z0-9_]+)\{([^}]*)\}")
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SHOWN: list[str] = [target["expr"] for panel in PANELS for target in panel["targets"]]
ALERTING: list[str] = [rule["expr"] for rule in RULES]


@pytest.fixture
def exported(api: Api, org: Organization) -> dict[str, set[str]]:
    """The names of all samples of a server in use, with their labels.

    The data of the workers is written as rq and the workers write it (tests/workers/test_job_metrics.py).
    """
    org.verify(org.manager.secret)
    client: Any = redis.Redis.from_url(api.server.redis_url)  # pyright: ignore[reportUnknownMemberType]
    with client:
        client.sadd("rq:queues", "rq:queue:of_a_dashboard")
        client.sadd("rq:workers", "rq:worker:of_a_dashboard")
        client.hset("rq:worker:of_a_dashboard", "last_heartbeat", datetime.now(UTC).isoformat())
        client.zadd("rq:cron_schedulers", {"of_a_dashboard": time.time()})
        client.hset("keyledger:jobs", "of_a_dashboard:succeeded", 1)
        client.hset("keyledger:schedule", "of_a_dashboard", json.dumps({"period": 1, "late_after": 30}))
        api.database.rows(
            "insert into checkpoints (projection, version, log, lane)"
            " select 'usage', 1, 'usage', lane from generate_series(0, 63) as lane on conflict do nothing"
        )
        time.sleep(2.1)  # earlier values are cached for a second, and new ones are buffered for a second
        try:
            found = scrape(api)
        finally:
            client.srem("rq:queues", "rq:queue:of_a_dashboard")
            client.srem("rq:workers", "rq:worker:of_a_dashboard")
            client.delete("rq:worker:of_a_dashboard")
            client.zrem("rq:cron_schedulers", "of_a_dashboard")
            client.hdel("keyledger:jobs", "of_a_dashboard:succeeded")
            client.hdel("keyledger:schedule", "of_a_dashboard")
            api.database.rows("delete from checkpoints where position = 0")
    samples = [sample for family in found.values() for sample in family.samples]
    return {
        name: {label for s in samples if s.name == name for label in s.labels} for name in {s.name for s in samples}
    }


def test_every_metric_in_the_dashboard_and_the_alerts_is_exported(exported: dict[str, set[str]]) -> None:
    named = {name for expression in [*SHOWN, *ALERTING] for name in NAME.findall(expression)}
    assert len(named) > 20
    assert named - set(exported) == set()


def test_every_label_in_a_selector_exists(exported: dict[str, set[str]]) -> None:
    for expression in [*SHOWN, *ALERTING]:
        for name, selectors in SELECTED.findall(expression):
            labels = {part.partition("=")[0].rstrip("!") for part in selectors.split(",")}
            assert labels <= exported[name], expression


def test_every_metric_of_the_service_is_in_the_dashboard_or_an_alert(exported: dict[str, set[str]]) -> None:
    named = {name for expression in [*SHOWN, *ALERTING] for name in NAME.findall(expression)}
    bases = {re.sub(r"_(bucket|count|sum|created|total)$", "", name) for name in named}
    ours = {re.sub(r"_(bucket|count|sum|created|total)$", "", n) for n in exported if n.startswith("keyledger_")}
    assert ours - bases == set()


def test_the_dashboard_has_the_structure_that_grafana_reads() -> None:
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= set(DASHBOARD)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in PANELS:
        assert panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert [target["refId"] for target in panel["targets"]] == list("ABCDEFG"[: len(panel["targets"])])
        assert all(expression.count("(") == expression.count(")") for expression in SHOWN)


def test_every_alert_has_a_severity_a_summary_and_a_description() -> None:
    assert len({rule["alert"] for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert rule["annotations"]["summary"]
        assert rule["annotations"]["description"]
