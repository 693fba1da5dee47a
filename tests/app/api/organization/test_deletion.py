"""DELETE /v1/organization: everything of the organization stops, and an operator can undo it."""

import threading
from datetime import timedelta

import pytest

from domain.actor import OPERATOR
from domain.organizations.errors import OrganizationIsDeleted, OrganizationIsErased, OrganizationNotDeleted
from domain.sessions.commands import StartSession
from domain.sessions.decider import SESSION
from eventstore.check import check
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from projections.commands import commands_on
from projections.registry import INLINE_CHECKS
from tests.app.api.organization.deletion import as_worker, delete, delete_at, restored
from tests.app.api.organization.invite import accept, invite
from tests.app.client import Response, concurrently
from tests.app.conftest import StartApi
from tests.app.distinct_clients import Visitor
from tests.app.mails import mails_to
from tests.app.organizations import Api, Key, Organization
from tests.app.people import Person, person
from tests.random_input import random_email
from tests.seed import slug_of
from workers.jobs.erase_organizations import erase

PATH = "/v1/organization"


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


@pytest.fixture(scope="module")
def api(start_api: StartApi) -> Api:
    """A server of its own, because tests check all of its database."""
    return start_api()


def violations(api: Api) -> list[str]:
    async def run(connections: Pool) -> list[str]:
        async with connections.connection() as connection:
            return (await check(connection, INLINE_CHECKS)).violations

    return list(as_worker(api, run))


def refusals(key: Key, org: Organization, other: Organization) -> list[tuple[int, str]]:
    """Use the key in every way, and return what is answered. `other` verifies a key that is not its own."""
    answers = [
        key.client.get("/v1/api-keys"),
        key.client.post("/v1/api-keys", {"name": "Another"}),
        key.client.get(key.check_path),
        key.client.post("/v1/mcp/invoke", {"mcp_id": f"mcp_{'0' * 26}", "tool": "t", "arguments": {}}),
        key.client.get("/v1/mcp/servers"),
        org.verified(key.secret),
        key.client.get(f"/v1/auth/check?organization_id={other.id}"),
    ]
    return [(answer.status, answer.code) for answer in answers]


def test_no_key_is_accepted_any_more_and_refused_uses_are_recorded(api: Api, org: Organization, owner: Person) -> None:
    other = api.organization()
    key, revoked = org.key(permissions={"mcps": "*"}), org.key()
    org.client.delete(revoked.path)
    deleted = delete(owner)
    assert set(deleted.data) == {"deleted", "organization_id", "restorable_until"}
    assert (deleted.data["deleted"], deleted.data["organization_id"], deleted.headers["x-revision"]) == (
        True,
        org.id,
        "2",
    )
    disabled = (401, "disabled_key")
    # A key of another organization is unknown, deleted or not.
    assert refusals(key, org, other) == [*[disabled] * 6, (401, "unauthorized")]
    assert revoked.client.get(revoked.check_path).code == "revoked_key"
    assert other.verify(key.secret)["code"] == "unauthorized"
    recorded = api.database.rows(
        "select code, count(*) from usage_events where key_id in (%s, %s) and code <> 'valid' group by 1",
        key.id,
        org.manager.id,
    )
    assert dict(recorded) == {"disabled_key": 6}
    assert api.events_of(org.id) == ["organization.created", "organization.deleted"]
    ((restorable_for,),) = api.database.rows(
        "select restorable_until - deleted_at from organization_list where organization_id = %s", org.id
    )
    assert restorable_for == timedelta(days=30)


def test_no_event_is_written_for_each_key(api: Api, org: Organization, owner: Person) -> None:
    keys = [org.seeded_key() for _ in range(20)]
    ((before,),) = api.database.rows("select count(*) from events where organization_id = %s", org.id)
    delete(owner)
    ((after,),) = api.database.rows("select count(*) from events where organization_id = %s", org.id)
    assert after == before + 1
    assert {key.client.get(key.check_path).code for key in keys} == {"disabled_key"}


def test_all_sessions_end(api: Api, org: Organization, owner: Person) -> None:
    admin = person(api, org.id, "admin")
    delete(owner)
    for each in (owner, admin):
        refused = each.client.get("/v1/session")
        assert (refused.status, refused.code) == (401, "unauthorized")
    assert api.database.rows("select 1 from sessions where organization_id = %s", org.id) == []


def test_the_other_organization_of_a_person_is_not_affected(api: Api, org: Organization, owner: Person) -> None:
    other = api.organization()
    there = person(api, other.id, "owner", email=owner.email)
    delete(owner)
    assert there.client.get(PATH).data["id"] == other.id
    assert other.manager.client.get(PATH).data["id"] == other.id
    assert other.verify(other.manager.secret)["valid"]


