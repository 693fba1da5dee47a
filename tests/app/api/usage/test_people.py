"""Visibility of usage by role."""

from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization
from tests.app.people import person


def test_a_member_sees_the_usage_of_only_their_own_keys(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    own = member.client.post("/v1/api-keys", {"name": "Own"}).data["id"]
    assert member.client.get(f"/v1/api-keys/{own}/usage").data["key_id"] == own
    refused = member.client.get(f"{org.key().path}/usage")
    absent = member.client.get(f"/v1/api-keys/key_{'0' * 26}/usage")
    assert (refused.status, refused.code) == (404, "not_found")
    assert refused.without_request_id == absent.without_request_id
    assert person(api, org.id, "auditor").client.get(f"{org.manager.path}/usage").status == 200


def test_a_member_sees_the_names_of_only_their_own_keys(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    own = member.client.post("/v1/api-keys", {"name": "Own", "permissions": {"mcps": "*"}}).data
    org.verify(own["key"])
    org.verify(org.key().secret)
    count(api)
    usage = member.client.get("/v1/usage").data
    assert usage["by_key"] == [{"key_id": own["id"], "name": "Own", "requests": 1}]
    assert usage["requests"]["total"] == 2
