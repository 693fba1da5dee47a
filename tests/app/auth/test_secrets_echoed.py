"""I11: a secret that is sent in the wrong place is neither returned nor stored.

The requests are generated from the routes and the OpenAPI document: every path segment, parameter, header and field.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx2
import pytest

from app.auth.sessions import csrf_token
from embedded.postgres import SUPERUSER, PostgreSQL
from tests.app.leak_scan import remains
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.people import COOKIE, person
from tests.app.routes import ALL
from tests.app.scopes import PUBLIC, RULES, SIGNED, SIGNING_IN, Route

SECRET = unknown_secret(b"\x2a" * 32)
ENCODED = "".join([f"%{ord(letter):02x}" for letter in SECRET])
SPELLINGS = (SECRET, f"x-{SECRET}.example", SECRET.replace("_", "%5F"), ENCODED)
RECOGNIZABLE_PARTS = (SECRET[14:-4].encode(), ENCODED[3 * 14 : -12].encode(), ENCODED[3 * 14 : -12].upper().encode())
"""The parts of the spellings that must not be shown. The prefix may be shown."""
READ_FIRST = ("Content-Type", "Idempotency-Key", "If-Match", "Origin", "X-CSRF-Token")
"""Headers that can each cause a refusal, so each is sent in a separate request."""
OTHER_HEADERS = (
    "Accept",
    "Accept-Language",
    "Referer",
    "Traceparent",
    "User-Agent",
    "X-Forwarded-Host",
    "X-Request-Id",
)
EVERY_ROUTE: list[Route] = sorted(ALL)


@pytest.fixture(scope="module")
def described(api: Api) -> dict[str, Any]:
    document: dict[str, Any] = api.client().get("/schema/openapi.json").json
    return document


class Log:
    """The log lines of the server since this object was created."""

    def __init__(self, api: Api) -> None:
        self._path = api.server.log
        self._read = self._path.stat().st_size

    def leaks(self) -> list[bytes]:
        with self._path.open("rb") as file:
            file.seek(self._read)
            lines = file.read().splitlines()
        return [line for line in lines if any(part in line for part in RECOGNIZABLE_PARTS)]


@pytest.fixture
def log(api: Api) -> Log:
    return Log(api)


class Probe:
    """A caller that the route admits, and the secrets that its responses contained."""

    def __init__(self, api: Api, org: Organization, route: Route, http: httpx2.Client) -> None:
        self._http = http
        self._method, self._path = route
        self._url = api.url
        self._headers = {"Authorization": f"Bearer {org.manager.secret}"}
        if route in RULES and not RULES[route].keys:
            who = person(api, org.id, "admin")
            self._headers = {"Cookie": f"{COOKIE}={who.secret}", "X-CSRF-Token": csrf_token(who.secret)}
        self.leaks: list[str] = []

    def send(
        self,
        where: str,
        *,
        segment: str = "absent",
        query: str = "",
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        path = re.sub(r"\{[^}]*\}", lambda _: segment, self._path)
        sent = {**self._headers, **(headers or {})}
        answer = self._http.request(self._method, f"{self._url}{path}{query}", headers=sent, json=body, timeout=60)
        assert answer.status_code != 500, (where, answer.content)
        response = answer.content + repr(answer.headers.multi_items()).encode()
        if any(part in response for part in RECOGNIZABLE_PARTS):
            self.leaks.append(f"{where}: {answer.status_code} {response[:400]!r}")


@pytest.mark.parametrize(
    "spellings", [1, pytest.param(len(SPELLINGS), marks=pytest.mark.soak)], ids=["one spelling", "every spelling"]
)
@pytest.mark.parametrize("route", EVERY_ROUTE, ids=" ".join)
def test_no_route_returns_or_logs_a_secret(
    api: Api, org: Organization, described: dict[str, Any], log: Log, route: Route, spellings: int
) -> None:
    """Routes are tested with the spellings in turn; `make soak` tests each route with every spelling."""
    with httpx2.Client() as http:
        probe = Probe(api, org, route, http)
        operation = _operation(described, route)
        first = EVERY_ROUTE.index(route)
        for number in range(first, first + spellings):
            spelling = SPELLINGS[number % len(SPELLINGS)]
            value = quote(spelling, safe="%")
            if "{" in route[1]:
                probe.send("path", segment=value)
            probe.send("unknown parameter", query=f"?{value}=1")
            for name in [each["name"] for each in operation.get("parameters", ()) if each.get("in") == "query"]:
                probe.send(f"parameter {name}", query=f"?{name}={value}")
            for name in READ_FIRST:
                probe.send(f"header {name}", headers={name: spelling}, body={})
            probe.send("headers", headers=dict.fromkeys(OTHER_HEADERS, spelling))
            if route[0] not in {"POST", "PATCH", "DELETE"}:
                continue
            probe.send("unknown field", body={spelling: spelling})
            for name in _fields(described, operation):
                # A text, a list and an object in turn, because each is refused with a different message.
                sent = (spelling, [spelling], {spelling: spelling})[number % 3]
                probe.send(f"field {name}", body=_with(dict(_valid(route)), name, sent))
                probe.send(f"field {name}", body=_with(dict(_valid(route)), name, spelling))
    assert not probe.leaks, "\n".join(probe.leaks)
    assert not log.leaks()


def test_every_route_is_tested() -> None:
    assert set(EVERY_ROUTE) == set(RULES) | PUBLIC | SIGNING_IN | SIGNED


def test_no_route_stores_a_secret(api: Api, org: Organization, described: dict[str, Any], postgres: PostgreSQL) -> None:
    """No table, Valkey key or log contains the secret after it was sent in every field of every route."""
    with httpx2.Client() as http:
        for route in EVERY_ROUTE:
            probe = Probe(api, org, route, http)
            probe.send("headers", headers=dict.fromkeys(("User-Agent", "X-Request-Id", "Idempotency-Key"), SECRET))
            for name in _fields(described, _operation(described, route)):
                for spelling in SPELLINGS[1:3]:
                    probe.send(f"field {name}", body=_with(dict(_valid(route)), name, spelling))
    url = postgres.url_of(api.server.database_url.partition("?")[0].rpartition("/")[2], SUPERUSER)
    kept = {place for place, content in remains(url, api.server) if any(part in content for part in RECOGNIZABLE_PARTS)}
    assert not kept


@pytest.mark.parametrize("spelling", [SECRET, f"x{SECRET}y", SECRET.replace("_", "%5F"), ENCODED[:60] + SECRET])
@pytest.mark.parametrize("address", ["{}@x.example", "ada@{}.example", "ada+{}@x.example"])
def test_an_email_address_that_contains_a_key_is_refused(org: Organization, spelling: str, address: str) -> None:
    body = {"email": address.format(spelling), "role": "viewer"}
    refused = org.client.post("/v1/organization/members/invite", body)
    assert (refused.status, set(refused.details)) == (422, {"email"})
    assert org.client.get("/v1/organization/invitations").data == []


@pytest.mark.parametrize("length", [100, 170, 190, 199, 290])
def test_a_truncated_name_does_not_show_part_of_a_secret(org: Organization, length: int) -> None:
    name = "x" * length + SECRET
    bodies: list[dict[str, object]] = [
        {"name": "a", name: 1},
        {"name": "a", "permissions": {"mcps": [name]}},
        {"name": "a", "permissions": {"mcps": "*", "tools": {name: {}}}},
    ]
    for body in bodies:
        refused = org.client.post("/v1/api-keys", body)
        assert refused.status == 422
        assert SECRET[13:20].encode() not in refused.content


def _operation(described: dict[str, Any], route: Route) -> dict[str, Any]:
    method, path = route
    plain = path.replace("}", "}")
    operation: dict[str, Any] = described["paths"].get(plain, {}).get(method.lower(), {})
    return operation


def _fields(described: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all fields of the body, with dots between the levels."""
    content = operation.get("requestBody", {}).get("content", {})
    for media in content.values():
        yield from _below(described, media.get("schema", {}), "")


def _below(described: dict[str, Any], schema: dict[str, Any], prefix: str) -> Iterator[str]:
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    for choice in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _below(described, choice, prefix)
    for name, each in schema.get("properties", {}).items():
        yield f"{prefix}{name}"
        yield from _below(described, each, f"{prefix}{name}.")


def _valid(route: Route) -> dict[str, Any]:
    rule = RULES.get(route)
    return {} if rule is None or rule.body is None else dict(rule.body)


def _with(body: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    first, _, rest = name.partition(".")
    inner: dict[str, Any] = body[first] if isinstance(body.get(first), dict) else {}
    body[first] = _with(dict(inner), rest, value) if rest else value
    return body
