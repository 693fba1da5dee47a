"""GET and PATCH /v1/session/notifications: the alert mails of the signed-in person."""

import pytest

from domain.members.events import Role
from domain.members.notifications import ALERT_TYPES
from tests.app.organizations import Api, Organization
from tests.app.people import person

PATH = "/v1/session/notifications"


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_a_person_without_preferences_gets_the_mails_of_their_role(api: Api, role: Role) -> None:
    user = person(api, api.database.organization("team"), role)
    assert user.client.get(PATH).data == {
        "threshold": None,
        "thresholds": {},
        "mailed": dict.fromkeys(ALERT_TYPES, "warning"),
    }


def test_only_alerts_that_a_person_may_see_are_mailed(api: Api, org: Organization) -> None:
    assert person(api, org.id, "viewer").client.get(PATH).data["mailed"] == {"usage.threshold": "off"}
    members = person(api, org.id, "member").client.get(PATH).data["mailed"]
    assert {"api_key.expiring": "warning", "usage.threshold": "off"}.items() <= members.items()
    assert set(person(api, org.id, "auditor").client.get(PATH).data["mailed"]) == set(ALERT_TYPES)


def test_preferences_are_merged_and_removed_with_null(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    first = user.client.patch(PATH, {"threshold": "critical", "thresholds": {"api_key.expiring": "info"}})
    assert first.data["mailed"]["api_key.expiring"] == "info"
    assert first.data["mailed"]["api_key.error_spike"] == "critical"
    second = user.client.patch(PATH, {"thresholds": {"usage.threshold": "off"}})
    assert second.data["thresholds"] == {"api_key.expiring": "info", "usage.threshold": "off"}
    third = user.client.patch(PATH, {"threshold": None, "thresholds": {"api_key.expiring": None}})
    assert third.data == user.client.get(PATH).data
    assert (third.data["threshold"], third.data["thresholds"]) == (None, {"usage.threshold": "off"})
    assert api.events_of(user.id) == ["team.member_added", *["team.notifications_changed"] * 3]
    assert user.client.patch(PATH, {}).data == third.data
    assert user.client.patch(PATH, {"thresholds": {"usage.threshold": None}}).data["thresholds"] == {}
    assert api.database.rows("select 1 from mail_preferences where user_id = %s", user.id) == []
    assert len(api.events_of(user.id)) == 5


def test_preferences_do_not_apply_to_another_person(api: Api, org: Organization) -> None:
    one, other = person(api, org.id), person(api, org.id)
    one.client.patch(PATH, {"threshold": "off"})
    assert other.client.get(PATH).data["threshold"] is None


def test_an_old_revision_is_refused(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    etag = user.client.get(PATH).headers["etag"]
    assert user.client.patch(PATH, {"threshold": "off"}, if_match=etag).status == 200
    refused = user.client.patch(PATH, {"threshold": "info"}, if_match=etag)
    assert (refused.status, refused.code) == (412, "revision_mismatch")


def test_a_key_has_no_notifications(org: Organization) -> None:
    assert org.client.get(PATH).status == org.client.patch(PATH, {"threshold": "off"}).status == 403


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"threshold": "often"}, "threshold"),
        ({"threshold": 1}, "threshold"),
        ({"threshold": ""}, "threshold"),
        ({"thresholds": None}, "thresholds"),
        ({"thresholds": []}, "thresholds"),
        ({"thresholds": {"api_key.expiring": "often"}}, "thresholds"),
        ({"thresholds": {"api_key.unheard_of": "off"}}, "thresholds"),
        ({"thresholds": {"": "off"}}, "thresholds"),
        ({"thresholds": {"api_key.expiring\0": "off"}}, "thresholds"),
        ({"mail": "off"}, "mail"),
    ],
)
def test_an_invalid_field_is_named(api: Api, org: Organization, body: dict[str, object], field: str) -> None:
    user = person(api, org.id)
    refused = user.client.patch(PATH, body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert [name.partition("[")[0] for name in refused.details] == [field]
    assert user.client.get(PATH).data["threshold"] is None


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{", b'"off"'])
def test_a_body_that_is_not_an_object_is_refused_and_an_empty_body_changes_nothing(
    api: Api, org: Organization, content: bytes
) -> None:
    user = person(api, org.id)
    answer = user.client.request("PATCH", PATH, content=content, headers={"Content-Type": "application/json"})
    assert answer.status == (400 if content else 200)
    assert api.events_of(user.id) == ["team.member_added"]
