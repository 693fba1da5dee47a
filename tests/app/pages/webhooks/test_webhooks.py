"""The pages of webhooks: create with a secret that is shown once, change, test, deliveries, delete."""

import html
import re
from collections.abc import Iterator

import pytest

from domain.members.events import Role
from tests.app.api.webhooks.deliveries import add_failed_delivery
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import Person, person
from tests.workers.receiver import Receiver, receiver

URL = "https://example.com/hooks"
SECRET = re.compile(r"whsec_[A-Za-z0-9+/=]+")


@pytest.fixture
def admin(api: Api, org: Organization) -> Person:
    return person(api, org.id, "admin")


@pytest.fixture
def window(open_as: OpenAs, admin: Person) -> Browser:
    return open_as(admin)


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def webhook(org: Organization, **body: object) -> str:
    created: str = org.client.post("/v1/webhooks", {"url": URL, **body}).data["id"]
    return created


def test_a_new_organization_is_told_what_webhooks_are_for(window: Browser) -> None:
    assert "No webhooks yet. Nothing gets notified until you add one." in window.go("/webhooks").text
    assert "/webhooks/new" in window.links


def test_the_secret_is_shown_once_and_not_after_a_reload(org: Organization, window: Browser) -> None:
    window.go("/webhooks/new")
    form = window.form("/webhooks/new")
    fields = {"kind": "standard", "url": URL, "which": "selected", "events": "api_key.revoked"}
    page = window.send(form, **fields, description="Pager")
    (created,) = org.client.get("/v1/webhooks").data
    assert (created["url"], created["events"], created["description"]) == (URL, ["api_key.revoked"], "Pager")
    assert "Store this signing secret now" in page.text
    assert SECRET.search(page.text)
    assert "whsec_" not in str(page.request.url)
    again = window.send(form, **fields, description="Pager")
    assert "The secret was already shown" in again.text
    assert not SECRET.search(again.text)
    assert len(org.client.get("/v1/webhooks").data) == 1
    for path in (f"/webhooks/{created['id']}", f"/webhooks/{created['id']}/edit", "/webhooks"):
        assert not SECRET.search(window.go(path).text)


def test_the_address_of_a_slack_webhook_is_never_shown(org: Organization, window: Browser) -> None:
    address = "https://hooks.slack.com/services/T0/B0/" + "x" * 20
    window.go("/webhooks/new")
    window.send(window.form("/webhooks/new"), kind="slack", url=address, which="all", events="")
    (created,) = org.client.get("/v1/webhooks").data
    assert window.path == f"/webhooks/{created['id']}"
    for path in (f"/webhooks/{created['id']}", f"/webhooks/{created['id']}/edit"):
        assert address not in window.go(path).text
    window.send(window.form(f"/webhooks/{created['id']}/edit"), url="", which="all", description="Renamed")
    changed = org.client.get(f"/v1/webhooks/{created['id']}").data
    assert (changed["description"], changed["url"]) == ("Renamed", created["url"])
    assert window.go(f"/webhooks/{created['id']}/rotate").status_code == 409


def test_a_refused_form_keeps_what_was_typed(org: Organization, window: Browser) -> None:
    window.go("/webhooks/new")
    form = window.form("/webhooks/new")
    page = window.send(form, kind="standard", url="ftp://<b>", which="selected", events="mcp.deleted", description="Me")
    assert page.status_code == 422
    assert 'id="url-error"' in page.text
    assert html.escape("ftp://<b>") in page.text
    assert 'value="mcp.deleted" checked' in page.text
    assert 'value="Me"' in page.text
    page = window.send(window.form("/webhooks/new"), kind="standard", url=URL, which="selected", events="")
    assert page.status_code == 422
    assert org.client.get("/v1/webhooks").data == []


