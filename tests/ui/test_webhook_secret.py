"""The signing secret of a webhook in a real browser: shown once, and left only after the user says it is stored."""

import re

from tests.app.organizations import Organization
from tests.app.people import person
from tests.ui.looks import Look
from tests.ui.ui import Ui


def test_the_secret_is_gone_after_the_page_was_left(ui: Ui, org: Organization, look: Look) -> None:
    page = ui.open("/webhooks/new", person(org.api, org.id, "admin"), look)
    page.get_by_label("URL", exact=True).fill("https://example.com/hooks")
    page.get_by_role("button", name="Create webhook").click()
    secret = page.get_by_label("Signing secret").input_value()
    assert secret.startswith("whsec_")
    page.get_by_role("button", name="Done").click()
    assert page.get_by_label("Signing secret").is_visible(), "the box is not ticked yet"
    page.get_by_text("I've stored it.").click()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url(re.compile("/webhooks/hook_"))
    assert secret not in page.content()
    assert secret not in page.url
