"""A link for whoever reads the mails of an address, exchanged once for a session."""

import time
from statistics import median

import pytest

from tests.app.client import Answer, concurrently
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


def in_session(proxied_api: Api, answer: Answer) -> Answer:
    """What the session says that an answer started."""
    cookie = answer.headers["set-cookie"].partition(";")[0]
    return proxied_api.client(Cookie=cookie).get("/v1/session")


def test_a_link_signs_its_reader_in(proxied_api: Api, visitor: Visitor) -> None:
    somebody = person(proxied_api, proxied_api.organization().id, "auditor")
    answer = visitor.redeem(visitor.token_for(somebody.email))
    assert answer.status == 201
    data = answer.data
    assert (data["signed_in"], data["user"]["id"], data["role"]) == (True, somebody.id, "auditor")
    name, _, attributes = answer.headers["set-cookie"].partition("; ")
    assert name.startswith(f"{COOKIE}=ks_")
    assert attributes == "Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"
    assert in_session(proxied_api, answer).data == data
    assert proxied_api.events_of(data["session_id"]) == ["session.started"]
    rows = proxied_api.database.rows("select ip, method from sessions where session_id = %s", data["session_id"])
    assert rows == [(visitor.ip, "link")]


def test_a_link_is_replayed_in_vain(proxied_api: Api, visitor: Visitor) -> None:
    token = visitor.token_for(person(proxied_api, proxied_api.organization().id).email)
    assert visitor.redeem(token).status == 201
    refused = visitor.redeem(token)
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert "set-cookie" not in refused.headers


def test_of_two_at_once_one_wins(proxied_api: Api, visitor: Visitor) -> None:
    somebody = person(proxied_api, proxied_api.organization().id)
    for _ in range(3):
        token = visitor.token_for(somebody.email)
        answers = concurrently(range(6), lambda _, token=token: visitor.redeem(token))
        assert sorted(answer.status for answer in answers) == [201, 401, 401, 401, 401, 401]


def test_a_link_is_good_for_fifteen_minutes(proxied_api: Api, visitor: Visitor) -> None:
    somebody = person(proxied_api, proxied_api.organization().id)
    token = visitor.token_for(somebody.email)
    ((lasts,),) = proxied_api.database.rows(
        "select expires_at - created_at from sign_in_links where %s = any(user_ids)", somebody.id
    )
    assert lasts.total_seconds() == 900
    proxied_api.database.rows("update sign_in_links set expires_at = now() where %s = any(user_ids)", somebody.id)
    assert visitor.redeem(token).status == 401


@pytest.mark.parametrize("token", ["", "kl_", "kl_" + "A" * 43, "ks_" + "A" * 43, "ключ", "\ud800"])
def test_a_token_that_was_never_sent_is_worth_nothing(visitor: Visitor, token: str) -> None:
    assert visitor.redeem(token).status in {400, 401}


def test_a_link_of_someone_who_was_removed_since_leads_nowhere(proxied_api: Api, visitor: Visitor) -> None:
    organization_id = proxied_api.organization().id
    somebody, admin = person(proxied_api, organization_id), person(proxied_api, organization_id)
    token = visitor.token_for(somebody.email)
    assert admin.client.delete(f"/v1/organization/members/{somebody.id}").status == 200
    assert visitor.redeem(token).status == 401
    assert visitor.request_link(somebody.email).status == 202
    assert len(mails_to(proxied_api, somebody.email)) == 1


def test_the_answer_does_not_tell_whether_an_address_is_known(proxied_api: Api, visitor: Visitor) -> None:
    known, unknown = person(proxied_api, proxied_api.organization().id).email, new_address()
    first, second = visitor.request_link(known), visitor.request_link(unknown)
    assert first.without_request_id == second.without_request_id
    assert first.status == second.status == 202
    assert len(mails_to(proxied_api, known)) == 1
    assert mails_to(proxied_api, unknown) == []