def test_a_stale_form_shows_who_changed_the_webhook(
    api: Api, org: Organization, admin: Person, window: Browser
) -> None:
    webhook_id = webhook(org)
    colleague = person(api, org.id, "admin")
    window.go(f"/webhooks/{webhook_id}/edit")
    form = window.form(f"/webhooks/{webhook_id}/edit")
    colleague.client.patch(f"/v1/webhooks/{webhook_id}", {"description": "Theirs"})
    page = window.send(form, url=URL, which="all", description="Mine")
    assert page.status_code == 412
    assert f"{colleague.email} changed this at" in page.text
    assert "<dd>Theirs</dd>" in page.text
    assert 'value="Mine"' in page.text


def test_a_rotation_shows_the_new_secret_once(org: Organization, window: Browser) -> None:
    webhook_id = webhook(org)
    window.go(f"/webhooks/{webhook_id}/rotate")
    form = window.form(f"/webhooks/{webhook_id}/rotate")
    page = window.send(form, overlap_seconds="3600")
    assert SECRET.search(page.text)
    assert "Messages are also signed with the previous secret until" in page.text
    assert org.client.get(f"/v1/webhooks/{webhook_id}").data["secret_version"] == 2
    assert not SECRET.search(window.send(form, overlap_seconds="3600").text)
    window.go(f"/webhooks/{webhook_id}/rotate")
    assert window.send(window.form(f"/webhooks/{webhook_id}/rotate"), overlap_seconds="5").status_code == 422


def test_a_test_message_shows_the_response(org: Organization, window: Browser, target: Receiver) -> None:
    webhook_id = webhook(org, url=target.url)
    window.go(f"/webhooks/{webhook_id}/test")
    page = window.send(window.form(f"/webhooks/{webhook_id}/test"))
    assert "Delivered." in page.text


def test_a_failed_test_message_shows_the_reason(org: Organization, window: Browser) -> None:
    with receiver() as gone:
        webhook_id = webhook(org, url=gone.url)
    window.go(f"/webhooks/{webhook_id}/test")
    assert "Not delivered." in window.send(window.form(f"/webhooks/{webhook_id}/test")).text


def test_deliveries_are_listed_and_sent_again(org: Organization, window: Browser) -> None:
    webhook_id = webhook(org)
    add_failed_delivery(org, webhook_id, 1)
    page = window.go(f"/webhooks/{webhook_id}")
    assert "api_key.created" in page.text
    assert "Given up" in page.text
    (form,) = [form for form in window.forms if form.action.endswith("/retry")]
    page = window.send(form)
    assert "The message is sent again." in page.text
    assert org.client.get(f"/v1/webhooks/{webhook_id}/deliveries").data[0]["status"] == "pending"
    assert "No deliveries match." in window.go(f"/webhooks/{webhook_id}?status=failed").text


def test_a_webhook_is_disabled_enabled_and_deleted(org: Organization, window: Browser) -> None:
    webhook_id = webhook(org)
    window.go(f"/webhooks/{webhook_id}/disable")
    page = window.send(window.form(f"/webhooks/{webhook_id}/disable"))
    assert "Nothing is sent to it until someone enables it." in page.text
    window.go(f"/webhooks/{webhook_id}/enable")
    window.send(window.form(f"/webhooks/{webhook_id}/enable"))
    assert org.client.get(f"/v1/webhooks/{webhook_id}").data["status"] == "active"
    window.go(f"/webhooks/{webhook_id}/delete")
    window.send(window.form(f"/webhooks/{webhook_id}/delete"))
    assert window.path == "/webhooks"
    assert org.client.get(f"/v1/webhooks/{webhook_id}").status == 404


@pytest.mark.parametrize("role", ["viewer", "member", "auditor"])
def test_roles_without_webhooks_get_403(api: Api, org: Organization, open_as: OpenAs, role: Role) -> None:
    window = open_as(person(api, org.id, role))
    assert window.go("/webhooks").status_code == 403
    assert "/webhooks" not in window.links


@pytest.mark.parametrize("verb", ["", "/edit", "/test", "/rotate", "/disable", "/enable", "/delete"])
def test_a_webhook_of_another_organization_does_not_exist(api: Api, window: Browser, verb: str) -> None:
    assert window.go(f"/webhooks/{webhook(api.organization())}{verb}").status_code == 404
