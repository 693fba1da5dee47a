"""Journeys through the alerts, in a real browser."""

from playwright.sync_api import expect

from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.ui.looks import Look
from tests.ui.menu import open_menu
from tests.ui.ui import Ui


def test_an_alert_is_opened_from_the_sidebar_and_acknowledged(ui: Ui, api: Api, org: Organization, look: Look) -> None:
    raise_alerts(api, alert_with(org.id, "usage.threshold", percentage=80, used=41, limit=50, month="2026-11"))
    page = ui.open("/account", person(api, org.id, "admin"), look)
    open_menu(page)
    page.get_by_role("link", name="Alerts 1 open").click()
    page.get_by_role("link", name="Monthly requests", exact=True).click()
    page.get_by_text("41 of 50 requests").wait_for()
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("The alert is acknowledged.").wait_for()
    page.get_by_text("Nothing needs your attention.").wait_for()


def test_the_texts_of_what_needs_attention_stand_below_each_other(
    ui: Ui, api: Api, org: Organization, look: Look
) -> None:
    raise_alerts(
        api, *[alert_with(org.id, "usage.threshold", severity) for severity in ("critical", "warning", "info")]
    )
    texts = ui.open("/", person(api, org.id, "admin"), look).locator(".items .small")
    expect(texts).to_have_count(3)
    assert len({text.evaluate("text => text.getBoundingClientRect().left") for text in texts.all()}) == 1


def test_a_filter_of_alerts_applies_when_it_changes(ui: Ui, api: Api, org: Organization) -> None:
    raise_alerts(api, alert_with(org.id, "usage.threshold", "info"))
    page = ui.open("/alerts", person(api, org.id, "admin"))
    page.get_by_label("Severity").select_option("Critical")
    page.locator("#results").get_by_text("No alerts match.").wait_for()
    page.get_by_role("link", name="Clear filters").click()
    page.get_by_role("link", name="Usage near the limit of the plan").wait_for()


def test_an_alert_is_acknowledged_without_javascript(ui: Ui, api: Api, org: Organization) -> None:
    (raised,) = raise_alerts(api, alert_with(org.id, "webhook.disabled", because="gone"))
    page = ui.open(f"/alerts/{raised}", person(api, org.id, "admin"), java_script=False)
    page.get_by_role("button", name="Acknowledge").click()
    page.get_by_text("The alert is acknowledged.").wait_for()
