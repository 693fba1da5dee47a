"""GET /keys/{key_id}: the overview of a key, and the permissions and usage next to it."""

import html
import re
from datetime import timedelta

import pytest
from msgspec import structs

from domain.usage.events import Denial
from infrastructure.clock import now
from projections.log_queries.activity.clients import LISTED_MAX, USES_MAX
from projections.log_queries.activity.queries import SCAN_MAX
from tests.app import recorded_uses
from tests.app.api.api_keys.imports import imported
from tests.app.api.mcp.conftest import Upstream, start_upstream, upstream
from tests.app.api.usage import usage_data
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization
from tests.app.pages.keys.signed_in import signed_in
from tests.app.people import person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.projections.usage.uses import completed, used
from tests.ui.data import HARD_NAME

__all__ = ["start_upstream", "upstream"]

TABS = ("", "/activity", "/usage", "/permissions", "/edit", "/rotate", "/disable", "/enable", "/revoke")


def test_the_overview_shows_what_the_key_is_and_may_do(api: Api, org: Organization) -> None:
    github = org.mcp(name="GitHub")
    key = org.key(
        name="prod-server",
        description="In the vault",
        permissions={"mcps": [github], "tools": {github: {"allow": ["get_*"]}}},
        allowed_ips=["10.0.0.0/8"],
        metadata={"team": "search"},
        rate_limit={"per_second": 5},
    )
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}").text
    assert "<title>prod-server · API Keys · Keyledger</title>" in text
    assert "GitHub tools that match <code>get_*</code>" in text
    for shown in (
        "In the vault",
        "10.0.0.0/8",
        "team=search",
        "5 requests per second",
        key.secret[:12],
        key.secret[-4:],
    ):
        assert shown in text
    assert key.secret not in text
    assert f"KEYLEDGER_KEY={key.secret[:12]}…" in text


def test_the_overview_has_the_figures_and_the_ten_newest_entries_of_the_key(api: Api, org: Organization) -> None:
    jira, at = org.mcp(name="Jira"), now()
    key = org.key(permissions={"mcps": [jira]})
    for days, number in ((0, 3), (5, 4), (20, 5), (40, 6)):
        used_at = at - timedelta(days=days)
        calls = [used(key.id, used_at, organization_id=org.id, action="call", mcp_id=jira) for _ in range(number)]
        failed = completed(key.id, used_at, organization_id=org.id, mcp_id=jira, call_id=calls[0].id, status="error")
        usage_data.record(api, used_at, [*calls, failed])
    count(api)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}").text
    figures = re.findall(r'figure-label">([^<]+)</span><span class="figure-value">([^<]+)<', text)
    assert figures == [("Requests today", "3"), ("7 days", "7"), ("30 days", "12"), ("Error rate, 30 days", "25.0%")]
    assert text.count('<tr role="row" id="evt_') == 10


