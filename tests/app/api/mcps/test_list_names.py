"""GET /v1/mcps/names."""

from tests.app.organizations import Api, Organization


def test_the_names_of_all_servers_are_listed_by_name(api: Api, org: Organization) -> None:
    api.organization().mcp(name="Of someone else")
    ids = {name: org.mcp(name=name) for name in ("jira", "GitHub", "Deleted")}
    test = org.mcp(name="Files", environment="test")
    org.client.delete(f"/v1/mcps/{ids['Deleted']}")
    org.client.patch(f"/v1/mcps/{ids['jira']}", {"status": "inactive"})
    assert org.client.get("/v1/mcps/names").data == [
        {"id": test, "name": "Files", "environment": "test", "status": "active"},
        {"id": ids["GitHub"], "name": "GitHub", "environment": "live", "status": "active"},
        {"id": ids["jira"], "name": "jira", "environment": "live", "status": "inactive"},
    ]


def test_more_servers_than_a_page_has_are_listed_in_one_response(org: Organization) -> None:
    for number in range(103):
        org.mcp(name=f"Server {number}")
    assert len(org.client.get("/v1/mcps/names").data) == 103
