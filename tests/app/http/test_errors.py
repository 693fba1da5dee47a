"""The table of error codes in the contract, and the page behind the `type` of each error."""

import re
from html import unescape

import pytest

from app.http.error_catalogue import ERRORS
from app.http.errors import Problem, to_problem
from app.pages.errors.preferences import preferred
from tests.app.organizations import Api

CONTRACT = {
    401: {"unauthorized", "expired_key", "revoked_key", "disabled_key"},
    403: {
        "forbidden",
        "mcp_not_permitted",
        "tool_not_permitted",
        "environment_mismatch",
        "ip_not_permitted",
        "key_limit_reached",
        "mcp_limit_reached",
        "member_limit_reached",
    },
    404: {"not_found"},
    405: {"method_not_allowed"},
    409: {"already_exists", "conflict", "idempotency_in_flight"},
    412: {"revision_mismatch"},
    413: {"payload_too_large"},
    415: {"unsupported_media_type"},
    422: {"validation_error", "idempotency_mismatch", "invalid_arguments"},
    400: {"invalid_request"},
    429: {"rate_limited", "quota_exceeded"},
    500: {"internal_error"},
    502: {"mcp_error", "mcp_unreachable"},
    503: {"unavailable"},
    504: {"mcp_timeout"},
}


def test_the_codes_and_statuses_are_those_of_the_contract() -> None:
    assert {code: known.status for code, known in ERRORS.items()} == {
        code: status for status, codes in CONTRACT.items() for code in codes
    }


each = pytest.mark.parametrize("code", sorted(ERRORS))


@each
def test_the_page_of_every_error_explains_it_in_html(api: Api, code: str) -> None:
    page = api.client().get(f"/problems/{code}", Accept="text/html,application/xhtml+xml,*/*;q=0.8")
    assert page.status == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    text = unescape(page.content.decode())
    known = ERRORS[code]
    for text_part in (code, str(known.status), known.title, known.meaning, known.cause, known.remedy):
        assert text_part.replace("`", "") in text


@each
def test_the_page_of_every_error_explains_it_in_json(api: Api, code: str) -> None:
    explained = api.client().get(f"/problems/{code}", Accept="application/json").data
    known = ERRORS[code]
    assert explained == {
        "code": code,
        "status": known.status,
        "title": known.title,
        "meaning": known.meaning,
        "cause": known.cause,
        "remedy": known.remedy,
    }


def test_the_page_of_an_error_explains_it_in_plain_text(api: Api) -> None:
    answer = api.client().get("/problems/conflict", Accept="text/plain")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert ERRORS["conflict"].remedy in answer.content.decode()
    assert answer.headers["vary"] == "Accept"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, "text/html"),
        ("*/*", "text/html"),
        ("text/*", "text/html"),
        ("application/json", "application/json"),
        ("application/json;q=0.5, text/plain;q=0.9", "text/plain"),
        ("text/html;q=0.1, */*", "application/json"),
        ("text/plain, */*;q=0.1", "text/plain"),
        ("image/png", "text/html"),
        ("application/json;q=much", "text/html"),
    ],
)
def test_the_media_type_is_the_one_that_the_client_prefers(accept: str | None, expected: str) -> None:
    assert preferred(accept, ("text/html", "application/json", "text/plain")) == expected


def test_the_index_lists_every_error_code_with_a_link_to_its_page(api: Api) -> None:
    answer = api.client().get("/problems", Accept="text/html")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["vary"] == "Accept"
    assert set(re.findall(r'href="/problems/(\w+)"', answer.content.decode())) == ERRORS.keys()


def test_the_index_contains_what_the_pages_explain_in_json_and_in_plain_text(api: Api) -> None:
    listed = api.client().get("/problems", Accept="application/json").data
    assert [each["code"] for each in listed] == sorted(ERRORS, key=lambda code: (ERRORS[code].status, code))
    for each in listed:
        assert each == api.client().get(f"/problems/{each['code']}", Accept="application/json").data
    text = api.client().get("/problems", Accept="text/plain").content.decode()
    assert all(known.remedy in text for known in ERRORS.values())


def test_the_type_of_an_error_is_a_working_url(api: Api) -> None:
    refused = api.client().get("/v1/api-keys")
    assert refused.json["type"] == f"{api.url}/problems/unauthorized"
    assert api.client().get(refused.json["type"]).status == 200


def test_the_page_of_an_unknown_code_is_not_found(api: Api) -> None:
    assert api.client().get("/problems/no_such_code").code == "not_found"


def test_both_forms_of_an_error_have_the_same_content(api: Api) -> None:
    body = api.client().get("/v1/api-keys").json
    assert body["status"] == 401
    assert body["title"] == "Unauthorized"
    assert body["error"]["code"] == "unauthorized"
    assert body["error"]["message"] == body["detail"]


def test_the_default_message_of_an_error_is_its_meaning_and_remedy() -> None:
    known = ERRORS["conflict"]
    assert Problem("conflict").detail == f"{known.meaning} {known.remedy}".replace("`", "")


def test_the_member_limit_is_explained_without_open_invitations() -> None:
    assert "open invitations do not count" in ERRORS["member_limit_reached"].cause


def test_an_unexpected_exception_reveals_no_internals() -> None:
    problem = to_problem(RuntimeError("internals"))
    assert isinstance(problem, Problem)
    assert (problem.status, problem.code) == (500, "internal_error")
    assert "internals" not in problem.detail
