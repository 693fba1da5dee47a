"""Pages that change a key: edit, rotate, end earlier secrets, disable, enable, revoke. None needs JavaScript."""

import re
from datetime import datetime, timedelta

import httpx2
import pytest

from app.auth.sessions import csrf_token
from infrastructure.clock import now
from tests.app import recorded_uses
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization
from tests.app.pages.keys.signed_in import signed_in, submit
from tests.app.people import COOKIE, person
from tests.app.recorded_uses import record, uses


def secrets_in(text: str) -> set[str]:
    return set(re.findall(r"pk_(?:live|test)_[A-Za-z0-9]{20,}", text))


def test_a_key_is_disabled_and_enabled(api: Api, org: Organization) -> None:
    key, owner = org.key(name="prod <script>"), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        opened.go(f"/keys/{key.id}/disable")
        opened.send(opened.form(f"/keys/{key.id}/disable"))
        assert opened.path == f"/keys/{key.id}"
        assert re.search(
            r"“prod &lt;script&gt;” is disabled. It has been refused since \d\d:\d\d:\d\d UTC", opened.page.text
        )
        assert org.verify(key.secret)["code"] == "disabled_key"
        opened.go(f"/keys/{key.id}/enable")
        opened.send(opened.form(f"/keys/{key.id}/enable"))
        assert "“prod &lt;script&gt;” is enabled. It has worked again since " in opened.page.text
        assert org.verify(key.secret)["valid"] is True
        for verb, status in (("enable", "active"), ("disable", "disabled")):
            assert opened.redirect_target(f"/keys/{key.id}/{verb}") == f"/keys/{key.id}", f"the key is {status} already"
            org.client.post(f"{key.path}/disable")


