"""Compression of pages."""

import re

import httpx2
import pytest

from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def fetch(api: Api, owner: Person, path: str, encoding: str) -> httpx2.Response:
    headers = {"Accept-Encoding": encoding, "Cookie": f"{COOKIE}={owner.secret}"}
    return httpx2.get(api.url + path, headers=headers)


def test_a_page_is_compressed_for_clients_that_accept_it(api: Api, org: Organization, owner: Person) -> None:
    for number in range(30):
        org.key(name=f"Key {number}")
    plain, answer = fetch(api, owner, "/keys", "identity"), fetch(api, owner, "/keys", "gzip")
    assert "content-encoding" not in plain.headers
    assert answer.headers["content-encoding"] == "gzip"
    assert "Key 29" in answer.text
    assert answer.num_bytes_downloaded < len(plain.content) / 4
    assert [each.headers["vary"] for each in (plain, answer)] == ["Accept-Encoding"] * 2
    assert "content-security-policy" in answer.headers


def test_the_response_to_a_form_is_not_compressed_because_it_may_contain_a_secret(api: Api, owner: Person) -> None:
    page = fetch(api, owner, "/keys/new", "gzip").text
    fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]+)"', page))
    headers = {"Accept-Encoding": "gzip", "Cookie": f"{COOKIE}={owner.secret}"}
    form = {**fields, "name": "agent", "expires": "90", "mcps": "all"}
    answer = httpx2.post(f"{api.url}/keys/new", headers=headers, data=form)
    assert "pk_live_" in answer.text
    assert "content-encoding" not in answer.headers
