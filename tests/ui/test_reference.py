"""Links of the API reference."""

from tests.ui.looks import Look
from tests.ui.ui import Ui


def test_the_links_to_an_operation_and_to_an_error_work(ui: Ui, look: Look) -> None:
    page = ui.open("/schema", look=look)
    page.get_by_role("link", name="Rotate a key", exact=True).click()
    article = page.locator("#rotate_key")
    article.get_by_text("Errors", exact=True).click()
    article.get_by_role("link", name="revision_mismatch").click()
    page.wait_for_url("**/problems/revision_mismatch")
    assert page.get_by_role("heading", level=1).inner_text() == "Revision mismatch"
