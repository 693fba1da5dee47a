"""Webhooks over HTTP: secrets, changes, tests and deliveries."""

from collections.abc import Iterator

import pytest

from tests.app.api.webhooks.deliveries import add_failed_delivery
from tests.app.client import concurrently
from tests.app.leak_scan import ADDRESS_MARK
from tests.app.organizations import Api, Organization
from tests.workers.receiver import Receiver, receiver

URL = "https://example.com/hooks"


@pytest.fixture
def target() -> Iterator[Receiver]:
    with receiver() as server:
        yield server


def test_a_secret_is_returned_only_once(org: Organization) -> None:
    made = org.client.post("/v1/webhooks", {"url": URL, "events": ["api_key.revoked"], "description": "Pager"})
    assert made.status == 201
    assert made.data["secret"].startswith("whsec_")
    path = f"/v1/webhooks/{made.data['id']}"
    shown = org.client.get(path)
    assert "secret" not in shown.data
    assert shown.data["url"] == URL
    assert (shown.headers["etag"], shown.data["revision"]) == ('"1"', 1)
    assert (shown.data["failing_since"], shown.data["last_delivered_at"]) == (None, None)
    assert [each["id"] for each in org.client.get("/v1/webhooks").data] == [made.data["id"]]
    events = org.client.get("/v1/audit/events", {"resource": made.data["id"]}).data
    assert [event["event"] for event in events] == ["webhook.created"]
    assert made.data["secret"] not in str(events)


def test_a_repeated_creation_returns_no_secret(org: Organization) -> None:
    first = org.client.post("/v1/webhooks", {"url": URL}, Idempotency_Key="hook")
    again = org.client.post("/v1/webhooks", {"url": URL}, Idempotency_Key="hook")
    assert again.data == {**first.data, "secret": None}
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://example.com/hooks"}, "url"),
        ({"url": "https://user:pass@example.com/"}, "url"),
        ({"url": "https://169.254.169.254/latest"}, "url"),
        ({"url": URL, "events": []}, "events"),
        ({"url": URL, "events": ["api_key.made"]}, "events"),
        ({"url": URL, "kind": "fax"}, "kind"),
        ({"url": URL, "secret": "mine"}, "secret"),
        ({"url": URL, "description": "x" * 501}, "description"),
    ],
)
def test_an_invalid_field_is_named(org: Organization, body: dict[str, object], field: str) -> None:
    refused = org.client.post("/v1/webhooks", body)
    assert (refused.status, refused.code) == (422, "validation_error")
    assert list(refused.details) == [field]


def test_an_organization_has_at_most_twenty_webhooks(org: Organization) -> None:
    made = [org.client.post("/v1/webhooks", {"url": URL}) for _ in range(21)]
    assert [answer.status for answer in made] == [201] * 20 + [409]
    assert made[-1].details == {"limit": 20, "used": 20}
    assert org.client.delete(f"/v1/webhooks/{made[0].data['id']}").data["deleted"] is True
    assert org.client.post("/v1/webhooks", {"url": URL}).status == 201
    assert org.client.get("/v1/webhooks", {"per_page": 5}).json["pagination"]["total"] == 20
    assert org.client.get(f"/v1/webhooks/{made[0].data['id']}").status == 404


def test_the_list_of_webhooks_has_pages(org: Organization) -> None:
    ids = [org.client.post("/v1/webhooks", {"url": URL}).data["id"] for _ in range(3)]
    first = org.client.get("/v1/webhooks", {"per_page": 2})
    second = org.client.get("/v1/webhooks", {"per_page": 2, "cursor": first.json["pagination"]["next_cursor"]})
    assert [each["id"] for each in (*first.data, *second.data)] == ids[::-1]
    assert 'rel="next"' in first.headers["link"]
    assert second.json["pagination"]["next_cursor"] is None