def test_the_snippets_call_a_tool_of_the_key_with_arguments_that_its_schema_accepts(
    api: Api, org: Organization, upstream: Upstream
) -> None:
    mcp_id = org.mcp(name="Calculator", endpoint_url=upstream.url)
    org.client.post(f"/v1/mcps/{mcp_id}/test")
    free = org.key(permissions={"mcps": [mcp_id]})
    limited = org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["wait"]}}})
    refused = org.key(permissions={"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["none_of_them"]}}})
    calls = {
        free: '"tool":"add","arguments":{"numbers":[1]}',
        limited: '"tool":"wait","arguments":{"seconds":1}',
    }
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for key, call in calls.items():
            text = html.unescape(opened.go(f"/keys/{key.id}").text)
            assert call in text
            assert "The arguments are an example." in text
            assert f"Replace {key.secret[:12]}… with the key that you stored." in text
        text = opened.go(f"/keys/{refused.id}").text
        assert "/v1/mcp/servers" in text
        assert "Lists the MCP servers and tools that this key can call." in text


def test_an_imported_key_looks_right_without_the_parts_of_its_secret(api: Api, org: Organization) -> None:
    hidden_id, _ = imported(org, name="From the old system")
    shown_id, _ = imported(org, name="With a prefix", prefix="acme_")
    with signed_in(api, person(api, org.id, "owner")) as opened:
        page, listed = opened.go(f"/keys/{hidden_id}").text, opened.go("/keys").text
        assert "acme_<span" in opened.go(f"/keys/{shown_id}").text
        history = opened.go(f"/keys/{hidden_id}/activity").text
        rotated = opened.go(f"/keys/{hidden_id}/rotate").text
    for text in (page, listed, rotated):
        assert "Imported secret" in text
        assert '<code class="masked"><span' not in text
    assert "Another system issued this secret" in page
    assert "From the old system" in history


def test_an_address_breaks_between_its_groups_and_a_missing_limit_is_that_of_the_plan(
    api: Api, org: Organization
) -> None:
    key = org.key(allowed_ips=["2001:db8:1::/48"])
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for page in ("", "/permissions"):
            text = opened.go(f"/keys/{key.id}{page}").text
            assert "<code>2001:<wbr>db8:<wbr>1:<wbr>:<wbr>/48</code>" in text
            assert "The plan's limit" in text


def test_every_tab_and_action_has_an_address_that_the_page_links_to(api: Api, org: Organization) -> None:
    key = org.key()
    with signed_in(api, person(api, org.id, "owner")) as opened:
        opened.go(f"/keys/{key.id}")
        links = {link for link in opened.links if link.startswith("/")}
        wanted = {f"/keys/{key.id}{tab}" for tab in TABS if tab != "/enable"}
        assert wanted <= links
        for link in links:
            assert opened.go(link).status_code == 200, link


def test_looking_at_pages_is_no_use_and_is_not_billed(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    org.verify(key.secret)

    def recorded() -> tuple[list[str], object]:
        uses = owner.client.get("/v1/activity", {"per_page": 100}).data
        return [use["id"] for use in uses], owner.client.get("/v1/organization").data["usage"]

    before = recorded()
    with signed_in(api, owner) as opened:
        for path in ("/", "/keys", "/activity", "/usage", *(f"/keys/{key.id}{tab}" for tab in TABS)):
            assert opened.go(path).status_code == 200
    assert recorded() == before


@pytest.mark.parametrize("tab", TABS)
def test_a_name_is_escaped_on_every_page(api: Api, org: Organization, tab: str) -> None:
    key = org.key(name=HARD_NAME)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}{tab}").text
    assert "<b>ops</b>" not in text
    assert html.escape(HARD_NAME) in text


def test_a_revoked_key_says_who_revoked_it_and_who_still_has_it(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    owner.client.post(f"{key.path}/revoke", {"reason": "compromised"})
    with signed_in(api, owner) as opened:
        text = " ".join(opened.go(f"/keys/{key.id}").text.split())
        assert f"by {owner.email} because it was compromised. Not used since." in text
        for _ in range(2):
            org.verify(key.secret)
        text = " ".join(opened.go(f"/keys/{key.id}").text.split())
        assert "Refused 2 times</a> since" in text
        assert not {f"/keys/{key.id}/{action}" for action in ("rotate", "edit", "revoke")} & set(opened.links)
        for action in ("rotate", "edit", "disable", "enable", "revoke"):
            opened.go(f"/keys/{key.id}/{action}")
            assert opened.path == f"/keys/{key.id}", "there is nothing left to change"


def test_many_refusals_of_a_revoked_key_are_counted_completely(api: Api, org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/revoke")
    refused: Denial = "revoked_key"
    at = now()
    recorded_uses.record(org, at, recorded_uses.uses(org, key, 130, at, code=refused))
    count(api)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        assert "Refused at least 130 times" in opened.go(f"/keys/{key.id}").text


def test_a_key_of_another_organization_and_an_unknown_key_are_the_same_page(api: Api, org: Organization) -> None:
    foreign = api.organization().key()
    unknown = foreign.id[:-4] + "0000"
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for tab in TABS:
            pages: list[str] = []
            for key_id in (foreign.id, unknown):
                page = opened.go(f"/keys/{key_id}{tab}")
                assert page.status_code == 404
                pages.append(page.text.replace(page.headers["x-request-id"], "-"))
            assert pages[0] == pages[1]


def test_a_member_sees_only_their_own_keys(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    others = org.key()
    own = member.client.post("/v1/api-keys", {"name": "mine"}).data["id"]
    with signed_in(api, member) as opened:
        for tab in TABS:
            assert opened.go(f"/keys/{others.id}{tab}").status_code == 404
            assert opened.go(f"/keys/{own}{tab}").status_code == 200


def test_an_auditor_sees_a_key_without_anything_to_change(api: Api, org: Organization) -> None:
    key = org.key()
    with signed_in(api, person(api, org.id, "auditor")) as opened:
        assert opened.go(f"/keys/{key.id}").status_code == 200
        assert not [link for link in opened.links if link.endswith(("/edit", "/rotate", "/revoke", "/disable"))]
        assert opened.go(f"/keys/{key.id}/edit").status_code == 403


def test_permissions_are_listed_by_server_with_their_rules_and_tools(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    org.mcp(name="Slack")
    tools = {jira: {"allow": ["get_*"], "deny": ["get_secret"]}}
    key = org.key(permissions={"mcps": [jira], "tools": tools, "manage": ["usage:read"]})
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}/permissions").text
        assert "The plan's limit" in text
    assert "<strong>Jira</strong>" in text
    assert "<strong>Slack</strong>" not in text
    assert "<code>get_*</code>" in text
    assert "never <code>get_secret</code>" in text
    assert "See usage" in text


def test_tools_are_listed_only_where_a_rule_limits_them(api: Api, org: Organization, upstream: Upstream) -> None:
    limited, free = (org.mcp(name=name, endpoint_url=upstream.url) for name in ("Limited", "Free"))
    for mcp_id in (limited, free):
        org.client.post(f"/v1/mcps/{mcp_id}/test")
    found = len(org.client.get(f"/v1/mcps/{free}").data["tools"])
    key = org.key(permissions={"mcps": [limited, free], "tools": {limited: {"deny": ["add"]}}})
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}/permissions").text
    assert f'<a href="/mcps/{free}">{found} tools</a>' in text
    assert text.count("<code>add</code>") == 3
    assert '<li class="tool-denied"><span class="hidden">Refused: </span><code>add</code>' in text


def test_usage_is_shown_for_each_period_by_server_tool_and_reason(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    key = org.key(permissions={"mcps": [jira]})
    for tool in ("add", "add", "search"):
        org.verify(key.secret, mcp_id=jira, tool=tool)
    org.verify(key.secret, mcp_id=org.mcp(name="Slack"))
    count(api)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for days in (1, 7, 30, 90):
            text = opened.go(f"/keys/{key.id}/usage?days={days}").text
            assert '<span class="figure-label">Requests</span><span class="figure-value">3</span>' in text
            assert '<span class="figure-label">Refused</span><span class="figure-value">1</span>' in text
            assert "MCP not permitted" in text
            assert "66.7%" in text
        assert opened.go(f"/keys/{key.id}/usage?days=8").status_code == 422


def test_a_key_without_requests_has_a_page_of_usage(api: Api, org: Organization) -> None:
    key = org.key()
    with signed_in(api, person(api, org.id, "owner")) as opened:
        assert "No requests in this period." in opened.go(f"/keys/{key.id}/usage").text


def test_usage_shows_the_clients_of_the_newest_uses(api: Api, org: Organization) -> None:
    key = org.key()
    with signed_in(api, person(api, org.id, "owner")) as opened:
        path = f"/keys/{key.id}/usage"
        assert "This key hasn&#39;t been used yet." in opened.go(path).text
        for agent in ("agent/1.0 <b>", "agent/1.0 <b>", None):
            org.verify(key.secret, **({} if agent is None else {"user_agent": agent}))
        text = opened.go(path).text
        assert '<th scope="row">agent/1.0 &lt;b&gt;</th><td class="number">2</td><td class="number"><time' in text
        assert '<th scope="row"><span class="quiet">Not given</span></th><td class="number">1</td>' in text
        assert "Covers every use since" in text
        at = now()
        agents = [f"agent/{number % (LISTED_MAX + 2)}" for number in range(USES_MAX)]
        uses = [structs.replace(used(key.id, at, organization_id=org.id), user_agent=agent) for agent in agents]
        usage_data.record(api, at, uses)
        text = opened.go(path).text
        assert f"Covers the newest 1,000 uses, from {at:%-d %b %Y, %H:%M:%S} UTC" in text
        assert "2 clients with the fewest uses are not shown." in text


def test_usage_has_charts_of_reasons_errors_and_latency_each_with_its_csv(api: Api, org: Organization) -> None:
    jira, at = org.mcp(name="Jira"), now()
    key = org.key(permissions={"mcps": [jira]})
    calls = [used(key.id, at, organization_id=org.id, action="call", mcp_id=jira) for _ in range(20)]
    ended = [completed(key.id, at, organization_id=org.id, mcp_id=jira, call_id=call.id) for call in calls]
    refused = [used(key.id, at, organization_id=org.id, code="rate_limited") for _ in range(2)]
    usage_data.record(api, at, [*calls, *ended, *refused])
    count(api)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for days, charts in ((1, 3), (7, 4), (30, 4), (90, 4)):
            text = opened.go(f"/keys/{key.id}/usage?days={days}").text
            assert "Refusals by reason: 2 refusals in" in text
            assert "(Rate limited 2)" in text
            assert "Error rate: 0.0% of 20 calls in" in text
            assert ("Highest p99: 12 ms" in text) is (days > 1)
            links = [link for link in opened.links if link.startswith(f"/v1/api-keys/{key.id}/usage?")]
            assert len(links) == charts
            for link in set(links):
                assert opened.go(link.replace("&amp;", "&")).text.startswith("start,requests,errors,denied,calls")
            opened.go(f"/keys/{key.id}/usage?days={days}")


def test_alerts_are_marked_in_the_charts_and_open_ones_are_listed(api: Api, org: Organization) -> None:
    key, other = org.key(), org.key()
    raised, acknowledged = raise_alerts(
        api,
        alert_with(org.id, "api_key.new_location", "warning", key.id),
        alert_with(org.id, "api_key.error_spike", "critical", key.id),
    )
    (foreign,) = raise_alerts(api, alert_with(org.id, "api_key.new_location", "warning", other.id))
    org.client.post(f"/v1/alerts/{acknowledged}/acknowledge")
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for tab in ("", "/usage"):
            text = opened.go(f"/keys/{key.id}{tab}").text
            for alert in (raised, acknowledged):
                assert f'<a href="/alerts/{alert}" aria-label="Alert: ' in text
            assert foreign not in text
        text = opened.go(f"/keys/{key.id}").text
        assert f'<a href="/alerts/{raised}">Used from a new location</a>' in text
        assert f'<a href="/alerts/{acknowledged}">Many errors</a>' not in text


def test_charts_say_how_far_their_data_reaches_if_counting_is_behind(api: Api, org: Organization) -> None:
    key, at = org.key(), now() - timedelta(minutes=5)
    org.verify(key.secret)
    count(api)
    usage_data.record(api, at, [used(key.id, at, organization_id=org.id)], producer=key.id)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for path in (f"/keys/{key.id}", f"/keys/{key.id}/usage", "/usage", "/"):
            assert f"Up to {at:%H:%M:%S} UTC" in opened.go(path).text
        count(api)
        assert "Up to " not in opened.go(f"/keys/{key.id}/usage").text


def test_the_latest_refusals_link_to_their_decisions(api: Api, org: Organization) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    refused = org.verify(key.secret, ip="192.0.2.7")["event_id"]
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}").text
        assert f'<a href="/activity/{refused}">Address not permitted</a>' in text
        assert "Keys work as soon as you create them." in text
        assert f"/audit?resource={key.id}" in opened.links
    member = person(api, org.id, "member")
    own = member.client.post("/v1/api-keys", {"name": "mine", "allowed_ips": ["10.0.0.0/8"]}).data
    org.verify(own["key"], ip="192.0.2.7")
    with signed_in(api, member) as opened:
        text = opened.go(f"/keys/{own['id']}").text
        assert "Address not permitted" in text
        assert not [link for link in opened.links if link.startswith(("/activity/", "/audit"))]


def test_a_busy_key_does_not_claim_that_nothing_was_refused(api: Api, org: Organization) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    org.verify(key.secret, ip="192.0.2.7")
    at = now()
    for _ in range(SCAN_MAX // 1_000):
        recorded_uses.record(org, at, recorded_uses.uses(org, key, 1_000, at))
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}").text
        assert "Nothing was refused so far" not in text
        assert f"None of the latest {SCAN_MAX:,} uses was refused." in text
        (further,) = [link for link in opened.links if "cursor=" in link]
        assert "192.0.2.7" in opened.go(further).text


def test_a_key_without_refusals_says_so(api: Api, org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    with signed_in(api, person(api, org.id, "owner")) as opened:
        assert "Nothing was refused so far" in opened.go(f"/keys/{key.id}").text
