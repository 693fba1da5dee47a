"""Sign-in links: sent by mail and exchanged once for a session."""

import time
from statistics import median

import pytest

from tests.app.client import Response, concurrently
from tests.app.distinct_clients import Visitor
from tests.app.mails import mails_to
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.random_input import random_email, random_token


@pytest.fixture
def visitor(proxied_api: Api) -> Visitor:
    return Visitor(proxied_api)


def new_address() -> str:
    return random_email()


def session_of(proxied_api: Api, answer: Response) -> Response:
    """Return the session that a response started."""
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return proxied_api.client(Cookie=cookie).get("/v1/session")


def test_a_link_signs_a_person_in(proxied_api: Api, visitor: Visitor) -> None:
    user = person(proxied_api, proxied_api.organization().id, "auditor")
    answer = visitor.redeem(visitor.token_for(user.email))
    assert answer.status == 201
    data = answer.data
    assert (data["signed_in"], data["user"]["id"], data["role"]) == (True, user.id, "auditor")
    name, _, attributes = answer.headers["set-cookie"].partition("; ")
    assert name.startswith(f"{COOKIE}=ks_")
    assert attributes == "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
    assert session_of(proxied_api, answer).data == data
    assert proxied_api.events_of(data["session_id"]) == ["session.started"]
    rows = proxied_api.database.rows("select ip, method from sessions where session_id = %s", data["session_id"])
    assert rows == [(visitor.ip, "link")]


def test_a_used_link_is_refused(proxied_api: Api, visitor: Visitor) -> None:
    token = visitor.token_for(person(proxied_api, proxied_api.organization().id).email)
    assert visitor.redeem(token).status == 201
    refused = visitor.redeem(token)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert "set-cookie" not in refused.headers


def test_only_one_of_concurrent_uses_of_a_link_succeeds(proxied_api: Api, visitor: Visitor) -> None:
    user = person(proxied_api, proxied_api.organization().id)
    for _ in range(3):
        token = visitor.token_for(user.email)
        answers = concurrently(range(6), lambda _, token=token: visitor.redeem(token))
        assert sorted(answer.status for answer in answers) == [201, 401, 401, 401, 401, 401]


def test_a_link_is_valid_for_fifteen_minutes(proxied_api: Api, visitor: Visitor) -> None:
    user = person(proxied_api, proxied_api.organization().id)
    token = visitor.token_for(user.email)
    ((lifetime,),) = proxied_api.database.rows(
        "select expires_at - created_at from sign_in_links where %s = any(user_ids)", user.id
    )
    assert lifetime.total_seconds() == 900
    proxied_api.database.rows("update sign_in_links set expires_at = now() where %s = any(user_ids)", user.id)
    assert visitor.redeem(token).status == 401


@pytest.mark.parametrize("token", ["", "kl_", "kl_" + "A" * 43, "ks_" + "A" * 43, "ключ", "\ud800"])
def test_an_unknown_or_malformed_token_is_refused(visitor: Visitor, token: str) -> None:
    assert visitor.redeem(token).status in {400, 401}


def test_a_link_of_a_removed_member_is_refused(proxied_api: Api, visitor: Visitor) -> None:
    organization_id = proxied_api.organization().id
    user, admin = person(proxied_api, organization_id), person(proxied_api, organization_id)
    token = visitor.token_for(user.email)
    assert admin.client.delete(f"/v1/organization/members/{user.id}").status == 200
    assert visitor.redeem(token).status == 401
    assert visitor.request_link(user.email).status == 202
    assert len(mails_to(proxied_api, user.email)) == 1


def test_the_response_does_not_reveal_whether_an_address_is_known(proxied_api: Api, visitor: Visitor) -> None:
    known, unknown = person(proxied_api, proxied_api.organization().id).email, new_address()
    first, second = visitor.request_link(known), visitor.request_link(unknown)
    assert first.without_request_id == second.without_request_id
    assert first.status == second.status == 202
    assert len(mails_to(proxied_api, known)) == 1
    assert mails_to(proxied_api, unknown) == []


def test_the_response_time_does_not_reveal_whether_an_address_is_known(proxied_api: Api) -> None:
    """Only a large difference is detected, such as that of sending the mail during the request."""
    known = [person(proxied_api, proxied_api.organization().id).email for _ in range(8)]
    durations: dict[bool, list[float]] = {True: [], False: []}
    for number in range(48):
        address = known[number // 2 % 8] if number % 2 else new_address()
        visitor = Visitor(proxied_api)
        started = time.perf_counter()
        visitor.request_link(address)
        durations[bool(number % 2)].append(time.perf_counter() - started)
    assert abs(median(durations[True]) - median(durations[False])) < 2 * median(durations[False]) + 0.2


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a b@example.com", "@example.com", "a@example.com\nBcc: b@example.com"]
)
def test_an_invalid_address_is_refused(visitor: Visitor, email: str) -> None:
    refused = visitor.request_link(email)
    assert (refused.status, list(refused.details)) == (422, ["email"])


