"""Of which alerts the person who is signed in gets mails: shown and changed by themselves."""

import pytest

from domain.members.events import Role
from domain.members.notifications import ALERT_TYPES
from tests.app.organizations import Api, Organization
from tests.app.people import person

PATH = "/v1/session/notifications"


@pytest.mark.parametrize("role", ["owner", "admin"])
def test_whoever_chose_nothing_is_mailed_what_their_role_is(api: Api, role: Role) -> None:
    somebody = person(api, api.database.organization("team"), role)
    assert somebody.client.get(PATH).data == {
        "threshold": None,
        "thresholds": {},
        "mailed": dict.fromkeys(ALERT_TYPES, "warning"),
    }


def test_only_what_somebody_may_see_is_among_what_is_mailed(api: Api, org: Organization) -> None:
    assert person(api, org.id, "viewer").client.get(PATH).data["mailed"] == {"usage.threshold": "off"}
    members = person(api, org.id, "member").client.get(PATH).data["mailed"]
    assert {"api_key.expiring": "warning", "usage.threshold": "off"}.items() <= members.items()
    assert set(person(api, org.id, "auditor").client.get(PATH).data["mailed"]) == set(ALERT_TYPES)


def test_a_choice_is_merged_and_taken_back_with_null(api: Api, org: Organization) -> None:
    somebody = person(api, org.id)
    first = somebody.client.patch(PATH, {"threshold": "critical", "thresholds": {"api_key.expiring": "info"}})
    assert first.data["mailed"]["api_key.expiring"] == "info"
    assert first.data["mailed"]["api_key.error_spike"] == "critical"
    second = somebody.client.patch(PATH, {"thresholds": {"usage.threshold": "off"}})
    assert second.data["thresholds"] == {"api_key.expiring": "info", "usage.threshold": "off"}
    third = somebody.client.patch(PATH, {"threshold": None, "thresholds": {"api_key.expiring": None}})
    assert third.data == somebody.client.get(PATH).data
    assert (third.data["threshold"], third.data["thresholds"]) == (None, {"usage.threshold": "off"})
    assert api.events_of(somebody.id) == ["team.member_added", *["team.notifications_changed"] * 3]
    assert somebody.client.patch(PATH, {}).data == third.data
    assert somebody.client.patch(PATH, {"thresholds": {"usage.threshold": None}}).data["thresholds"] == {}
    assert api.database.rows("select 1 from mail_preferences where user_id = %s", somebody.id) == []
    assert len(api.events_of(somebody.id)) == 5


def test_the_choice_is_ones_own(api: Api, org: Organization) -> None:
    one, other = person(api, org.id), person(api, org.id)
    one.client.patch(PATH, {"threshold": "off"})
    assert other.client.get(PATH).data["threshold"] is None


def test_a_revision_that_has_passed_is_refused(api: Api, org: Organization) -> None:
    somebody = person(api, org.id)
    etag = somebody.client.get(PATH).headers["etag"]
    assert somebody.client.patch(PATH, {"threshold": "off"}, if_match=etag).status == 200
    refused = somebody.client.patch(PATH, {"threshold": "info"}, if_match=etag)
    assert (refused.status, refused.code) == (412, "revision_mismatch")


def test_a_key_has_no_mails(org: Organization) -> None:
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
def test_what_can_not_be_meant_is_refused_by_name(
    api: Api, org: Organization, body: dict[str, object], field: str
) -> None:
    somebody = person(api, org.id)
    refused = somebody.client.patch(PATH, body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert [name.partition("[")[0] for name in refused.details] == [field]
    assert somebody.client.get(PATH).data["threshold"] is None


@pytest.mark.parametrize("content", [b"", b"null", b"[]", b"{", b'"off"'])
def test_what_is_no_object_is_refused_and_nothing_changes_nothing(api: Api, org: Organization, content: bytes) -> None:
    somebody = person(api, org.id)
    answer = somebody.client.request("PATCH", PATH, content=content, headers={"Content-Type": "application/json"})
    assert answer.status == (400 if content else 200)
    assert api.events_of(somebody.id) == ["team.member_added"]