def test_rotating_shows_the_new_secret_once_and_both_work_during_the_overlap(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    org.verify(key.secret)
    with signed_in(api, owner) as opened:
        form = opened.go(f"/keys/{key.id}/rotate") and opened.form(f"/keys/{key.id}/rotate")
        fields = {"overlap": "3600", "idempotency_key": form.fields["idempotency_key"], "revision": "1"}
        assert submit(opened, api, owner, f"/keys/{key.id}/rotate", **fields) == 200
        (new,) = secrets_in(opened.page.text)
        assert [org.verify(secret, ip="10.1.2.3")["valid"] for secret in (key.secret, new)] == [True, True]
        submit(opened, api, owner, f"/keys/{key.id}/rotate", **fields)
        assert secrets_in(opened.page.text) == set(), "a repeated form shows no secret"
        assert len(org.detail(key)["secrets"]) == 2
        text = " ".join(opened.go(f"/keys/{key.id}/rotate").text.split())
        assert re.search(r"<strong>Version 1</strong> works until .* Last used .* from 10\.1\.2\.3", text)
        opened.send(opened.form(f"/keys/{key.id}/end-secrets"))
        assert "The earlier secret of “" in opened.page.text
        assert [org.verify(secret)["valid"] for secret in (key.secret, new)] == [False, True]
        assert secrets_in(opened.page.text) == set()


def test_rotating_without_an_overlap_ends_the_old_secret(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        assert submit(opened, api, owner, f"/keys/{key.id}/rotate", overlap="0", idempotency_key="a") == 200
        (new,) = secrets_in(opened.page.text)
    assert [org.verify(secret)["valid"] for secret in (key.secret, new)] == [False, True]


def test_a_rotation_needs_an_overlap_of_the_list(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        for overlap in ("", "1", "-1", "many"):
            assert submit(opened, api, owner, f"/keys/{key.id}/rotate", overlap=overlap) == 422
    assert len(org.detail(key)["secrets"]) == 1


def test_the_page_says_what_revoking_stops_and_asks_for_the_name_of_a_used_key(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    key, owner = org.key(name="prod", permissions={"mcps": [jira]}), person(api, org.id, "owner")
    for tool in ("add", "add", None):
        org.verify(key.secret, mcp_id=jira, ip="10.1.2.3", **({"tool": tool} if tool else {}))
    path = f"/keys/{key.id}/revoke"
    with signed_in(api, owner) as opened:
        text = " ".join(opened.go(path).text.split())
        assert "Used 3 times in the last 24 hours" in text
        assert "They came from 1 IP address: 10.1.2.3 (3)." in text
        assert "What stops: <code>add</code> on Jira (2), Jira (1)." in text
        assert submit(opened, api, owner, path, reason="compromised", note="Found on a wiki", confirm="Prod") == 422
        assert 'value="compromised" checked' in opened.page.text
        assert "Found on a wiki" in opened.page.text
        assert 'value="Prod"' in opened.page.text
        assert org.verify(key.secret)["valid"] is True
        assert submit(opened, api, owner, path, reason="compromised", note="Found on a wiki", confirm="prod") == 200
        assert opened.path == f"/keys/{key.id}"
        revoked = org.detail(key)
        since = f"{datetime.fromisoformat(revoked['revoked_at']):%H:%M:%S} UTC"
        assert f"“prod” is revoked. It has been refused everywhere since {since}, permanently." in opened.page.text
    assert org.verify(key.secret)["code"] == "revoked_key"
    assert revoked["revoked_reason"] == "compromised"


def test_a_message_names_a_key_only_on_the_page_of_that_key(api: Api, org: Organization) -> None:
    key, other, owner = org.key(name="prod"), org.key(name="staging"), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        opened.go(f"/keys/{key.id}/disable")
        sent = {"csrf_token": csrf_token(owner.secret), "revision": "1"}
        path = f"{api.url}/keys/{key.id}/disable"
        answer = httpx2.post(path, data=sent, headers={"Cookie": f"{COOKIE}={owner.secret}", "Origin": api.url})
        name, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
        assert "prod" not in answer.headers["set-cookie"]
        opened.keep_cookie(name, value)
        assert "The key is disabled." in opened.go(f"/keys/{other.id}").text
        assert "is disabled. It has" not in opened.go(f"/keys/{key.id}").text, "a message is shown once"


@pytest.mark.parametrize("verb", ["disable", "enable", "revoke", "rotate", "end-secrets"])
def test_a_stale_form_does_nothing_and_says_who_changed_the_key(api: Api, org: Organization, verb: str) -> None:
    key, owner, other = org.key(name="prod"), person(api, org.id, "owner"), person(api, org.id, "admin")
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600})
    if verb == "enable":
        org.client.post(f"{key.path}/disable")
    page, path = ("rotate" if verb == "end-secrets" else verb), f"/keys/{key.id}/{verb}"
    with signed_in(api, owner) as opened:
        opened.go(f"/keys/{key.id}/{page}")
        form = opened.form(path)
        other.client.patch(key.path, {"name": "renamed"})
        before = org.detail(key)
        given = {"reason": "compromised", "note": "On a wiki"} if verb == "revoke" else {}
        assert opened.send(form, **given).status_code == 412
        text = " ".join(opened.page.text.split())
        assert f"This key was changed just now by {other.email} (revision {before['revision']}).</strong>" in text
        assert "renamed" in text
        after = org.detail(key)
        assert (after["revision"], after["status"]) == (before["revision"], before["status"])
        if verb == "revoke":
            assert "On a wiki" in text
            assert 'value="compromised" checked' in text
        assert opened.send(opened.form(path)).status_code == 200, "the form is now for what the user has seen"
    assert org.detail(key)["revision"] > before["revision"]


def test_a_stale_form_about_a_key_that_was_revoked_leads_to_the_key(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        opened.go(f"/keys/{key.id}/disable")
        org.client.delete(key.path)
        opened.send(opened.form(f"/keys/{key.id}/disable"))
        assert opened.path == f"/keys/{key.id}"
        assert "is disabled" not in opened.page.text


def test_the_reason_of_a_revocation_is_chosen_and_not_preselected(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    path = f"/keys/{key.id}/revoke"
    with signed_in(api, owner) as opened:
        reasons = re.findall(r'name="reason" value="(\w+)"([^>]*)>', opened.go(path).text)
        assert reasons[0] == ("compromised", " required")
        assert {attributes for _, attributes in reasons} == {" required"}
        assert submit(opened, api, owner, path) == 422
        assert "Choose a reason." in opened.page.text
        chosen = re.findall(r'value="(\w+)" checked', opened.go(f"{path}?reason=compromised").text)
        assert chosen == ["compromised"]
        selected = opened.go(f"/keys/revoke?ids={key.id}").text
        assert re.findall(r'name="reason" value="(\w+)" (?:checked )?required', selected)[0] == "compromised"
        assert 'name="reason" value="compromised" checked' not in selected
    assert org.detail(key)["status"] == "active"


def test_an_unused_key_is_revoked_without_its_name(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        page = opened.go(f"/keys/{key.id}/revoke")
        assert "It has never been used." in page.text
        assert "Can&#39;t call any tools." in page.text
        assert submit(opened, api, owner, f"/keys/{key.id}/revoke", reason="no_longer_needed") == 200
    assert org.detail(key)["status"] == "revoked"


@pytest.mark.parametrize(
    ("days", "said", "needs_name"), [(40, "30 days", False), (20, "24 hours", False), (6, "24 hours", True)]
)
def test_the_page_says_that_a_key_is_idle_and_asks_for_the_name_of_one_that_was_used_within_a_week(
    api: Api, org: Organization, days: int, said: str, *, needs_name: bool
) -> None:
    key, at = org.key(), now() - timedelta(days=days)
    recorded_uses.record(org, at, recorded_uses.uses(org, key, 1, at))
    count(api)
    owner = person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        text = " ".join(opened.go(f"/keys/{key.id}/revoke").text.split())
        assert f"Not used in the last {said}. Last used <time" in text
        assert ("Type the key&#39;s name to confirm" in text) is needs_name
        status = submit(opened, api, owner, f"/keys/{key.id}/revoke", reason="superseded")
    assert (status, org.detail(key)["status"]) == ((422, "active") if needs_name else (200, "revoked"))


def test_who_only_replaces_the_secret_is_led_to_the_rotation(api: Api, org: Organization) -> None:
    key = org.key()
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = " ".join(opened.go(f"/keys/{key.id}/revoke").text.split())
    assert "Rotating keeps the same ID and lets both secrets work for a while." in text
    assert f'<a href="/keys/{key.id}/rotate" data-dialog>Rotate instead</a>' in text


def test_a_revocation_needs_a_reason_of_the_list(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        assert submit(opened, api, owner, f"/keys/{key.id}/revoke", reason="owner_removed") == 422
        assert submit(opened, api, owner, f"/keys/{key.id}/revoke", reason="unspecified", note="x" * 501) == 422
    assert org.detail(key)["status"] == "active"


def test_every_field_of_a_key_is_edited(api: Api, org: Organization) -> None:
    jira, slack = org.mcp(name="Jira"), org.mcp(name="Slack")
    key, owner = org.key(permissions={"mcps": [jira]}), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        fields = {
            "revision": "1",
            "name": "Renamed",
            "description": "In the vault",
            "expires": "90",
            "mcps": "selected",
            f"access-{slack}": "some",
            f"allow-{slack}": "get_*",
            f"deny-{slack}": "get_secret",
            "per_second": "7",
            "allowed_ips": "10.0.0.0/8\r\n192.0.2.1",
            "metadata": "team=search",
            "manage": "usage:read",
        }
        assert submit(opened, api, owner, f"/keys/{key.id}/edit", **fields) == 200
        assert opened.path == f"/keys/{key.id}"
        assert "Your changes to “Renamed” are saved" in opened.page.text
    found = org.detail(key)
    assert (found["name"], found["description"]) == ("Renamed", "In the vault")
    assert found["permissions"] == {
        "mcps": [slack],
        "tools": {slack: {"allow": ["get_*"], "deny": ["get_secret"]}},
        "manage": ["usage:read"],
    }
    assert (found["rate_limit"], found["metadata"]) == ({"per_second": 7}, {"team": "search"})
    assert found["allowed_ips"] == ["10.0.0.0/8", "192.0.2.1"]
    assert found["expires_at"] is not None


def unchanged(opened_fields: dict[str, str]) -> dict[str, str]:
    return {"revision": "1", "expires": "keep", "mcps": "selected", "description": "", "metadata": "", **opened_fields}


def test_a_saved_form_without_changes_changes_nothing(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    rule = {"allow": ["get_*", "add"], "deny": ["get_secret"]}
    permissions = {"mcps": [jira], "tools": {jira: rule}}
    key, owner = org.key(name="prod", permissions=permissions), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        text = opened.go(f"/keys/{key.id}/edit").text
        assert 'value="get_* add"' in text
        assert 'value="get_secret"' in text
        same = {f"access-{jira}": "some", f"allow-{jira}": "get_* add", f"deny-{jira}": "get_secret"}
        fields = unchanged({"name": "prod", "expires": "never", **same})
        assert submit(opened, api, owner, f"/keys/{key.id}/edit", **fields) == 200
    assert org.detail(key)["revision"] == 1


def test_grants_that_the_editor_cannot_give_stay(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    key_id = member.client.post("/v1/api-keys", {"name": "mine"}).data["id"]
    # An admin can give more to the key of a member than the member can.
    admin = person(api, org.id, "admin")
    given = {"mcps": [], "manage": ["audit:read"]}
    assert admin.client.patch(f"/v1/api-keys/{key_id}", {"permissions": given}).status == 200
    with signed_in(api, member) as opened:
        fields = unchanged({"revision": "2", "name": "renamed", "expires": "never"})
        assert submit(opened, api, member, f"/keys/{key_id}/edit", **fields) == 200
    found = admin.client.get(f"/v1/api-keys/{key_id}").data
    assert (found["name"], found["permissions"]["manage"]) == ("renamed", ["audit:read"])


def test_a_refused_form_keeps_what_was_entered(api: Api, org: Organization) -> None:
    key, owner = org.key(permissions={"mcps": "*"}), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        entered = {"name": "", "per_second": "fast", "allowed_ips": "nowhere", "metadata": "team"}
        fields = unchanged({"mcps": "all", "expires": "date", "expires_on": "2020-01-01", **entered})
        assert submit(opened, api, owner, f"/keys/{key.id}/edit", **fields) == 422
        for kept in ('value="fast"', "nowhere", "\nteam</textarea>", 'value="2020-01-01"'):
            assert kept in opened.page.text
        assert 'role="alert"' in opened.page.text
    assert org.detail(key)["revision"] == 1


def test_a_stale_form_of_a_key_in_use_saves_nothing_and_shows_who_changed_it_and_both_values(
    api: Api, org: Organization
) -> None:
    key, owner = org.key(name="prod", permissions={"mcps": "*"}), person(api, org.id, "owner")
    other = person(api, org.id, "admin")
    with signed_in(api, owner) as opened:
        opened.go(f"/keys/{key.id}/edit")
        other.client.patch(key.path, {"name": "renamed by another"})
        at = now()
        record(org, at, uses(org, key, 101, at))
        fields = unchanged({"name": "renamed by me", "mcps": "all", "expires": "never"})
        assert submit(opened, api, owner, f"/keys/{key.id}/edit", **fields) == 412
        text = opened.page.text
        assert f" by {other.email} (revision 2)." in text
        assert "<td>renamed by another</td><td>renamed by me</td>" in text
        assert 'name="revision" value="2"' in text
        assert org.detail(key)["name"] == "renamed by another"
        assert submit(opened, api, owner, f"/keys/{key.id}/edit", **{**fields, "revision": "2"}) == 200
    assert org.detail(key)["name"] == "renamed by me"