def test_an_address_in_another_spelling_is_found_and_the_mail_goes_to_the_stored_address(
    proxied_api: Api, visitor: Visitor
) -> None:
    """Otherwise, the owner of a mailbox with a similar address could be signed in as another person."""
    local = f"mike{random_token()}"
    person(proxied_api, proxied_api.organization().id, email=f"{local}@example.com")
    visitor.request_link(f"{local.upper()}@Example.com")
    visitor.request_link(f"{local.replace('k', chr(0x212A), 1)}@example.com")
    assert len(mails_to(proxied_api, f"{local}@example.com")) == 2
    ((count,),) = proxied_api.database.rows("select count(*) from mail_outbox where sealed is null")
    assert count == 0


def test_a_person_in_two_organizations_chooses_one(proxied_api: Api, visitor: Visitor) -> None:
    email = new_address()
    first, second = (person(proxied_api, proxied_api.organization().id, role, email) for role in ("viewer", "admin"))
    token = visitor.token_for(email)
    choice = visitor.redeem(token)
    assert choice.status == 200
    assert "set-cookie" not in choice.headers
    assert choice.data["signed_in"] is False
    assert {(each["id"], each["role"]) for each in choice.data["organizations"]} == {
        (first.organization_id, "viewer"),
        (second.organization_id, "admin"),
    }
    assert visitor.redeem(token, organization_id=proxied_api.organization().id).status == 401
    assert visitor.redeem(token, organization_id=second.organization_id).data["user"]["id"] == second.id
    assert visitor.redeem(token, organization_id=first.organization_id).status == 401


def test_a_planted_session_cookie_is_not_signed_in(proxied_api: Api, visitor: Visitor) -> None:
    """Session fixation: the secret is made when user signs in, and never durations from the request."""
    user = person(proxied_api, proxied_api.organization().id)
    planted = "ks_" + "A" * 43
    answer = visitor.client.request(
        "POST", "/v1/session", {"token": visitor.token_for(user.email)}, headers={"Cookie": f"{COOKIE}={planted}"}
    )
    assert answer.status == 201
    assert planted not in answer.headers["set-cookie"]
    assert proxied_api.client(Cookie=f"{COOKIE}={planted}").get("/v1/session").status == 401


def test_links_for_one_address_are_limited_over_all_clients(proxied_api: Api) -> None:
    email = new_address()
    statuses = [Visitor(proxied_api).request_link(email).status for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
    limited = Visitor(proxied_api).request_link(email.upper())
    assert limited.code == "rate_limited"
    assert 1 <= int(limited.headers["retry-after"]) <= 180
    assert Visitor(proxied_api).request_link(new_address()).status == 202


def test_links_for_one_client_are_limited_over_all_addresses(proxied_api: Api, visitor: Visitor) -> None:
    statuses = [visitor.request_link(new_address()).status for _ in range(32)]
    assert statuses[:30] == [202] * 30
    assert statuses[31] == 429


def test_attempts_to_redeem_are_limited_per_ipv6_network(proxied_api: Api, visitor: Visitor) -> None:
    network = visitor.ip.removesuffix("1")
    statuses = [
        proxied_api.client(X_Forwarded_For=f"{network}{number:x}").post("/v1/session", {"token": "kl_guess"}).status
        for number in range(1, 65)
    ]
    assert statuses[:60] == [401] * 60
    assert 429 in statuses[60:]


def test_failed_attempts_are_recorded_without_the_address(proxied_api: Api, visitor: Visitor) -> None:
    user = person(proxied_api, proxied_api.organization().id)
    token = visitor.token_for(user.email)
    visitor.redeem(token)
    visitor.redeem(token)
    visitor.redeem("kl_guess")
    rows = proxied_api.database.rows(
        "select reason, user_ids from sign_in_failures where ip = %s order by at", visitor.ip
    )
    assert rows == [("used link", [user.id]), ("unknown link", [])]
    assert user.email.encode() not in proxied_api.server.log.read_bytes()


def test_a_token_is_not_stored_or_logged_in_plain_text(proxied_api: Api, visitor: Visitor) -> None:
    """The database contains only the digest of the token and the sealed mail."""
    token = visitor.token_for(person(proxied_api, proxied_api.organization().id).email)
    tables = ("sign_in_links", "mail_outbox", "events", "sessions")
    for table in tables:
        rows = proxied_api.database.rows(f"select convert_to(t::text, 'utf8') from {table} t")  # noqa: S608 -- named above
        assert not any(
            token.encode() in bytes(row[0]) or token.encode().hex().encode() in bytes(row[0]) for row in rows
        )
    assert token.encode() not in proxied_api.server.log.read_bytes()
