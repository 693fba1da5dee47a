"""POST /v1/leaks/github: what happens to keys that GitHub reports."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from tests.app.api.leaks.github import URL, GitHub, label, match
from tests.app.client import Client, concurrently
from tests.app.organizations import Api, Key, Organization, unknown_secret
from tests.app.people import person


def alerts_about(team: Organization, key: Key) -> list[Any]:
    found: list[Any] = team.client.get("/v1/alerts", {"type": "api_key.leaked", "key_id": key.id}).data
    return found


def policy(team: Organization, value: str) -> None:
    assert team.client.patch("/v1/organization", {"settings": {"leaked_keys": value}}).status == 200


def test_a_leaked_key_is_disabled_and_an_alert_says_where_it_is(
    github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key(name="Agent")
    answer = github.report(anyone, match(key.secret))
    assert (answer.status, answer.json) == (200, [label(key.secret, known=True)])
    assert key.secret.encode() not in answer.content
    assert team.verify(key.secret)["code"] == "disabled_key"
    (alert,) = alerts_about(team, key)
    assert (alert["severity"], alert["key_name"]) == ("critical", "Agent")
    assert alert["details"] == {
        "source": "github",
        "url": URL,
        "place": "content",
        "secret_version": 1,
        "outcome": "disabled",
    }


def test_the_audit_log_says_that_github_reported_the_key(github: GitHub, anyone: Client, team: Organization) -> None:
    key = team.key()
    github.send(anyone, json.dumps([match(key.secret)]).encode(), User_Agent="GitHub-Hookshot/1")
    events = team.client.get("/v1/audit/events", {"actor": "github"}).data
    assert [event["event"] for event in events] == ["alert.raised", "api_key.disabled"]
    for event in events:
        assert event["actor"] == {"type": "system", "id": "github"}
        assert (event["ip"], event["user_agent"]) == ("127.0.0.1", "GitHub-Hookshot/1")
    assert events[0]["data"]["numbers"]["url"] == URL


def test_a_key_is_revoked_as_compromised_if_its_organization_wants_that(
    github: GitHub, anyone: Client, team: Organization
) -> None:
    policy(team, "revoke")
    key = team.key()
    github.report(anyone, match(key.secret))
    found = team.detail(key)
    assert (found["status"], found["revoked_reason"]) == ("revoked", "compromised")
    (revoked,) = team.client.get("/v1/audit/events", {"type": "api_key.revoked", "key_id": key.id}).data
    assert revoked["data"]["note"] == f"Found on GitHub: {URL}"
    assert alerts_about(team, key)[0]["details"]["outcome"] == "revoked"


def test_a_key_keeps_working_if_its_organization_wants_only_an_alert(
    github: GitHub, anyone: Client, team: Organization
) -> None:
    policy(team, "alert")
    key = team.key()
    assert github.report(anyone, match(key.secret)).json == [label(key.secret, known=True)]
    assert team.verify(key.secret)["valid"] is True
    (alert,) = alerts_about(team, key)
    assert (alert["severity"], alert["details"]["outcome"]) == ("critical", "still_works")


@pytest.mark.parametrize(
    ("ending", "severity", "outcome"),
    [
        ("disable", "warning", "disabled_before"),
        ("revoke", "info", "revoked_before"),
        ("rotate", "info", "secret_ended_before"),
    ],
)
def test_a_secret_that_no_longer_works_changes_nothing_but_raises_an_alert(
    github: GitHub, anyone: Client, team: Organization, ending: str, severity: str, outcome: str
) -> None:
    key = team.key()
    body = {"overlap_seconds": 0} if ending == "rotate" else None
    ended = team.client.post(f"{key.path}/{ending}", body)
    before = team.detail(key)["revision"]
    assert github.report(anyone, match(key.secret)).json == [label(key.secret, known=True)]
    assert team.detail(key)["revision"] == before
    (alert,) = alerts_about(team, key)
    assert (alert["severity"], alert["details"]["outcome"]) == (severity, outcome)
    if ending == "rotate":
        assert team.verify(ended.data["key"])["valid"] is True


def test_an_expired_key_raises_an_alert(github: GitHub, anyone: Client, team: Organization) -> None:
    key = team.expired_key()
    github.report(anyone, match(key.secret))
    assert alerts_about(team, key)[0]["details"]["outcome"] == "expired_before"


def test_a_secret_in_the_overlap_of_a_rotation_is_ended_and_the_new_one_keeps_working(
    github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key()
    rotated = team.client.post(f"{key.path}/rotate", {"overlap_seconds": 3600}).data["key"]
    assert team.verify(key.secret)["valid"] is True
    github.report(anyone, match(key.secret))
    assert team.verify(key.secret)["code"] == "revoked_key"
    assert team.verify(rotated)["valid"] is True
    (alert,) = alerts_about(team, key)
    assert (alert["details"]["outcome"], alert["details"]["secret_version"]) == ("secret_ended", 1)


@pytest.mark.parametrize("wanted", ["disable", "alert"])
def test_a_secret_that_ended_with_a_use_a_moment_ago_is_reported_as_ended(
    github: GitHub, anyone: Client, team: Organization, wanted: str
) -> None:
    """No event records the end yet: the first use of the new secret alone has ended the old one."""
    policy(team, wanted)
    key = team.key()
    rotated = team.client.post(f"{key.path}/rotate").data["key"]
    assert team.verify(rotated)["valid"] is True
    github.report(anyone, match(key.secret))
    (alert,) = alerts_about(team, key)
    assert (alert["severity"], alert["details"]["outcome"]) == ("info", "secret_ended_before")
    assert team.verify(rotated)["valid"] is True


def test_a_disabled_key_is_revoked_if_its_organization_wants_that(
    github: GitHub, anyone: Client, team: Organization
) -> None:
    """A disabled key can be enabled again, and would then work for everyone who read it."""
    policy(team, "revoke")
    key = team.key()
    team.client.post(f"{key.path}/disable")
    github.report(anyone, match(key.secret))
    assert team.detail(key)["status"] == "revoked"


def test_the_same_report_acts_once(leaks_api: Api, github: GitHub, anyone: Client, team: Organization) -> None:
    key = team.key()
    answers = [github.report(anyone, match(key.secret), match(key.secret)) for _ in range(2)]
    assert [answer.json for answer in answers] == [[label(key.secret, known=True)] * 2] * 2
    assert len(alerts_about(team, key)) == 1
    assert leaks_api.events_of(key.id) == ["api_key.created", "api_key.disabled"]


def test_a_key_that_is_enabled_again_is_stopped_by_the_same_report_until_its_alert_is_acknowledged(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key()
    github.report(anyone, match(key.secret))
    team.client.post(f"{key.path}/enable")  # as automation does, which has not read the alert
    github.report(anyone, match(key.secret))
    assert team.verify(key.secret)["code"] == "disabled_key"
    (alert,) = alerts_about(team, key)
    disabled = ["api_key.disabled", "api_key.enabled", "api_key.disabled"]
    assert leaks_api.events_of(key.id) == ["api_key.created", *disabled]
    team.client.post(f"/v1/alerts/{alert['id']}/acknowledge")
    team.client.post(f"{key.path}/enable")
    github.report(anyone, match(key.secret))
    assert team.verify(key.secret)["valid"] is True
    github.report(anyone, match(key.secret, URL + "?plain=1"))
    assert team.verify(key.secret)["code"] == "disabled_key"
    assert len(alerts_about(team, key)) == 2


@pytest.mark.parametrize("ending", ["disable", "revoke", "rotate"])
def test_a_secret_that_no_longer_works_has_one_alert_at_however_many_addresses(
    github: GitHub, anyone: Client, team: Organization, ending: str
) -> None:
    key = team.key()
    team.client.post(f"{key.path}/{ending}", {"overlap_seconds": 0} if ending == "rotate" else None)
    for _ in range(2):
        assert github.report(anyone, *_many([key], 10)).status == 200
    assert len(alerts_about(team, key)) == 1


def test_a_key_that_was_disabled_before_its_report_is_stopped_when_it_works_again(
    github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key()
    team.client.post(f"{key.path}/disable")
    github.report(anyone, match(key.secret))
    team.client.post(f"{key.path}/enable")
    github.report(anyone, match(key.secret))
    assert team.verify(key.secret)["code"] == "disabled_key"
    assert sorted(each["details"]["outcome"] for each in alerts_about(team, key)) == ["disabled", "disabled_before"]


def test_concurrent_reports_of_one_secret_raise_one_alert(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key()
    answers = concurrently(range(8), lambda _: github.report(anyone, match(key.secret)))
    assert {answer.status for answer in answers} == {200}
    assert len(alerts_about(team, key)) == 1
    assert leaks_api.events_of(key.id) == ["api_key.created", "api_key.disabled"]


def test_matches_that_are_no_key_of_this_installation_are_false_positives(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key()
    wrong_checksum = key.secret[:-1] + ("0" if key.secret[-1] != "0" else "1")
    texts = [unknown_secret(), wrong_checksum, "", "pk_live_", "ghp_0123", "š" * 40, key.secret + " ", key.id]
    before = leaks_api.database.rows("select count(*) from events")
    answer = github.report(anyone, *[match(text) for text in texts])
    assert answer.json == [label(text, known=False) for text in texts]
    assert leaks_api.database.rows("select count(*) from events") == before


def test_keys_of_several_organizations_are_handled_by_the_policy_of_each(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization
) -> None:
    other = leaks_api.organization()
    policy(other, "revoke")
    key, other_key = team.key(), other.key()
    github.report(anyone, match(key.secret), match(unknown_secret()), match(other_key.secret))
    assert team.detail(key)["status"] == "disabled"
    assert other.detail(other_key)["status"] == "revoked"
    assert alerts_about(team, key)
    assert alerts_about(other, other_key)
    assert not team.client.get("/v1/alerts", {"key_id": other_key.id}).data


def test_a_key_of_a_deleted_organization_is_known_and_the_log_names_it(
    leaks_api: Api, github: GitHub, anyone: Client, team: Organization
) -> None:
    key = team.key()
    slug = team.client.get("/v1/organization").data["slug"]
    owner = person(leaks_api, team.id, "owner").client
    assert owner.request("DELETE", "/v1/organization", {"confirm": slug}).status == 200
    assert github.report(anyone, match(key.secret)).json == [label(key.secret, known=True)]
    assert leaks_api.events_of(key.id) == ["api_key.created"]
    lines = [json.loads(line) for line in leaks_api.server.log.read_bytes().splitlines() if key.id.encode() in line]
    assert [line["event"] for line in lines] == ["leaked_key_of_deleted_organization"]


@pytest.mark.parametrize(
    "url",
    ["", None, "javascript:alert(1)", "https://e.example/" + "x" * 5_000, "a\nb\x1b[31m\u202e", "<b>&amp;", "🔑" * 300],
)
def test_any_text_as_an_address_is_stored_so_that_it_harms_nobody(
    github: GitHub, anyone: Client, team: Organization, url: str | None
) -> None:
    policy(team, "revoke")
    key = team.key()
    assert github.report(anyone, {**match(key.secret), "url": url}).status == 200
    (alert,) = alerts_about(team, key)
    shown = alert["details"]["url"]
    assert len(shown) <= 400
    assert shown.isprintable()
    assert team.detail(key)["status"] == "revoked"


def test_a_secret_in_an_address_or_a_type_is_not_stored(github: GitHub, anyone: Client, team: Organization) -> None:
    policy(team, "revoke")
    key = team.key()
    place = "https://example.com/" + "x" * 370 + key.secret  # cut in the middle, it would no longer look like one
    github.report(anyone, match(key.secret, place, key.secret))
    details = alerts_about(team, key)[0]["details"]
    assert key.secret[:20] not in json.dumps(details)
    assert key.secret[:20] not in team.client.get("/v1/audit/events", {"key_id": key.id}).content.decode()


def _many(keys: Sequence[Key], places: int) -> list[dict[str, object]]:
    return [match(key.secret, f"{URL}?{number}") for key in keys for number in range(places)]


def test_hundreds_of_matches_are_answered_in_time(github: GitHub, anyone: Client, team: Organization) -> None:
    keys = [team.key() for _ in range(5)]
    unknown = [match(unknown_secret(bytes([number % 256, number // 256]) * 16)) for number in range(2_000)]
    answer = github.report(anyone, *unknown, *_many(keys, 20))
    assert answer.status == 200
    labels = [each["label"] for each in answer.json]
    assert (labels.count("false_positive"), labels.count("true_positive")) == (2_000, 100)
    assert {team.detail(key)["status"] for key in keys} == {"disabled"}
