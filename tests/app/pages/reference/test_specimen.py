"""The specimen of the elements of pages."""

import re
from pathlib import Path

import httpx2

from app.pages.wording.words import STATUSES
from tests.app.conftest import StartApi
from tests.app.organizations import Api

TEMPLATES = Path("app/pages/templates")


def test_every_element_is_on_the_specimen() -> None:
    """An element is a macro that no other macro of its file is made of."""
    shown = (TEMPLATES / "specimen.html").read_text()
    for path in (TEMPLATES / "parts").glob("*.html"):
        text = path.read_text()
        for name in re.findall(r"{% macro (\w+)\(", text):
            uses = re.findall(rf"{{{{ {name}\(", text)
            assert uses or re.search(rf"(?:{{{{|{{% call) {name}\(", shown), f"{path}: {name}"


def test_every_status_has_a_word_and_a_shape_of_its_own(api: Api) -> None:
    text = httpx2.get(f"{api.url}/static/specimen").text
    shown = re.findall(r'badge-(\w+)"><span class="badge-glyph" aria-hidden="true">(.)</span>(\w+)</span>', text)
    words = {status: (glyph, word) for status, glyph, word in shown if status in STATUSES}
    assert words.keys() == STATUSES.keys()
    for place in (0, 1):
        assert len({shown[place] for shown in words.values()}) == len(STATUSES)


def test_only_a_service_on_this_machine_has_the_specimen(api: Api, start_api: StartApi) -> None:
    page = httpx2.get(f"{api.url}/static/specimen")
    assert page.status_code == 200
    assert "<h1>Specimen</h1>" in page.text
    public = start_api(KEYLEDGER_PUBLIC_URL="https://keyledger.example")
    assert httpx2.get(f"{public.url}/static/specimen").status_code == 404