def test_a_sign_in_does_not_offer_a_deleted_organization(proxied_api: Api) -> None:
    visitor = Visitor(proxied_api)
    org, other = proxied_api.organization(), proxied_api.organization()
    owner = person(proxied_api, org.id, "owner")
    there = person(proxied_api, other.id, "owner", email=owner.email)
    earlier = visitor.token_for(owner.email)
    delete(owner)
    refused = visitor.redeem(earlier, organization_id=org.id)
    assert (refused.status, refused.code) == (401, "unauthorized")
    # The link now leads to the only organization that is left, without a choice.
    assert visitor.redeem(earlier).data["user"]["id"] == there.id


def test_nobody_signs_in_to_a_deleted_organization(proxied_api: Api) -> None:
    visitor = Visitor(proxied_api)
    owner = person(proxied_api, proxied_api.organization().id, "owner")
    token = visitor.token_for(owner.email)
    delete(owner)
    assert visitor.redeem(token).status == 401
    sent = len(mails_to(proxied_api, owner.email))
    assert visitor.request_link(owner.email).status == 202
    assert len(mails_to(proxied_api, owner.email)) == sent


def test_an_invitation_of_a_deleted_organization_cannot_be_accepted_until_it_is_restored(
    api: Api, org: Organization, owner: Person
) -> None:
    link = invite(owner.client, random_email())
    delete(owner)
    assert accept(api, link).status == 404
    restored(api, org.id)
    assert accept(api, link).status == 303


@pytest.mark.parametrize("typed", ["", "Acme", "org-another"])
def test_a_wrong_slug_is_refused_and_changes_nothing(api: Api, org: Organization, owner: Person, typed: str) -> None:
    refused = owner.client.delete(PATH, {"confirm": typed})
    assert (refused.status, refused.code) == (422, "validation_error")
    problem = f"Must be the slug of the organization that is to be deleted: {slug_of(org.id)}"
    assert refused.details == {"confirm": problem}
    assert owner.client.get(PATH).data["revision"] == 1
    assert api.events_of(org.id) == ["organization.created"]


def test_the_slug_is_required(owner: Person) -> None:
    assert set(owner.client.delete(PATH, {}).details) == {"confirm"}
    assert owner.client.delete(PATH).status in {400, 422}


def test_only_the_signed_in_owner_can_delete(api: Api, org: Organization, owner: Person) -> None:
    for client in (person(api, org.id, "admin").client, person(api, org.id, "auditor").client, org.client):
        refused = client.delete(PATH, {"confirm": slug_of(org.id)})
        assert (refused.status, refused.code) == (403, "forbidden")
    assert api.client().delete(PATH, {"confirm": slug_of(org.id)}).status == 401
    assert owner.client.get(PATH).status == 200


def test_if_match_is_honored(org: Organization, owner: Person) -> None:
    org.client.patch(PATH, {"description": "Changed in the meantime"})
    refused = delete(owner, if_match='"1"')
    assert (refused.status, refused.code) == (412, "revision_mismatch")
    assert delete(owner, if_match='"2"').status == 200


def test_a_repeat_finds_no_session_and_after_a_restoration_the_first_response(
    api: Api, org: Organization, owner: Person
) -> None:
    first = delete(owner, idempotency_key="goodbye")
    again = delete(owner, idempotency_key="goodbye")
    assert (again.status, again.code) == (401, "unauthorized")
    restored(api, org.id)
    back = Person(api, owner.id, org.id, owner.email)
    replayed = delete(back, idempotency_key="goodbye")
    assert (replayed.data, replayed.headers["idempotency-replayed"]) == (first.data, "true")
    assert back.client.get(PATH).data["revision"] == 3, "a replayed response changes nothing"


def test_one_of_two_concurrent_deletions_succeeds(api: Api, org: Organization, owner: Person) -> None:
    answers = concurrently(range(4), lambda _: delete(owner))
    statuses = sorted(answer.status for answer in answers)
    assert statuses[0] == 200
    assert set(statuses[1:]) <= {401, 409}
    assert api.events_of(org.id).count("organization.deleted") == 1


