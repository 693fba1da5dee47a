"""Alerts over HTTP: lists, filters and acknowledgement."""

from datetime import datetime, timedelta

import pytest

from domain.alerts.commands import RaiseAlert
from domain.alerts.events import AlertType, Severity
from infrastructure.clock import new_id, now
from tests.app.organizations import Api, Organization
from tests.app.raised_alerts import raise_alerts


def alert(
    org: Organization,
    kind: AlertType = "api_key.expiring",
    severity: Severity = "warning",
    key_id: str | None = None,
    at: datetime | None = None,
) -> RaiseAlert:
    return RaiseAlert(
        alert_id=new_id("alert"),
        organization_id=org.id,
        alert_type=kind,
        severity=severity,
        at=at or now(),
        key_id=key_id,
        numbers={"days": 7},
    )


def test_an_alert_has_its_key_and_details(api: Api, org: Organization) -> None:
    expected = alert(org, key_id=org.manager.id)
    raise_alerts(api, expected)
    (item,) = org.client.get("/v1/alerts").data
    assert item == {
        "id": expected.alert_id,
        "type": "api_key.expiring",
        "severity": "warning",
        "status": "open",
        "key_id": org.manager.id,
        "key_name": "Manager",
        "created_at": item["created_at"],
        "acknowledged_at": None,
        "acknowledged_by": None,
        "details": {"days": 7},
        "revision": 1,
    }
    assert datetime.fromisoformat(item["created_at"]) == expected.at
    shown = org.client.get(f"/v1/alerts/{expected.alert_id}")
    assert (shown.data, shown.headers["etag"]) == (item, '"1"')


def test_alerts_are_filtered_by_type_severity_key_and_status(api: Api, org: Organization) -> None:
    first, second, third = raise_alerts(
        api,
        alert(org, severity="info", key_id=org.manager.id),
        alert(org, "usage.threshold", "critical"),
        alert(org, "api_key.error_spike", "critical", org.manager.id),
    )
    org.client.post(f"/v1/alerts/{second}/acknowledge")

    def ids(**filters: str) -> list[str]:
        return [item["id"] for item in org.client.get("/v1/alerts", filters).data]

    assert ids() == [third, second, first]
    assert ids(type="usage.threshold") == [second]
    assert ids(severity="critical") == [third, second]
    assert ids(severity="critical", status="open") == [third]
    assert ids(key_id=org.manager.id, severity="info") == [first]
    assert ids(status="acknowledged") == [second]


def test_more_than_ten_thousand_alerts_are_not_counted_or_addressed_by_page_number(api: Api, org: Organization) -> None:
    raise_alerts(api, alert(org))
    assert org.client.get("/v1/alerts", {"page": 502}).data == []
    before = org.client.get("/v1/alerts").json["pagination"]
    assert (before["total"], before["total_pages"], "total_exact" in before) == (1, 1, False)
    api.database.rows(
        """insert into alert_list (alert_id, organization_id, type, severity, numbers, raised_at, revision)
        select 'alert_' || lpad(number::text, 26, '0'), %s, 'usage.threshold', 'info', '{}', now(), 1
        from generate_series(1, 10000) as number returning alert_id""",
        org.id,
    )
    page = org.client.get("/v1/alerts", {"page": 501})
    assert (len(page.data), page.json["pagination"]["total"], page.json["pagination"]["total_exact"]) == (
        1, 10_000, False,
    )  # fmt: skip
    refused = org.client.get("/v1/alerts", {"page": 502})
    assert refused.details == {"page": "page can address only the first 10,000 items. Use next_cursor"}
    narrowed = org.client.get("/v1/alerts", {"type": "api_key.expiring"}).json["pagination"]
    assert (narrowed["total"], "total_exact" in narrowed) == (1, False)


def test_new_alerts_do_not_shift_the_pages_of_a_cursor(api: Api, org: Organization) -> None:
    at = now() - timedelta(hours=1)
    ids = raise_alerts(api, *[alert(org, at=at + timedelta(seconds=number // 2)) for number in range(7)])
    first = org.client.get("/v1/alerts", {"per_page": 3})
    raise_alerts(api, alert(org))
    seen = [item["id"] for item in first.data]
    cursor = first.json["pagination"]["next_cursor"]
    assert f"cursor={cursor[:10]}" in first.headers["link"]
    while cursor is not None:
        page = org.client.get("/v1/alerts", {"per_page": 3, "cursor": cursor})
        seen += [item["id"] for item in page.data]
        cursor = page.json["pagination"]["next_cursor"]
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 7


def test_an_alert_is_acknowledged_once_with_its_actor(api: Api, org: Organization) -> None:
    (alert_id,) = raise_alerts(api, alert(org))
    answer = org.client.post(f"/v1/alerts/{alert_id}/acknowledge")
    assert (answer.status, answer.data["status"], answer.data["revision"]) == (200, "acknowledged", 2)
    assert answer.data["acknowledged_by"] == {"type": "api_key", "id": org.manager.id, "name": "Manager"}
    assert answer.headers["x-revision"] == "2"
    again = org.client.post(f"/v1/alerts/{alert_id}/acknowledge")
    assert (again.status, again.data) == (200, answer.data)
    assert api.events_of(alert_id) == ["alert.raised", "alert.acknowledged"]


def test_alerts_of_another_organization_are_not_found(api: Api, org: Organization) -> None:
    (alert_id,) = raise_alerts(api, alert(org))
    other = api.organization()
    assert other.client.get("/v1/alerts").data == []
    assert other.client.get(f"/v1/alerts/{alert_id}").status == 404
    assert other.client.post(f"/v1/alerts/{alert_id}/acknowledge").status == 404
    assert org.client.get(f"/v1/alerts/{alert_id}").data["status"] == "open"


@pytest.mark.parametrize("query", [{"type": "api_key.lost"}, {"status": "all"}, {"severity": "high"}, {"cursor": "x"}])
def test_an_invalid_filter_is_named(org: Organization, query: dict[str, str]) -> None:
    refused = org.client.get("/v1/alerts", query)
    assert (refused.status, refused.code, list(refused.details)) == (422, "validation_error", list(query))
