"""Texts of people are shown as they were entered, and never as markup, on every page that shows names of keys."""

import pytest
from markupsafe import escape

from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser
from tests.app.hard_texts import NAMES, NOTE
from tests.app.organizations import Api, Key, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import person
from tests.app.raised_alerts import alert_with, raise_alerts


class Named:
    """A key, an MCP server and an alert with the same text, and the addresses that show it."""

    def __init__(self, api: Api, org: Organization, name: str) -> None:
        self.name = name
        self.mcp_id = org.mcp(name=name, description=name)
        self.key: Key = org.key(
            name=name, description=name, metadata={"team": name}, permissions={"mcps": [self.mcp_id]}
        )
        self.used = org.verify(self.key.secret, mcp_id=self.mcp_id)["event_id"]
        burst = {"rule": "denied", "denied": 40, "limit": 20, "minutes": 10, "most_frequent_reason": "revoked_key"}
        (self.alert,) = raise_alerts(
            api, alert_with(org.id, "api_key.denied_burst", "critical", self.key.id, at="2026-11-28T12:00:00Z", **burst)
        )
        org.client.post(f"{self.key.path}/revoke", {"reason": "compromised", "note": NOTE})
        (self.revoked,) = org.client.get("/v1/audit/events", {"resource": self.key.id, "type": "api_key.revoked"}).data
        count(api)

    @property
    def addresses(self) -> list[str]:
        key = f"/keys/{self.key.id}"
        return [
            *("/keys", key, f"{key}/activity", f"{key}/usage", f"{key}/permissions"),
            *("/activity", f"/activity/{self.used}", "/usage"),
            *("/mcps", f"/mcps/{self.mcp_id}", f"/mcps/{self.mcp_id}/edit", f"/mcps/{self.mcp_id}/delete"),
            *("/alerts", f"/alerts/{self.alert}", "/"),
            *("/audit", f"/audit/{self.revoked['id']}", f"/audit?resource={self.key.id}"),
        ]


@pytest.fixture
def window(api: Api, org: Organization, open_as: OpenAs) -> Browser:
    return open_as(person(api, org.id, "owner"))


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_is_shown_as_it_is_on_every_page(api: Api, org: Organization, window: Browser, name: str) -> None:
    named = Named(api, org, name)
    for path in named.addresses:
        page = window.go(path)
        assert page.status_code == 200, path
        assert str(escape(name)) in page.text, path
        assert str(escape(name)) == name or name not in page.text, path
        assert "<img" not in page.text, path


def test_a_note_is_shown_with_the_revocation(api: Api, org: Organization, window: Browser) -> None:
    named = Named(api, org, "Agent")
    for path in ("/audit", f"/audit/{named.revoked['id']}"):
        text = window.go(path).text
        assert str(escape(f"Note: {NOTE}")) in text
        assert "<b>Ada" not in text


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_form_keeps_what_a_person_entered(org: Organization, window: Browser, name: str) -> None:
    key = org.key(name=name, description=NOTE)
    window.go(f"/keys/{key.id}/edit")
    form = window.form(f"/keys/{key.id}/edit")
    assert (form.fields["name"], form.fields["description"]) == (name, NOTE)
    page = window.send(form, name="", description=name)
    assert page.status_code == 422
    assert window.form(f"/keys/{key.id}/edit").fields["description"] == name
