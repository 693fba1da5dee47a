"""Corrections of generated valid requests that a schema cannot express. schemathesis loads this file.

A valid request names existing resources, future instants and networks, and does not reuse an Idempotency-Key. Requests
that are meant to be invalid are not changed.
"""

import os
from collections.abc import Callable
from itertools import count
from typing import Any, cast

import schemathesis
from schemathesis import GenerationMode

MCP_ID = os.environ["MCP_ID"]
DOOMED_KEY_ID = os.environ["DOOMED_KEY_ID"]
CREDENTIALS = {
    "bearer": {"auth_token": "token"},
    "api_key": {"auth_token": "token"},
    "query": {"auth_parameter": "apiKey", "auth_token": "token"},
    "basic": {"auth_username": "user", "auth_password": "password"},
}

ZONES = ("UTC", "America/Los_Angeles", "Asia/Kathmandu")

_idempotency_keys = count(1)


@schemathesis.hook  # pyright: ignore[reportUnknownMemberType]
def before_call(context: Any, case: Any, kwargs: Any) -> None:  # noqa: ANN401 -- schemathesis'
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    for sent in (case.query, case.headers):
        for name in _TAKEN_FROM_EARLIER_RESPONSES & set(sent or {}):
            del sent[name]
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"fuzzing-{next(_idempotency_keys)}"
    query: dict[str, Any] = case.query or {}
    if case.path == "/v1/auth/check" and not {"mcp_id", "organization_id"} & query.keys():
        query["mcp_id"] = MCP_ID
        case.query = query
    _correct_query(query)
    # schemathesis checks a request again whose parts are set, so only parts that change are set.
    if isinstance(case.body, dict):
        case.body = _corrected(_with_integers(cast("dict[str, Any]", case.body)))  # pyright: ignore[reportUnknownMemberType]


_TAKEN_FROM_EARLIER_RESPONSES = {"cursor", "after", "If-Match"}


def _correct_query(query: dict[str, Any]) -> None:
    for name in _CORRECTIONS.keys() & query.keys():
        query[name] = _CORRECTIONS[name](query[name])
    if "tool" in query:
        query["mcp_id"] = MCP_ID
    if "days" in query:
        for name in ("period", "start_date", "end_date"):
            query.pop(name, None)
    if {"start_date", "end_date"} & query.keys():
        query.pop("period", None)
        query |= {"start_date": "2024-02-01", "end_date": "2024-02-29"}


def _with_integers(value: Any) -> Any:  # noqa: ANN401 -- JSON
    """Return `value` with 1 instead of 1.0, which is an integer for JSON Schema but not for the service."""
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            members = cast("dict[str, Any]", value)  # pyright: ignore[reportUnknownMemberType]
            return {name: _with_integers(member) for name, member in members.items()}
        case list():
            return [_with_integers(item) for item in cast("list[Any]", value)]
        case _:
            return value


def _corrected(body: dict[str, Any]) -> dict[str, Any]:
    made = {
        name: _CORRECTIONS[name](value) if name in _CORRECTIONS and value is not None else value
        for name, value in body.items()
    }
    if made.get("expires_at") is not None:
        made.pop("expires_in_days", None)
    if made.get("tool") is not None:
        made["mcp_id"] = MCP_ID
    if any(name.startswith("auth_") for name in made):
        auth_type = made.get("auth_type") or "none"
        made = {name: value for name, value in made.items() if not name.startswith("auth_")}
        made |= {"auth_type": auth_type, **CREDENTIALS.get(auth_type, {})}
    return made


def _permissions(given: dict[str, Any]) -> dict[str, Any]:
    made = dict(given)
    if isinstance(made.get("mcps"), list):
        made["mcps"] = [MCP_ID]
    if "tools" in made:
        made["tools"] = {MCP_ID: {"allow": ["get_*"], "deny": []}}
    return made


def _printable(text: str) -> str:
    return text if text.isprintable() and text.strip() else "sound"


_CORRECTIONS: dict[str, Callable[[Any], Any]] = {
    "name": _printable,
    "tool": _printable,
    "ip": lambda _: "192.0.2.7",
    "mcp_id": lambda _: MCP_ID,
    "time_zone": lambda given: ZONES[len(given) % len(ZONES)],
    "permissions": _permissions,
    "expires_at": lambda _: "2098-01-01T00:00:00Z",
    "allowed_ips": lambda given: ["10.0.0.0/8"] if given else [],
    "metadata": lambda given: {_printable(name): value for name, value in given.items()},
    "overlap_seconds": int,  # 5.0 is an integer in JSON Schema, but not in this API
    "timeout": int,  # likewise
    "url": lambda _: "https://example.com/hooks",
    "endpoint_url": lambda _: "https://mcp.example.com/mcp",
    "settings": lambda given: {_printable(name): value for name, value in given.items()},
    "email": lambda _: "nobody@example.com",
    # A bulk revocation may select only a key that no other request uses, and the keys that it created.
    "ids": lambda given: [DOOMED_KEY_ID] if given else given,
    "created_by": lambda _: DOOMED_KEY_ID,
    "created_before": lambda _: "2024-02-01T00:00:00Z",
}