def test_a_change_with_an_old_revision_is_refused(org: Organization) -> None:
    made = org.client.post("/v1/webhooks", {"url": URL, "events": ["api_key.created"]}).data
    path = f"/v1/webhooks/{made['id']}"
    changed = org.client.patch(path, {"events": ["*"], "status": "disabled"}, If_Match='"1"')
    assert (changed.data["events"], changed.data["status"]) == (["*"], "disabled")
    assert (changed.data["disabled_because"], changed.data["revision"]) == ("requested", 3)
    assert changed.headers["x-revision"] == "3"
    refused = org.client.patch(path, {"status": "active"}, If_Match='"1"')
    assert (refused.status, refused.code) == (412, "revision_mismatch")
    assert org.client.patch(path, {"status": "active"}).data["status"] == "active"
    assert org.client.patch(path, {"description": None}).data["description"] == ""


def test_a_rotation_returns_a_new_secret(org: Organization) -> None:
    made = org.client.post("/v1/webhooks", {"url": URL}).data
    rotated = org.client.post(f"/v1/webhooks/{made['id']}/rotate", {"overlap_seconds": 60})
    assert rotated.data["secret"].startswith("whsec_")
    assert rotated.data["secret"] != made["secret"]
    assert rotated.data["secret_version"] == 2
    assert org.client.post(f"/v1/webhooks/{made['id']}/rotate", {"overlap_seconds": -1}).status == 422


def test_a_slack_address_is_stored_and_shown_as_a_secret(org: Organization, target: Receiver) -> None:
    address = "https://hooks.slack.example/services/" + "T0/B0/" + ADDRESS_MARK + "1"
    made = org.client.post("/v1/webhooks", {"url": address, "kind": "slack"})
    assert (made.data["url"], made.data["secret"]) == ("https://hooks.slack.example/…", None)
    path = f"/v1/webhooks/{made.data['id']}"
    assert org.client.post(f"{path}/rotate").status == 409
    assert org.client.patch(path, {"url": target.url}).data["secret_version"] == 2
    assert org.client.post(f"{path}/test").data["delivered"] is True
    assert target.received[0].body["text"].startswith("*webhook.test*")
    bodies = org.api.database.rows("select body from events where organization_id = %s", org.id)
    assert not any(ADDRESS_MARK.encode() in bytes(body) or target.url.encode() in bytes(body) for (body,) in bodies)


def test_a_test_returns_the_response_of_the_receiver(org: Organization, target: Receiver) -> None:
    made = org.client.post("/v1/webhooks", {"url": target.url}).data
    target.secrets.append(made["secret"])
    target.response, target.answer = b"thanks", lambda _: 200
    tested = org.client.post(f"/v1/webhooks/{made['id']}/test").data
    assert (tested["delivered"], tested["status_code"], tested["response"]) == (True, 200, "thanks")
    (received,) = target.received
    assert (received.valid, received.id, received.body["event"]) == (1, tested["message_id"], "webhook.test")
    target.answer = lambda _: 500
    assert org.client.post(f"/v1/webhooks/{made['id']}/test").data["delivered"] is False
    org.client.patch(f"/v1/webhooks/{made['id']}", {"url": "http://127.0.0.1:9/"})
    away = org.client.post(f"/v1/webhooks/{made['id']}/test").data
    assert (away["delivered"], away["status_code"]) == (False, None)
    assert away["error"] == "No connection could be made"


def test_a_repeated_test_sends_one_message(org: Organization, target: Receiver) -> None:
    made = org.client.post("/v1/webhooks", {"url": target.url}).data
    target.response, target.answer = b"thanks", lambda _: 200
    first, second = [org.client.post(f"/v1/webhooks/{made['id']}/test", idempotency_key="k") for _ in range(2)]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.data == first.data
    assert len(target.received) == 1
    assert org.client.post(f"/v1/webhooks/{made['id']}/test", idempotency_key="other").data != first.data
    assert len(target.received) == 2
    elsewhere = org.client.post("/v1/webhooks/hook_00000000000000000000000000/test", idempotency_key="free")
    assert elsewhere.code == "not_found"
    assert org.client.post(f"/v1/webhooks/{made['id']}/test", idempotency_key="free").status == 200


