"""The form of an MCP server in a real browser: only the fields of the selected authentication are shown."""

from tests.app.organizations import Organization
from tests.app.people import person
from tests.ui.looks import Look
from tests.ui.ui import Ui


def test_the_form_shows_the_fields_of_the_selected_authentication(ui: Ui, org: Organization, look: Look) -> None:
    page = ui.open("/mcps/new", person(org.api, org.id, "admin"), look)
    secret, header = page.get_by_label("Token or password"), page.get_by_label("Header", exact=True)
    assert not secret.is_visible()
    page.get_by_text("Bearer token", exact=True).click()
    assert secret.is_visible()
    assert not header.is_visible()
    page.get_by_text("API key in a header", exact=True).click()
    assert header.is_visible()
    page.get_by_label("Name", exact=True).fill("Wiki")
    page.get_by_label("URL", exact=True).fill("https://mcp.example.com/mcp")
    secret.fill("the server's own token")
    page.get_by_role("button", name="Register server").click()
    page.get_by_role("heading", name="Wiki").wait_for()
    (mcp,) = org.client.get("/v1/mcps").data
    assert mcp["auth_type"] == "api_key"
