"""All pages, each in the states that people see, for the checks and screenshots of every page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from playwright.sync_api import Page

from domain.members.events import Role
from tests.app.api.organization.invite import invite
from tests.app.mails import mails_to, token_in
from tests.app.organizations import unknown_secret
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.random_input import random_email
from tests.ui.data import HARD_NAME
from tests.ui.key_form import fill, fill_in, previewed
from tests.ui.site import Site

Data = Literal["some", "none"]


@dataclass(frozen=True)
class Screen:
    """A page in one state."""

    name: str
    """Unique. The file name of its screenshots, and what `pytest -k` selects."""

    route: str
    """The path as the handler declares it, such as `/keys/{key_id}`."""

    role: Role | None = None
    """The role of the person who is signed in; none for pages that everyone sees."""

    path: Callable[[Site], str] | None = None
    """Returns the address, if it is not `route`. It may prepare what the page shows."""

    then: Callable[[Page], object] | None = None
    """What the person does to reach the state, such as submitting a form."""

    data: Data = "some"
    """Whether the organization has keys, MCP servers and uses, or is new."""

    repeated: str = ""
    """A CSS selector of elements that axe leaves out, because others with the same markup are on the page."""

    causes: tuple[str, ...] = ()
    """Observations that this state causes, as patterns for `Ui.expect`, such as `response 403: GET /keys/new`."""

    def open(self, page: Page, site: Site) -> None:
        """Bring an empty page of a window in which the person is signed in to this state."""
        page.goto(self.path(site) if self.path else self.route)
        if self.then:
            self.then(page)


def _confirmation(site: Site) -> str:
    person = site.person("viewer")
    site.api.client().post("/v1/session/links", {"email": person.email})
    return f"/sign-in/confirm?token={token_in(mails_to(site.api, person.email)[-1].text)}"


def _invitation(site: Site) -> str:
    return invite(site.person("admin").client, random_email()).removeprefix(site.api.url)


def _other_session(site: Site) -> str:
    site.person("admin").session()
    return "/account"


def _decision(site: Site, status: str) -> str:
    """Return the address of the latest use with this outcome."""
    found = site.person("owner").client.get("/v1/activity", {"status": status}).data
    return f"/activity/{found[0]['id']}"


def _alert(site: Site) -> str:
    """Return the address of the alert whose key has the hardest name."""
    found = site.person("owner").client.get("/v1/alerts").data
    return next(f"/alerts/{alert['id']}" for alert in found if alert.get("key_name") == HARD_NAME)


def _acknowledged(site: Site) -> str:
    """Return the address of the acknowledged alerts, of which there is one."""
    client = site.person("owner").client
    if not client.get("/v1/alerts?status=acknowledged").data:
        (raised,) = raise_alerts(site.api, alert_with(site.organization_id, "webhook.disabled", because="gone"))
        client.post(f"/v1/alerts/{raised}/acknowledge")
    return "/alerts?status=acknowledged"


def _request_link(page: Page) -> None:
    page.get_by_label("Email address").fill("ada@example.com")
    page.get_by_role("button", name="Send sign-in link").click()
    page.get_by_text("15 minutes").wait_for()


def _create(page: Page) -> None:
    fill_in(page)
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("heading", name="Store this key now").wait_for()


def _fill_in_wrongly(page: Page) -> None:
    fill(page.get_by_label("Name", exact=True), "prod-server")
    with previewed(page):
        page.get_by_role("group", name="Jira").get_by_text("Selected tools").click()
    page.get_by_role("button", name="Create", exact=True).click()
    page.get_by_role("alert").wait_for()


def _identify(page: Page) -> None:
    page.get_by_role("textbox", name="Key").fill(unknown_secret())
    page.get_by_role("button", name="Identify", exact=True).click()
    page.get_by_text("only they can revoke it").wait_for()


def _select_keys(page: Page) -> None:
    for check in page.locator("[data-row-check]:enabled").all()[:2]:
        check.check()


def _mcp_criterion(site: Site) -> str:
    servers = site.person("owner").client.get("/v1/mcps").data
    return f"/keys/revoke?mcp_id={servers[0]['id']}"


def key_path(name: str, page: str = "") -> Callable[[Site], str]:
    """Return the address of a page of the first key with this name. Other screens may create more of them."""

    def path(site: Site) -> str:
        oldest = {"q": name, "sort": "created_at", "order": "asc"}
        found = site.person("owner").client.get("/v1/api-keys", oldest).data
        return f"/keys/{found[0]['id']}{page}"

    return path


def _mcp(verb: str = "", status: str = "active") -> Callable[[Site], str]:
    """Return the address of a page of the newest MCP server with this status."""

    def path(site: Site) -> str:
        client = site.person("owner").client
        return f"/mcps/{client.get('/v1/mcps', {'status': status}).data[0]['id']}{verb}"

    return path


def _save_a_stale_form(page: Page) -> None:
    page.locator("[name=revision]").evaluate("element => { element.value = '99'; }")
    page.locator("#name").evaluate("element => { element.value = 'renamed'; }")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("alert").wait_for()


def _revoke_without_the_name(page: Page) -> None:
    page.get_by_label("Compromised").check()
    page.get_by_label("Type the key's name to confirm").fill("another")
    page.get_by_role("button", name="Revoke key").click()
    page.get_by_role("alert").wait_for()


def _change(site: Site) -> str:
    events = site.person("owner").client.get("/v1/audit/events", {"type": "api_key.revoked"}).data
    return f"/audit/{events[0]['id']}"


def _webhook(verb: str = "") -> Callable[[Site], str]:
    """Return the address of a page of the newest webhook."""

    def path(site: Site) -> str:
        return f"/webhooks/{site.person('owner').client.get('/v1/webhooks').data[0]['id']}{verb}"

    return path


def _member(verb: str) -> Callable[[Site], str]:
    """Return the address of a page about the viewer of the organization."""
    return lambda site: f"/members/{site.person('viewer').id}/{verb}"


def _open_invitation(site: Site) -> str:
    client = site.person("owner").client
    sent = client.post("/v1/organization/members/invite", {"email": "grace@example.com", "role": "member"}).data
    return f"/members/invitations/{sent['invite_id']}/withdraw"


def _submit(name: str, **fields: str) -> Callable[[Page], None]:
    """Return what fills in the labelled fields, and presses the button with this name."""

    def submit(page: Page) -> None:
        for label, value in fields.items():
            page.get_by_label(label, exact=True).fill(value)
        page.get_by_role("button", name=name).click()
        page.wait_for_load_state()

    return submit


SCREENS: tuple[Screen, ...] = (
    Screen("sign-in", "/sign-in"),
    Screen("sign-in-link-sent", "/sign-in", then=_request_link),
    Screen("sign-in-confirm", "/sign-in/confirm", path=_confirmation),
    Screen(
        "sign-in-link-expired",
        "/sign-in/confirm",
        path=lambda _: "/sign-in/confirm?token=expired",
        causes=("response 401: GET /sign-in/confirm",),
    ),
    Screen("invitation", "/invitations/accept", path=_invitation),
    Screen("keys", "/keys", role="owner"),
    Screen("keys-none", "/keys", role="owner", data="none"),
    Screen("keys-forbidden", "/keys", role="viewer", causes=("response 403: GET /keys",)),
    Screen("mcps", "/mcps", role="owner"),
    Screen("mcps-none", "/mcps", role="owner", data="none"),
    Screen("mcps-filtered", "/mcps", role="viewer", path=lambda _: "/mcps?health=unhealthy"),
    Screen("mcp-new", "/mcps/new", role="owner"),
    Screen(
        "mcp-new-refused",
        "/mcps/new",
        role="owner",
        then=_submit("Register server", Name=HARD_NAME, URL="http://192.0.2.1"),
        causes=("response 422: POST /mcps/new",),
    ),
    Screen("mcp-new-forbidden", "/mcps/new", role="member", causes=("response 403: GET /mcps/new",)),
    Screen("mcp", "/mcps/{mcp_id}", role="owner", path=_mcp()),
    Screen("mcp-inactive", "/mcps/{mcp_id}", role="viewer", path=_mcp(status="inactive")),
    Screen("mcp-edit", "/mcps/{mcp_id}/edit", role="owner", path=_mcp("/edit")),
    Screen("mcp-test", "/mcps/{mcp_id}/test", role="owner", path=_mcp("/test")),
    Screen("mcp-test-failed", "/mcps/{mcp_id}/test", role="owner", path=_mcp("/test"), then=_submit("Test server")),
    Screen("mcp-deactivate", "/mcps/{mcp_id}/deactivate", role="owner", path=_mcp("/deactivate")),
    Screen("mcp-activate", "/mcps/{mcp_id}/activate", role="owner", path=_mcp("/activate", status="inactive")),
    Screen("mcp-delete", "/mcps/{mcp_id}/delete", role="owner", path=_mcp("/delete")),
    Screen("audit", "/audit", role="auditor"),
    Screen("audit-filtered", "/audit", role="owner", path=lambda _: "/audit?type=api_key.created&from=2026-01-01"),
    Screen("audit-no-match", "/audit", role="owner", path=lambda _: "/audit?ip=203.0.113.77"),
    Screen("audit-forbidden", "/audit", role="member", causes=("response 403: GET /audit",)),
    Screen("audit-change", "/audit/{event_id}", role="owner", path=_change),
    Screen("webhooks", "/webhooks", role="owner"),
    Screen("webhooks-none", "/webhooks", role="owner", data="none"),
    Screen("webhooks-forbidden", "/webhooks", role="auditor", causes=("response 403: GET /webhooks",)),
    Screen("webhook-new", "/webhooks/new", role="owner"),
    Screen(
        "webhook-new-refused",
        "/webhooks/new",
        role="owner",
        then=_submit("Create webhook", URL="https://192.0.2.1/hook"),
        causes=("response 422: POST /webhooks/new",),
    ),
    Screen("webhook", "/webhooks/{webhook_id}", role="owner", path=_webhook()),
    Screen("webhook-edit", "/webhooks/{webhook_id}/edit", role="owner", path=_webhook("/edit")),
    Screen("webhook-rotate", "/webhooks/{webhook_id}/rotate", role="owner", path=_webhook("/rotate")),
    Screen(
        "webhook-secret",
        "/webhooks/{webhook_id}/rotate",
        role="owner",
        path=_webhook("/rotate"),
        then=_submit("Rotate secret"),
    ),
    Screen("webhook-test", "/webhooks/{webhook_id}/test", role="owner", path=_webhook("/test")),
    Screen("webhook-disable", "/webhooks/{webhook_id}/disable", role="owner", path=_webhook("/disable")),
    Screen("webhook-enable", "/webhooks/{webhook_id}/enable", role="owner", path=_webhook("/enable")),
    Screen("webhook-delete", "/webhooks/{webhook_id}/delete", role="owner", path=_webhook("/delete")),
    Screen("members", "/members", role="owner", path=lambda site: (_open_invitation(site), "/members")[1]),
    Screen("members-one", "/members", role="owner", data="none"),
    Screen("members-read", "/members", role="auditor"),
    Screen("members-forbidden", "/members", role="member", causes=("response 403: GET /members",)),
    Screen("member-invite", "/members/invite", role="owner"),
    Screen(
        "member-invited",
        "/members/invite",
        role="owner",
        then=_submit("Send invitation", **{"Email address": "grace@example.com"}),
    ),
    Screen("member-withdraw", "/members/invitations/{invite_id}/withdraw", role="owner", path=_open_invitation),
    Screen("member-role", "/members/{user_id}/role", role="owner", path=_member("role")),
    Screen("member-remove", "/members/{user_id}/remove", role="owner", path=_member("remove")),
    Screen("member-transfer", "/members/{user_id}/transfer", role="owner", path=_member("transfer")),
    Screen("settings", "/settings", role="owner"),
    Screen("settings-read", "/settings", role="viewer", data="none"),
    Screen("settings-edit", "/settings/edit", role="owner"),
    Screen("settings-alerts", "/settings/alerts", role="owner"),
    Screen(
        "settings-alerts-refused",
        "/settings/alerts",
        role="owner",
        then=_submit("Save", **{"Days without use": "never"}),
        causes=("response 422: POST /settings/alerts",),
    ),
    Screen("settings-plan", "/settings/plan", role="owner"),
    Screen("settings-delete", "/settings/delete", role="owner"),
    Screen("overview", "/", role="owner"),
    Screen("overview-viewer", "/", role="viewer"),
    Screen("overview-new", "/", role="owner", data="none"),
    Screen("activity", "/activity", role="owner"),
    Screen("activity-filtered", "/activity", role="auditor", path=lambda _: "/activity?status=denied"),
    Screen("activity-none", "/activity", role="owner", data="none"),
    Screen(
        "activity-invalid",
        "/activity",
        role="owner",
        path=lambda _: "/activity?ip=here",
        causes=("response 422: GET /activity",),
    ),
    Screen("decision-refused", "/activity/{event_id}", role="owner", path=lambda site: _decision(site, "denied")),
    Screen("decision-accepted", "/activity/{event_id}", role="owner", path=lambda site: _decision(site, "success")),
    Screen("usage", "/usage", role="owner"),
    Screen("usage-last-day", "/usage", role="viewer", path=lambda _: "/usage?days=1"),
    Screen("usage-none", "/usage", role="owner", data="none"),
    Screen("alerts", "/alerts", role="owner"),
    Screen("alerts-acknowledged", "/alerts", role="owner", path=_acknowledged),
    Screen("alerts-none", "/alerts", role="owner", data="none"),
    Screen("alert", "/alerts/{alert_id}", role="owner", path=_alert),
    Screen("account", "/account", role="owner"),
    Screen("account-switch", "/account/switch", role="viewer"),
    Screen("keys-not-found", "/keys", role="owner", path=lambda _: "/keys?q=nothing"),
    Screen("keys-selected", "/keys", role="owner", then=_select_keys),
    Screen("keys-member", "/keys", role="member"),
    Screen("key-create", "/keys/new", role="owner"),
    Screen(
        "key-create-refused",
        "/keys/new",
        role="owner",
        then=_fill_in_wrongly,
        causes=("response 422: POST /keys/new",),
    ),
    Screen("key-created", "/keys/new", role="owner", then=_create),
    Screen("key", "/keys/{key_id}", role="owner", path=key_path("prod-server")),
    Screen("key-member", "/keys/{key_id}", role="auditor", path=key_path("prod-server")),
    Screen("key-hard-name", "/keys/{key_id}", role="owner", path=key_path("ops")),
    Screen("key-rotating", "/keys/{key_id}", role="owner", path=key_path("billing")),
    Screen("key-disabled", "/keys/{key_id}", role="owner", path=key_path("paused")),
    Screen("key-revoked", "/keys/{key_id}", role="owner", path=key_path("leaked")),
    Screen("key-expired", "/keys/{key_id}", role="owner", path=key_path("last-year")),
    Screen("key-activity", "/keys/{key_id}/activity", role="owner", path=key_path("prod-server", "/activity")),
    Screen(
        "key-activity-no-matches",
        "/keys/{key_id}/activity",
        role="owner",
        path=key_path("prod-server", "/activity?status=error"),
    ),
    Screen(
        "key-activity-refused",
        "/keys/{key_id}/activity",
        role="owner",
        path=key_path("prod-server", "/activity?ip=nowhere"),
        causes=("response 422: GET /keys/key_",),
    ),
    Screen("key-usage", "/keys/{key_id}/usage", role="owner", path=key_path("prod-server", "/usage")),
    Screen("key-usage-hours", "/keys/{key_id}/usage", role="owner", path=key_path("prod-server", "/usage?days=1")),
    Screen("key-permissions", "/keys/{key_id}/permissions", role="owner", path=key_path("prod-server", "/permissions")),
    Screen("key-edit", "/keys/{key_id}/edit", role="owner", path=key_path("prod-server", "/edit")),
    Screen(
        "key-edit-stale",
        "/keys/{key_id}/edit",
        role="owner",
        path=key_path("prod-server", "/edit"),
        then=_save_a_stale_form,
        causes=("response 412: POST /keys/key_",),
    ),
    Screen("key-rotate", "/keys/{key_id}/rotate", role="owner", path=key_path("prod-server", "/rotate")),
    Screen("key-rotate-overlap", "/keys/{key_id}/rotate", role="owner", path=key_path("billing", "/rotate")),
    Screen("key-disable", "/keys/{key_id}/disable", role="owner", path=key_path("prod-server", "/disable")),
    Screen("key-enable", "/keys/{key_id}/enable", role="owner", path=key_path("paused", "/enable")),
    Screen("key-revoke", "/keys/{key_id}/revoke", role="owner", path=key_path("contractor", "/revoke")),
    Screen(
        "key-revoke-refused",
        "/keys/{key_id}/revoke",
        role="owner",
        path=key_path("prod-server", "/revoke"),
        then=_revoke_without_the_name,
        causes=("response 422: POST /keys/key_",),
    ),
    Screen("keys-revoke-criteria", "/keys/revoke", role="owner"),
    Screen("keys-revoke-preview", "/keys/revoke", role="owner", path=_mcp_criterion),
    Screen("key-identify", "/keys/identify", role="owner"),
    Screen("key-identified", "/keys/identify", role="owner", then=_identify),
    Screen("account-other-sessions", "/account", role="admin", path=_other_session),
    # Over 12,000 elements, on which axe spends five seconds of CPU time in each look.
    Screen("api-reference", "/schema", repeated="main section:nth-of-type(n + 4)"),
    Screen("api-reference-signed-in", "/schema", role="viewer", repeated="main section:nth-of-type(n + 4)"),
    Screen("specimen", "/static/specimen"),
    Screen("problems", "/problems"),
    Screen("problem", "/problems/{code}", path=lambda _: "/problems/revoked_key"),
)

WITHOUT_SCREEN = {
    "/activity/tail": "returns rows of the table of /activity",
    "/sign-in/openid": "redirects to the OpenID provider",
    "/sign-in/openid/callback": "redirects to /",
    "/static/{name:str}": "is a style sheet or a script",
    "/favicon.svg": "is an image",
    "/keys/{key_id}/activity/tail": "returns new rows for the page of activity",
    "/keys/{key_id}/first-use": "is a part of the page of a new key",
    "/keys/permissions/tools/{mcp_id}": "returns the tools of a server for the permission picker",
}
"""GET handlers that show no page of their own."""