def test_the_time_does_not_tell_it_either(proxied_api: Api) -> None:
    """Grossly, as a mail that is sent meanwhile would: a busy machine and a network hide what is finer."""
    known = [person(proxied_api, proxied_api.organization().id).email for _ in range(8)]
    taken: dict[bool, list[float]] = {True: [], False: []}
    for number in range(48):
        address = known[number // 2 % 8] if number % 2 else new_address()
        visitor = Visitor(proxied_api)
        began = time.perf_counter()
        visitor.request_link(address)
        taken[bool(number % 2)].append(time.perf_counter() - began)
    assert abs(median(taken[True]) - median(taken[False])) < 2 * median(taken[False]) + 0.2


@pytest.mark.parametrize(
    "email", ["", "nobody", "a@b", "a b@example.com", "@example.com", "a@example.com\nBcc: b@example.com"]
)
def test_what_is_no_address_is_refused(visitor: Visitor, email: str) -> None:
    refused = visitor.request_link(email)
    assert (refused.status, list(refused.details)) == (422, ["email"])


def test_an_address_is_found_however_it_is_written_and_the_mail_goes_to_the_one_that_is_known(
    proxied_api: Api, visitor: Visitor
) -> None:
    """Or whoever owns a mailbox that merely looks the same would be signed in as someone else."""
    local = f"mike{random_token()}"
    person(proxied_api, proxied_api.organization().id, email=f"{local}@example.com")
    visitor.request_link(f"{local.upper()}@Example.com")
    visitor.request_link(f"{local.replace('k', chr(0x212A), 1)}@example.com")
    assert len(mails_to(proxied_api, f"{local}@example.com")) == 2
    ((count,),) = proxied_api.database.rows("select count(*) from mail_outbox where sealed is null")
    assert count == 0


def test_whoever_is_in_two_organizations_chooses(proxied_api: Api, visitor: Visitor) -> None:
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


def test_a_session_that_was_planted_is_not_the_one_that_is_signed_in(proxied_api: Api, visitor: Visitor) -> None:
    """Session fixation: the secret is made when somebody signs in, and never taken from the request."""
    somebody = person(proxied_api, proxied_api.organization().id)
    planted = "ks_" + "A" * 43
    answer = visitor.client.request(
        "POST", "/v1/session", {"token": visitor.token_for(somebody.email)}, headers={"Cookie": f"{COOKIE}={planted}"}
    )
    assert answer.status == 201
    assert planted not in answer.headers["set-cookie"]
    assert proxied_api.client(Cookie=f"{COOKIE}={planted}").get("/v1/session").status == 401


def test_links_for_one_address_are_limited_whoever_asks(proxied_api: Api) -> None:
    email = new_address()
    statuses = [Visitor(proxied_api).request_link(email).status for _ in range(7)]
    assert statuses == [202] * 5 + [429] * 2
    limited = Visitor(proxied_api).request_link(email.upper())
    assert limited.code == "rate_limited"
    assert 1 <= int(limited.headers["retry-after"]) <= 180
    assert Visitor(proxied_api).request_link(new_address()).status == 202


def test_links_for_one_client_are_limited_whatever_the_address(proxied_api: Api, visitor: Visitor) -> None:
    statuses = [visitor.request_link(new_address()).status for _ in range(32)]
    assert statuses[:30] == [202] * 30
    assert statuses[31] == 429


def test_attempts_to_redeem_are_limited_and_a_network_of_ipv6_is_one_client(proxied_api: Api, visitor: Visitor) -> None:
    network = visitor.ip.removesuffix("1")
    statuses = [
        proxied_api.client(X_Forwarded_For=f"{network}{number:x}").post("/v1/session", {"token": "kl_guess"}).status
        for number in range(1, 65)
    ]
    assert statuses[:60] == [401] * 60
    assert 429 in statuses[60:]


def test_attempts_that_fail_are_kept_without_the_address(proxied_api: Api, visitor: Visitor) -> None:
    somebody = person(proxied_api, proxied_api.organization().id)
    token = visitor.token_for(somebody.email)
    visitor.redeem(token)
    visitor.redeem(token)
    visitor.redeem("kl_guess")
    rows = proxied_api.database.rows(
        "select reason, user_ids from sign_in_failures where ip = %s order by at", visitor.ip
    )
    assert rows == [("used link", [somebody.id]), ("unknown link", [])]
    assert somebody.email.encode() not in proxied_api.server.log.read_bytes()


def test_no_token_lies_in_the_clear(proxied_api: Api, visitor: Visitor) -> None:
    """Neither in the database nor in the log: the digest, and the mail, which is sealed."""
    token = visitor.token_for(person(proxied_api, proxied_api.organization().id).email)
    tables = ("sign_in_links", "mail_outbox", "events", "sessions")
    for table in tables:
        rows = proxied_api.database.rows(f"select convert_to(t::text, 'utf8') from {table} t")  # noqa: S608 -- named above
        assert not any(
            token.encode() in bytes(row[0]) or token.encode().hex().encode() in bytes(row[0]) for row in rows
        )
    assert token.encode() not in proxied_api.server.log.read_bytes()
