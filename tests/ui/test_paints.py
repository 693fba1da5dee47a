"""Measurements of `benchmarks.pages` in the browser. The times themselves depend on the machine."""

from benchmarks.page_addresses import Address
from benchmarks.page_paints import Painted, measure_paints, paint_targets
from tests.ui.chromium import Chromium
from tests.ui.site import Site


def test_the_largest_part_of_a_page_is_timed_and_nothing_of_it_moves(chromium: Chromium, site: Site) -> None:
    pages = [Address("keys", "page", ["/keys"]), Address("first use", "fragment", ["/keys"])]
    with chromium.driven() as browser:
        (keys,) = measure_paints(browser, site.api.url, site.person("owner").secret, pages, 2)
    assert (keys.name, len(keys.largest_ms), list(keys.shifts)) == ("keys", 2, [])
    assert all(each > 0 for each in keys.largest_ms)


def test_the_slowest_page_and_every_shift_count() -> None:
    fast = Painted("fast", [90, 100, 900], [])
    assert [target.met for target in paint_targets([fast])] == [True, True]
    slow = Painted("slow", [100, 501, 502], ["0.1: <p>"])
    assert [target.met for target in paint_targets([fast, slow])] == [False, False]
    assert "'slow'" in paint_targets([fast, slow])[0].name
