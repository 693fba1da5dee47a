"""GET /v1/api-keys: what the list shows of the uses and the secrets of each key."""

from datetime import timedelta
from typing import Any

from infrastructure.clock import now
from tests.app.api.usage.usage_data import count, record
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Key, Organization
from tests.geo_database import SWISS, geo_database
from tests.projections.usage.uses import used


def listed(org: Organization, key: Key, **params: object) -> Any:  # noqa: ANN401 -- JSON
    (item,) = [item for item in org.client.get("/v1/api-keys", params).data if item["id"] == key.id]
    return item


def test_requests_are_listed_by_day_on_request(api: Api, org: Organization) -> None:
    key, unused, at = org.key(), org.key(), now()
    for days, times in ((0, 2), (3, 1), (13, 4), (14, 8)):
        then = at - timedelta(days=days)
        record(api, then, [used(key.id, then, organization_id=org.id) for _ in range(times)])
    count(api)
    assert listed(org, key, usage_days=14)["requests_by_day"] == [4] + [0] * 9 + [1, 0, 0, 2]
    assert listed(org, unused, usage_days=3)["requests_by_day"] == [0, 0, 0]
    assert "requests_by_day" not in listed(org, key)


def test_the_number_of_days_is_limited(refused_org: Organization) -> None:
    for days in (0, 32):
        assert set(refused_org.client.get("/v1/api-keys", {"usage_days": days}).details) == {"usage_days"}


def test_the_last_use_has_its_mcp_and_address(api: Api, org: Organization) -> None:
    github, jira = org.mcp(name="GitHub"), org.mcp(name="Jira")
    key, unused = org.key(permissions={"mcps": [github, jira]}), org.key()
    org.verify(key.secret, mcp_id=jira, ip="192.0.2.1")
    org.verify(key.secret, mcp_id=github, ip="192.0.2.7")
    org.verify("pk_live_unknown", mcp_id=jira)
    count(api)
    assert listed(org, key)["last_use"] == {"mcp_id": github, "mcp_name": "GitHub", "ip": "192.0.2.7"}
    assert listed(org, unused)["last_use"] is None


def test_a_key_that_only_verified_other_keys_has_no_last_use(api: Api, org: Organization) -> None:
    org.verify(org.key().secret)
    count(api)
    item = listed(org, org.manager)
    assert item["last_used"] is not None
    assert item["last_use"] is None


def test_the_last_use_has_a_country_with_a_geo_database(start_api: StartApi) -> None:
    api = start_api(KEYLEDGER_GEO_DATABASE=str(geo_database()))
    org = api.organization()
    key = org.key()
    org.verify(key.secret, ip=SWISS)
    count(api)
    assert listed(org, key)["last_use"] == {"ip": SWISS, "country": "CH"}


def test_a_key_is_rotating_while_an_earlier_secret_is_accepted(org: Organization) -> None:
    key, untouched, leaked = org.key(), org.key(), org.key()
    rotated = org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data
    org.client.post(f"{leaked.path}/rotate", {"overlap_seconds": 0})
    assert listed(org, key)["rotating_until"] == rotated["previous_valid_until"]
    assert listed(org, untouched)["rotating_until"] is None
    assert listed(org, leaked)["rotating_until"] is None


def test_a_key_is_not_rotating_after_the_first_use_of_its_new_secret(org: Organization) -> None:
    """The use is noted at once, and the end of the earlier secret is recorded later."""
    key = org.key()
    rotated = org.client.post(f"{key.path}/rotate").data
    assert listed(org, key)["rotating_until"] == rotated["previous_valid_until"]
    assert org.verify(rotated["key"])["valid"]
    assert listed(org, key)["rotating_until"] is None


def test_a_key_is_not_rotating_after_its_end(org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600})
    org.client.delete(key.path)
    assert listed(org, key)["rotating_until"] is None


def test_a_rotation_ends_with_its_key(org: Organization) -> None:
    expires_at = (now() + timedelta(hours=2)).isoformat()
    key = org.key(expires_at=expires_at)
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 86_400})
    item = listed(org, key)
    assert item["rotating_until"] == item["expires_at"]
