"""The list of addresses that `benchmarks.pages` requests."""

from app.routes import DASHBOARD
from benchmarks.page_addresses import Examples, addresses

EXAMPLES = Examples(
    key_id=["key_a", "key_b"],
    mcp_id=["mcp_a"],
    user_id=["user_a", "user_b"],
    alert_id=["alert_a"],
    webhook_id=["hook_a"],
    invite_id=["invite_a"],
    use_id=["evt_use"],
    change_id=["evt_change"],
    busiest_key_id="key_busy",
    disabled_key_id="key_disabled",
    revoked_key_id="key_revoked",
    old_use_id="evt_old",
    csrf_token="token",  # noqa: S106 -- no secret
    after={"activity": ("new", "old"), "activity of a key": ("new", "old")},
)


def test_every_page_that_is_shown_is_measured() -> None:
    paths = [path.partition("?")[0] for address in addresses(EXAMPLES) for path in address.paths]
    for page in DASHBOARD:
        if page.method == "GET":
            start, _, rest = page.path.partition("{")
            end = rest.partition("}")[2]
            assert any(path.startswith(start) and path.endswith(end) for path in paths), page.path


def test_no_address_contains_a_parameter_without_a_value() -> None:
    found = addresses(EXAMPLES)
    assert not [path for address in found for path in address.paths if "{" in path]
    assert len({address.name for address in found}) == len(found)


def test_pages_get_examples_for_which_they_show_something() -> None:
    """Uses and changes have different pages, and only a disabled key can be enabled."""
    paths = {address.name: address.paths for address in addresses(EXAMPLES)}
    assert paths["/keys/{key_id}/enable"] == ["/keys/key_disabled/enable"]
    assert paths["/activity/{event_id}"] == ["/activity/evt_use"]
    assert paths["/audit/{event_id}"] == ["/audit/evt_change"]
    assert paths["/keys/{key_id}/rotate"] == ["/keys/key_a/rotate", "/keys/key_b/rotate"]
