"""Pages of a new organization: what they are about, one action, and a link to the API reference."""

import httpx2
import pytest

from domain.members.events import Role
from tests.app.api.usage.usage_data import count
from tests.app.browser import browser
from tests.app.organizations import Api
from tests.app.people import COOKIE, person


@pytest.mark.parametrize(
    ("path", "role", "section"),
    [
        # Members see only their own keys, of which there are none.
        ("/keys", "member", "Keys"),
        ("/mcps", "owner", "MCP-servers"),
        ("/activity", "owner", "Activity"),
        ("/alerts", "owner", "Alerts"),
        ("/webhooks", "owner", "Webhooks"),
    ],
)
def test_a_page_without_content_links_to_its_part_of_the_reference(
    api: Api, path: str, role: Role, section: str
) -> None:
    reader = person(api, api.organization().id, role)
    count(api)  # many uses that are not yet listed by organization limit how far a search gets
    with browser(api.url) as opened:
        opened.keep_cookie(COOKIE, reader.secret)
        opened.go(path)
        assert f"/schema#{section}" in opened.links
    assert f'<h2 id="{section}">' in httpx2.get(f"{api.url}/schema").text


@pytest.mark.parametrize(("role", "is_linked"), [("owner", True), ("auditor", False)])
def test_the_url_for_mcp_clients_is_a_link_for_those_who_can_set_it(api: Api, role: Role, *, is_linked: bool) -> None:
    org = api.organization()
    key, reader = org.key(), person(api, org.id, role)
    with browser(api.url) as opened:
        opened.keep_cookie(COOKIE, reader.secret)
        text = opened.go(f"/keys/{key.id}").text
        assert ("/settings/edit" in opened.links) is is_linked
        assert "URL for MCP clients" in text
        assert "connect.mcp_url" not in text
