"""How much of a limit is used: a meter that warns before the limit is reached."""

import re

import pytest

from app.pages.rendering import _templates  # pyright: ignore[reportPrivateUsage] -- no page has every value
from tests.app.browser import Browser
from tests.app.organizations import Api
from tests.app.pages.conftest import OpenAs
from tests.app.people import person

_METER = '{% from "parts/elements.html" import meter with context %}{{ meter(used, limit, "key") }}'


def shown(used: int, limit: int | None) -> str:
    return _templates.from_string(_METER).render(used=used, limit=limit)


@pytest.mark.parametrize(
    ("used", "limit", "tone"),
    [
        (0, 100, ""),
        (79, 100, ""),
        (80, 100, "meter-warn"),
        (94, 100, "meter-warn"),
        (95, 100, "meter-danger"),
        (100, 100, "meter-danger"),
        (130, 100, "meter-danger"),
        (7, 10, ""),
        (8, 10, "meter-warn"),
        (9, 10, "meter-warn"),
        (10, 10, "meter-danger"),
        (39_999, 50_000, ""),
        (40_000, 50_000, "meter-warn"),
        (47_500, 50_000, "meter-danger"),
    ],
)
def test_a_meter_warns_at_80_percent_and_is_critical_at_95_percent(used: int, limit: int, tone: str) -> None:
    text = shown(used, limit)
    assert re.findall(r'<span class="meter(?: ([\w-]+))?">', text) == [tone]
    assert f'max="{limit}" value="{min(used, limit)}"' in text
    assert f"{used:,} of {limit:,} keys</span>" in text, "the colour is not the only sign"


def test_without_a_limit_there_is_a_number_and_no_meter() -> None:
    assert "<meter" not in shown(5, None)
    assert "5 keys, no limit" in shown(5, None)


def test_the_list_of_keys_and_the_settings_show_the_meter_of_the_plan(api: Api, open_as: OpenAs) -> None:
    org = api.organization("pro")
    for _ in range(7):
        org.seeded_key()
    window: Browser = open_as(person(api, org.id, "owner"))
    for path in ("/keys", "/settings"):
        text = window.go(path).text
        assert re.search(r'<span class="meter meter-warn"><meter [^>]*value="8"[^>]*></meter>[^/]*8 of 10 keys<', text)
