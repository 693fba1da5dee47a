"""GET and PATCH /v1/organization: fields, limits, usage and permissions."""

import re

import pytest

from domain.keys.permissions import Permissions
from domain.plans.plan import PlanName
from tests.app.api.api_keys.shapes import INSTANT
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.seed import slug_of

PATH = "/v1/organization"
FIELDS = {
    "id",
    "name",
    "slug",
    "description",
    "plan",
    "created_at",
    "settings",
    "mcp_url",
    "limits",
    "usage",
    "revision",
}
PLANS: dict[PlanName, dict[str, int | None]] = {
    "free": {"mcps": 5, "api_keys": 2, "team_members": 1, "monthly_requests": 1_000},
    "pro": {"mcps": 15, "api_keys": 10, "team_members": 5, "monthly_requests": 50_000},
    "team": {"mcps": None, "api_keys": None, "team_members": None, "monthly_requests": 500_000},
    "enterprise": {"mcps": None, "api_keys": None, "team_members": None, "monthly_requests": None},
}


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def test_an_organization_has_its_name_and_settings(org: Organization) -> None:
    answer = org.client.get(PATH)
    shown = answer.data
    assert set(shown) == FIELDS
    assert (shown["id"], shown["name"], shown["description"], shown["settings"]) == (org.id, "Acme", "", {})
    assert shown["slug"] == slug_of(org.id)
    assert re.fullmatch(INSTANT, shown["created_at"])
    assert answer.headers["etag"] == '"1"'


@pytest.mark.parametrize("plan", PLANS)
def test_the_limits_are_those_of_the_plan(api: Api, plan: PlanName) -> None:
    shown = api.organization(plan).client.get(PATH).data
    assert (shown["plan"], shown["limits"]) == (plan, PLANS[plan])


def test_usage_counts_mcps_keys_members_and_requests(api: Api, org: Organization) -> None:
    assert org.client.get(PATH).data["usage"] == {"mcps": 0, "api_keys": 1, "team_members": 0, "monthly_requests": 0}
    org.mcp()
    disabled = org.key()
    org.client.post(f"{disabled.path}/disable")
    org.client.delete(org.key().path)
    person(api, org.id, "viewer")
    key = org.key(permissions={"mcps": "*"})
    for _ in range(3):
        org.verify(key.secret)
    org.verify(org.seeded_key(environment="test").secret)
    usage = org.client.get(PATH).data["usage"]
    assert usage == {"mcps": 1, "api_keys": 4, "team_members": 2, "monthly_requests": 3}


def test_a_change_keeps_omitted_fields(org: Organization) -> None:
    changed = org.client.patch(PATH, {"name": "Acme Ltd", "settings": {"theme": "dark", "columns": 3, "beta": True}})
    assert (changed.data["name"], changed.data["revision"]) == ("Acme Ltd", 2)
    assert changed.headers["x-revision"] == "2"
    org.client.patch(PATH, {"description": "We make everything"})
    assert org.client.get(PATH).data == {**changed.data, "description": "We make everything", "revision": 3}
    org.client.patch(PATH, {"description": None})
    assert org.client.get(PATH).data["description"] == ""


def test_a_change_to_the_same_value_changes_nothing(api: Api, org: Organization) -> None:
    assert org.client.patch(PATH, {"name": "Acme"}).data["revision"] == 1
    assert api.events_of(org.id) == ["organization.created"]


