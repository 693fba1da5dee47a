"""The fields of a form: as many as the permission picker of a large organization has, and no more."""

import httpx2
import pytest

from app.auth.sessions import csrf_token
from app.pages.fields import FIELDS_MAX
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def submitted(api: Api, owner: Person, path: str, fields: dict[str, str | list[str]]) -> httpx2.Response:
    headers = {"Cookie": f"{COOKIE}={owner.secret}", "Origin": api.url, "Accept": "text/html"}
    return httpx2.post(api.url + path, data={"csrf_token": csrf_token(owner.secret), **fields}, headers=headers)


def test_the_permissions_of_two_hundred_servers_with_ten_tools_each_fit_into_a_form(api: Api, owner: Person) -> None:
    fields: dict[str, str | list[str]] = {"theme": "dark"}
    for number in range(200):
        fields |= {f"{name}-{number}": "*" for name in ("server", "allow", "deny")}
        fields[f"tool-{number}"] = [f"tool-{tool}" for tool in range(10)]
    assert submitted(api, owner, "/account/theme", fields).status_code == 303


def test_a_form_with_the_most_fields_is_read_completely(api: Api, owner: Person) -> None:
    fields = {f"field-{number}": "" for number in range(FIELDS_MAX - 2)}
    answer = submitted(api, owner, "/account/theme", {**fields, "theme": "dark"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert "dark" in answer.headers["set-cookie"]


def test_a_form_with_more_fields_is_refused_and_changes_nothing(api: Api, owner: Person) -> None:
    answer = submitted(api, owner, "/account/theme", {"theme": ["dark"] * FIELDS_MAX})
    assert answer.status_code == 400
    assert "The form cannot be read. Go back and send it again." in answer.text
    assert "set-cookie" not in answer.headers
