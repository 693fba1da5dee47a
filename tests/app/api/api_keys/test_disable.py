"""POST /v1/api-keys/{id}/disable and /enable"""

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.api.api_keys.shapes import KEY
from tests.app.organizations import Api, Organization


def test_a_disabled_key_is_refused_immediately_and_an_enabled_key_is_accepted(api: Api, org: Organization) -> None:
    key = org.key()
    disabled = org.client.post(f"{key.path}/disable")
    assert disabled.status == 200
    assert set(disabled.data) == KEY
    assert (disabled.data["status"], disabled.headers["x-revision"]) == ("disabled", "2")
    verdict = org.verify(key.secret)
    assert (verdict["valid"], verdict["code"], verdict["revision"]) == (False, "disabled_key", 2)
    enabled = org.client.post(f"{key.path}/enable")
    assert (enabled.data["status"], enabled.headers["x-revision"]) == ("active", "3")
    assert org.verify(key.secret)["valid"] is True
    assert api.events_of(key.id) == ["api_key.created", "api_key.disabled", "api_key.enabled"]


def test_a_repeated_disable_or_enable_changes_nothing(api: Api, org: Organization) -> None:
    key = org.key()
    assert [org.client.post(f"{key.path}/disable").data["revision"] for _ in range(2)] == [2, 2]
    assert [org.client.post(f"{key.path}/enable").data["revision"] for _ in range(2)] == [3, 3]
    assert len(api.events_of(key.id)) == 3


def test_a_revoked_or_expired_key_is_not_disabled_or_enabled(org: Organization) -> None:
    revoked = org.key()
    org.client.delete(revoked.path)
    for key in (revoked, org.expired_key()):
        for verb in ("disable", "enable"):
            refused = org.client.post(f"{key.path}/{verb}")
            assert (refused.status, refused.code) == (409, "conflict")


def test_unknown_fields_and_parameters_are_named(org: Organization) -> None:
    key = org.key()
    for verb in ("disable", "enable"):
        assert org.client.post(f"{key.path}/{verb}", {"reason": "x"}).details == {"reason": "Unknown field"}
        refused = org.client.request("POST", f"{key.path}/{verb}", params={"reason": "x"})
        assert refused.details == {"reason": "Unknown field"}
        assert org.client.post(f"{key.path}/{verb}", {}).status == 200


def test_a_key_that_disables_itself_cannot_enable_itself(org: Organization) -> None:
    manager = org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS))
    assert manager.client.post(f"{manager.path}/disable").status == 200
    refused = manager.client.post(f"{manager.path}/enable")
    assert (refused.status, refused.code) == (401, "disabled_key")
