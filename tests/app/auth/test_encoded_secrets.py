"""A key that is percent-encoded once or repeatedly appears in no response and in no log line."""

from collections.abc import Callable
from urllib.parse import unquote

import pytest

from tests.app.client import Response
from tests.app.organizations import Api, Organization, unknown_secret

SECRET = unknown_secret(b"\x2b" * 32)
RECOGNIZABLE_PART = SECRET[14:-4]
"""The part that every decoded spelling of the secret contains and that must not be shown."""


def _all_encoded(text: str) -> str:
    return "".join([f"%{ord(letter):02x}" for letter in text])


def _again(text: str) -> str:
    return text.replace("%", "%25")


ONCE = SECRET.replace("_", "%5F")
SPELLINGS = {
    "underscores once": ONCE,
    "underscores twice": _again(ONCE),
    "underscores three times, in lower case": _again(_again(SECRET.replace("_", "%5f"))),
    "everything once": _all_encoded(SECRET),
    "everything twice": _again(_all_encoded(SECRET)),
    "everything three times, in upper case": _again(_again(_all_encoded(SECRET).upper())),
    "underscores encoded differently": SECRET.replace("_", "%5f", 1).replace("_", "%25255F", 1),
    "prefix encoded differently": SECRET.replace("pk", _all_encoded("p") + _again(_all_encoded("k"))),
    "inside a longer text": f"/x%3Fa%3D{_again(ONCE)}%26b",
}


def _path(org: Organization, text: str) -> list[Response]:
    key, mcp = org.client.get(f"/v1/api-keys/{text}"), org.client.get(f"/v1/mcps/{text}")
    return [key, mcp, org.client.get(f"/v1/{text}"), org.client.delete(f"/v1/webhooks/{text}")]


def _parameter_name(org: Organization, text: str) -> list[Response]:
    paths = (f"/v1/api-keys?{text}=1", f"/v1/auth/check?{text}=1", f"/v1/usage?{text}", f"/v1/mcps?{text}=1&{text}=2")
    return [org.client.get(path) for path in paths]


def _parameter_value(org: Organization, text: str) -> list[Response]:
    return [org.client.get(f"/v1/{path}={text}") for path in ("api-keys?q", "api-keys?mcp_id", "audit/events?type")]


def _name_in_json(org: Organization, text: str) -> list[Response]:
    bodies: list[dict[str, object]] = [
        {text: 1},
        {"name": "a", text: {text: [text]}},
        {"name": "a", "metadata": {text: 1}},
        {"name": "a", "permissions": {text: "*"}},
        {"name": "a", "permissions": {"mcps": [text]}},
        {"name": "a", "permissions": {"mcps": "*", "tools": {text: {"allow": [text]}}}},
        {"name": "a", "permissions": {"mcps": "*", "manage": [text]}},
    ]
    return [
        *[org.client.post("/v1/api-keys", body) for body in bodies],
        org.client.post("/v1/mcp/invoke", {"mcp_id": text, "tool": text, "arguments": {}, text: 1}),
        org.client.post("/v1/webhooks", {"url": "https://example.com/", "events": [text]}),
    ]


def _name_in_json_twice(org: Organization, text: str) -> list[Response]:
    content = f'{{"{text}":1,"{text}":2}}'.encode()
    headers = {"Content-Type": "application/json"}
    return [org.client.request("POST", "/v1/api-keys", content=content, headers=headers)]


@pytest.mark.parametrize("spelling", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("send", [_path, _parameter_name, _parameter_value, _name_in_json, _name_in_json_twice])
def test_an_encoded_key_is_not_quoted_or_logged(
    api: Api, refused_org: Organization, send: Callable[[Organization, str], list[Response]], spelling: str
) -> None:
    start = api.server.log.stat().st_size
    for answer in send(refused_org, spelling):
        assert 400 <= answer.status < 500
        assert RECOGNIZABLE_PART not in _decoded(answer.content)
        assert RECOGNIZABLE_PART not in _decoded(repr(answer.headers.multi_items()).encode())
    with api.server.log.open("rb") as log:
        log.seek(start)
        assert RECOGNIZABLE_PART not in _decoded(log.read())


def test_a_text_that_only_begins_like_a_key_is_quoted(org: Organization) -> None:
    """Otherwise the test above would pass for a service that quotes nothing."""
    text = _again(ONCE)[:40]
    refused = org.client.post("/v1/api-keys", {"name": "a", text: 1})
    assert set(refused.details) == {text}


def _decoded(content: bytes) -> str:
    text = content.decode()
    while (decoded := unquote(text)) != text:
        text = decoded
    return text