def test_concurrent_tests_with_one_idempotency_key_send_one_message(org: Organization, target: Receiver) -> None:
    path = f"/v1/webhooks/{org.client.post('/v1/webhooks', {'url': target.url}).data['id']}/test"
    answers = concurrently(range(8), lambda _: org.client.post(path, idempotency_key="k"))
    assert {answer.code for answer in answers if answer.status != 200} <= {"idempotency_in_flight"}
    assert len(target.received) == 1


def test_the_secret_in_use_stays_valid_after_two_lost_rotations(org: Organization, target: Receiver) -> None:
    made = org.client.post("/v1/webhooks", {"url": target.url}).data
    path = f"/v1/webhooks/{made['id']}"
    for number in range(2):
        org.client.post(f"{path}/rotate")
        org.client.patch(path, {"description": f"{number}"})
    newest = org.client.post(f"{path}/rotate").data["secret"]
    target.secrets += [made["secret"], newest]
    org.client.post(f"{path}/test")
    org.client.post(f"{path}/rotate", {"overlap_seconds": 0})
    org.client.post(f"{path}/test")
    org.client.post(f"{path}/rotate")
    org.client.post(f"{path}/test")
    assert [each.valid for each in target.received] == [2, 0, 0]


def test_deliveries_are_listed_and_can_be_retried(org: Organization) -> None:
    webhook_id = org.client.post("/v1/webhooks", {"url": URL}).data["id"]
    path = f"/v1/webhooks/{webhook_id}/deliveries"
    for number in range(3):
        add_failed_delivery(org, webhook_id, number)
    first = org.client.get(path, {"per_page": 2, "status": "failed"})
    second = org.client.get(
        path, {"per_page": 2, "status": "failed", "cursor": first.json["pagination"]["next_cursor"]}
    )
    ids = [each["id"] for each in (*first.data, *second.data)]
    assert len(set(ids)) == 3
    assert org.client.get(path, {"status": "pending"}).data == []
    again = org.client.post(f"{path}/{ids[0]}/retry")
    assert (again.data["status"], again.data["finished_at"]) == ("pending", None)
    assert again.data["next_attempt_at"] is not None
    assert [each["id"] for each in org.client.get(path, {"status": "pending"}).data] == [ids[0]]
    retried = [org.client.post(f"{path}/{ids[1]}/retry", Idempotency_Key="again") for _ in range(2)]
    assert retried[0].content == retried[1].content
    assert retried[1].headers["idempotency-replayed"] == "true"
    assert org.client.post(f"{path}/{ids[2]}/retry", Idempotency_Key="again").code == "idempotency_mismatch"
    org.client.patch(f"/v1/webhooks/{webhook_id}", {"status": "disabled"})
    refused = org.client.post(f"{path}/{ids[1]}/retry")
    assert (refused.status, refused.code) == (409, "conflict")


def test_webhooks_of_another_organization_are_not_found(api: Api, org: Organization) -> None:
    webhook_id = org.client.post("/v1/webhooks", {"url": URL}).data["id"]
    delivery_id = add_failed_delivery(org, webhook_id, 7)
    stranger = api.organization().client
    for method, path in (
        ("GET", ""),
        ("PATCH", ""),
        ("DELETE", ""),
        ("POST", "/rotate"),
        ("POST", "/test"),
        ("GET", "/deliveries"),
        ("POST", f"/deliveries/{delivery_id}/retry"),
    ):
        assert stranger.request(method, f"/v1/webhooks/{webhook_id}{path}").status == 404
    own = stranger.post("/v1/webhooks", {"url": URL}).data["id"]
    assert stranger.post(f"/v1/webhooks/{own}/deliveries/{delivery_id}/retry").status == 404
