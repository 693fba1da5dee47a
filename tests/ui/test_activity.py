"""Journeys through the activity of all keys, in a real browser."""

from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.ui.looks import Look
from tests.ui.ui import Ui


def test_a_refused_use_appears_by_itself_and_is_explained(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    key = org.key(name="Agent", allowed_ips=["10.0.0.0/8"])
    page = ui.open("/activity?action=verify", person(api, org.id, "auditor"), look)
    page.get_by_text("No matches.").wait_for()
    org.verify(key.secret, ip="192.0.2.7")
    row = page.get_by_role("row").filter(has_text="Agent")
    row.wait_for()
    row.get_by_role("rowheader").get_by_role("link").click()
    page.get_by_text("IP address 192.0.2.7 isn't on the key's allowlist.").wait_for()
    page.get_by_text("192.0.2.7; allowed: 10.0.0.0/8").wait_for()


def test_a_link_shows_newer_uses_without_javascript(ui: Ui, api: Api, org: Organization) -> None:
    page = ui.open("/activity?action=verify", person(api, org.id, "auditor"), java_script=False)
    org.verify(org.key(name="Agent").secret)
    page.get_by_role("link", name="Newer").click()
    page.get_by_role("row").filter(has_text="Agent").wait_for()
    page.get_by_label("Outcome").select_option("Refused")
    page.get_by_role("button", name="Apply").click()
    page.get_by_text("No matches.").wait_for()
