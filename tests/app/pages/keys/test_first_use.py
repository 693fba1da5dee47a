"""GET /keys/{key_id}/first-use."""

import re
from datetime import timedelta

from infrastructure.clock import now
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import Person


def later(minutes: int) -> int:
    return int((now() + timedelta(minutes=minutes)).timestamp())


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", text).split())


def test_nothing_changes_before_the_first_use(screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key()
    answer = screen.go(f"/keys/{key.id}/first-use?until={later(5)}")
    assert (answer.status_code, answer.text) == (204, "")


def test_the_first_use_ends_the_waiting(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="GitHub")
    key = org.key(permissions={"mcps": [mcp_id]})
    org.verify(key.secret, mcp_id=mcp_id, tool="add", ip="10.1.2.3")
    org.verify(key.secret)
    text = screen.go(f"/keys/{key.id}/first-use?until={later(5)}").text
    assert words(text) == "First used just now: add on GitHub, from 10.1.2.3."
    assert "hx-get" not in text


def test_a_call_that_failed_is_a_use_of_a_key_that_works(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="Gone", endpoint_url="http://127.0.0.1:9/mcp")
    key = org.key(permissions={"mcps": [mcp_id]})
    call: dict[str, object] = {"mcp_id": mcp_id, "tool": "add", "arguments": {}}
    assert org.api.client(key.secret).post("/v1/mcp/invoke", call).status == 502
    text = screen.go(f"/keys/{key.id}/first-use?until={later(5)}").text
    assert "The key works, but the call failed: " in words(text)
    assert "first-use-seen" not in text
    screen.go(f"/keys/{key.id}")
    assert "Nothing was refused so far" not in screen.page.text or "Never" in screen.page.text


def test_a_refused_use_is_shown_once_while_the_page_waits(screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key(allowed_ips=["192.0.2.0/24"])
    org.verify(key.secret, ip="10.1.2.3")
    until = later(5)
    text = screen.go(f"/keys/{key.id}/first-use?until={until}").text
    assert words(text).startswith("Refused just now:")
    assert words(text).endswith("Waiting for first use…")
    (link,) = re.findall(r'hx-get="([^"]+)"', text)
    assert screen.go(link.replace("&amp;", "&")).status_code == 204


def test_the_waiting_ends_after_five_minutes(screen: Browser, org: Organization, admin: Person) -> None:
    text = screen.go(f"/keys/{org.key().id}/first-use?until={later(-1)}").text
    assert words(text) == "Not used yet. This page has stopped waiting."
    assert "hx-get" not in text


def test_a_key_of_another_organization_is_not_found(proxied_api: Api, screen: Browser, admin: Person) -> None:
    assert screen.go(f"/keys/{proxied_api.organization().key().id}/first-use").status_code == 404