def test_an_old_revision_is_refused_and_changes_nothing(org: Organization) -> None:
    org.client.patch(PATH, {"name": "Acme Ltd"}, if_match='"1"')
    refused = org.client.patch(PATH, {"name": "Acme Inc"}, if_match='"1"')
    assert (refused.status, refused.code) == (412, "revision_mismatch")
    assert org.client.get(PATH).data["name"] == "Acme Ltd"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"slug": "another"}, "slug"),
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"description": "x" * 501}, "description"),
        ({"settings": {"connect.mcp_url": "http://gateway.example/mcp"}}, "settings"),
        ({"settings": {"connect.mcp_url": 1}}, "settings"),
        ({"settings": {"connect.speed": 1}}, "settings"),
        ({"settings": {"theme": [1.5]}}, "settings[...]"),
        ({"settings": {"anomalies.volume_ratio": 0.5}}, "settings"),
        ({"settings": {"anomalies.speed": 1}}, "settings"),
        ({"settings": {"theme": {"dark": True}}}, "settings[...]"),
        ({"settings": {str(number): 0 for number in range(51)}}, "settings"),
        ({"plan": "huge"}, "plan"),
        ({"limits": {"api_keys": 5}}, "limits"),
    ],
)
def test_an_invalid_field_is_named_and_changes_nothing(org: Organization, body: dict[str, object], field: str) -> None:
    refused = org.client.patch(PATH, body)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {field})
    assert org.client.get(PATH).data["revision"] == 1


def test_the_url_for_mcp_clients_is_shown_with_the_slug_and_removed_with_null(org: Organization) -> None:
    assert org.client.get(PATH).data["mcp_url"] is None
    template = "https://gateway.example/{slug}/mcp"
    changed = org.client.patch(PATH, {"settings": {"theme": "dark", "connect.mcp_url": template}}).data
    assert changed["settings"] == {"theme": "dark", "connect.mcp_url": template}
    assert changed["mcp_url"] == f"https://gateway.example/{changed['slug']}/mcp"
    assert org.client.get(PATH).data == changed
    removed = org.client.patch(PATH, {"settings": {"theme": "dark", "connect.mcp_url": None}}).data
    assert (removed["settings"], removed["mcp_url"]) == ({"theme": "dark"}, None)
    assert org.client.get(PATH).data == removed


def test_a_refused_url_for_mcp_clients_is_named_with_what_is_accepted(org: Organization) -> None:
    refused = org.client.patch(PATH, {"settings": {"connect.mcp_url": "http://gateway.example/mcp"}})
    assert refused.details == {
        "settings": "connect.mcp_url must be an https URL such as https://gateway.example/{slug}/mcp, or an http URL of"
        " this machine"
    }


def test_the_limits_of_a_plan_apply_immediately_after_the_owner_changes_it(
    api: Api, org: Organization, owner: Person
) -> None:
    shown = owner.client.patch(PATH, {"plan": "free"}).data
    assert (shown["plan"], shown["limits"]) == ("free", PLANS["free"])
    owner.client.post("/v1/api-keys", {"name": "The second"})
    refused = owner.client.post("/v1/api-keys", {"name": "The third"})
    assert (refused.code, refused.details) == ("key_limit_reached", {"limit": 2, "used": 2, "plan": "free"})
    assert api.events_of(org.id) == ["organization.created", "organization.plan_changed"]


def test_only_the_owner_can_change_the_plan(api: Api, org: Organization, owner: Person) -> None:
    """Keys with all grants are refused as well."""
    for client in (person(api, org.id, "admin").client, org.client):
        for plan in ("team", "enterprise"):
            refused = client.patch(PATH, {"plan": plan, "name": "Acme Ltd"})
            assert (refused.status, refused.code, refused.details) == (403, "forbidden", {"required": ["owner"]})
            assert "www-authenticate" not in refused.headers, "a role is not a token scope"
    shown = owner.client.get(PATH).data
    assert (shown["plan"], shown["name"]) == ("team", "Acme")


def test_every_member_sees_the_organization_and_admins_can_change_it(api: Api, org: Organization) -> None:
    for role in ("viewer", "member", "auditor"):
        client = person(api, org.id, role).client
        assert client.get(PATH).data["id"] == org.id
        refused = client.patch(PATH, {"name": "Mine"})
        assert (refused.status, refused.details) == (403, {"required": ["organization:write"]})
    assert person(api, org.id, "admin").client.patch(PATH, {"name": "Ours"}).data["name"] == "Ours"


def test_a_key_sees_only_its_own_organization(api: Api, org: Organization) -> None:
    key = api.organization().seeded_key(permissions=Permissions(manage=("organization:read",)))
    assert key.client.get(PATH).data["id"] != org.id