def test_a_restored_organization_works_as_before_but_sessions_stay_ended(
    api: Api, org: Organization, owner: Person
) -> None:
    key, disabled, revoked = org.key(), org.key(), org.key()
    org.client.post(f"{disabled.path}/disable")
    org.client.delete(revoked.path)
    hook = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks", "events": ["*"]}).data["id"]
    shown = org.client.get(PATH).data
    delete(owner)
    restored(api, org.id)
    codes = [each.client.get(each.check_path) for each in (disabled, revoked)]
    assert [answer.code for answer in codes] == ["disabled_key", "revoked_key"]
    assert key.client.get(key.check_path).status == 200
    assert org.client.get(f"/v1/webhooks/{hook}").data["status"] == "active"
    again = org.client.get(PATH).data
    assert {**again, "usage": {}, "revision": 0} == {**shown, "usage": {}, "revision": 0}
    assert owner.client.get("/v1/session").status == 401
    assert api.events_of(org.id)[1:] == ["organization.deleted", "organization.restored"]
    assert violations(api) == []


def test_an_organization_that_is_not_deleted_cannot_be_restored(api: Api, org: Organization) -> None:
    with pytest.raises(OrganizationNotDeleted):
        restored(api, org.id)


def test_a_restoration_is_refused_when_the_time_is_over_and_after_the_erasure(api: Api, org: Organization) -> None:
    key = org.key()
    delete_at(api, org.id, now() - timedelta(days=30))
    assert key.client.get(key.check_path).code == "disabled_key"
    with pytest.raises(OrganizationIsErased):
        restored(api, org.id)
    as_worker(api, erase)
    with pytest.raises(OrganizationIsErased):
        restored(api, org.id)
    assert key.client.get(key.check_path).code == "revoked_key"


def test_the_managers_are_told_until_when_it_can_be_restored(api: Api, org: Organization, owner: Person) -> None:
    admin, viewer = person(api, org.id, "admin"), person(api, org.id, "viewer")
    until = delete(owner).data["restorable_until"]
    for manager in (owner, admin):
        (mail,) = mails_to(api, manager.email)
        assert mail.subject == "A Keyledger organization was deleted"
        assert "The organization Acme was deleted by its owner" in mail.text
        assert until[:16].replace("T", " ") + " UTC" in mail.text
    assert mails_to(api, viewer.email) == []


def test_verifications_after_the_deletion_was_confirmed_are_all_refused(
    api: Api, org: Organization, owner: Person
) -> None:
    keys = [org.seeded_key() for _ in range(4)]
    in_use = threading.Barrier(len(keys) + 1, timeout=30)
    gone, stop = threading.Event(), threading.Event()

    def use(key: Key) -> list[tuple[bool, int]]:
        """Use the key until the end. Note whether the deletion was confirmed before each request was sent."""
        seen = [(False, key.client.get(key.check_path).status)]
        in_use.wait()
        while not stop.is_set():
            seen.append((gone.is_set(), key.client.get(key.check_path).status))
        return seen

    def remove() -> list[tuple[bool, int]]:
        in_use.wait()
        try:
            assert delete(owner).status == 200
            gone.set()
            return [(True, key.client.get(key.check_path).status) for _ in range(5) for key in keys]
        finally:
            stop.set()

    results = concurrently([*keys, None], lambda key: remove() if key is None else use(key))
    seen = [each for result in results for each in result]
    assert seen.count((False, 200)) >= len(keys)
    assert {status for after, status in seen if after} == {401}


def test_changes_that_run_during_the_deletion_are_committed_before_it_or_refused(
    api: Api, org: Organization, owner: Person
) -> None:
    """The positions of one organization are in the order of commits: nothing follows the deletion."""
    changed = [org.key() for _ in range(6)]

    def change(key: Key | None) -> Response:
        if key is None:
            return delete(owner)
        return org.client.patch(key.path, {"name": "Renamed"})

    answers = concurrently([*changed, None, *changed], change)
    assert answers[len(changed)].status == 200
    assert {answer.status for answer in answers} <= {200, 401, 409}
    rows = api.database.rows("select type from events where organization_id = %s order by position", org.id)
    assert rows[-1][0] == "organization.deleted"
    renamed = sum(row[0] == "api_key.details_changed" for row in rows)
    assert renamed <= sum(answer.status == 200 for answer in answers) - 1


def test_a_command_without_counts_is_refused_in_a_deleted_organization(
    api: Api, org: Organization, owner: Person
) -> None:
    """A request that was authorized before the deletion and runs after it."""
    delete(owner)
    with pytest.raises(OrganizationIsDeleted):
        as_worker(api, lambda connections: _start_session(connections, owner))


async def _start_session(connections: Pool, owner: Person) -> None:
    at = now()
    session_id = new_id("ses")
    command = StartSession(session_id, owner.organization_id, owner.id, "link", at, at + timedelta(days=1))
    await commands_on(connections).run(
        SESSION, session_id, owner.organization_id, command, origin=Origin(OPERATOR), at=at
    )
