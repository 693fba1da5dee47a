"""A signed-in browser without JavaScript that measures its requests, and reads what it needs from the API."""

import http.client
import json
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlencode

from app.auth.sessions import csrf_token
from benchmarks.large_organization import Prepared
from benchmarks.page_addresses import Address, Examples

_COOKIE = "keyledger_session"
_MANY = 20
_AFTER = re.compile(r'data-after="([^"]+)"')
_HOOK = {"url": "https://hooks.example.com/keyledger", "events": ["api_key.created", "api_key.revoked"]}


class Answer(NamedTuple):
    ms: float
    content: bytes
    headers: Mapping[str, str]


class RequestFailed(RuntimeError):
    """A response that is neither 200 nor 204: its time would mean nothing."""


class Visitor:
    """`cookie` is the secret of the session."""

    def __init__(self, url: str, cookie: str) -> None:
        self.csrf_token = csrf_token(cookie)
        self._headers = {"Cookie": f"{_COOKIE}={cookie}", "X-CSRF-Token": self.csrf_token}
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)

    def visit(self, address: Address, turn: int) -> Answer:
        """Request an address, for the turn-th time."""
        path = address.paths[turn % len(address.paths)]
        if address.form is None:
            return self._request("GET", path)
        form = urlencode(address.form).encode()
        return self._request("POST", path, form, {"Content-Type": "application/x-www-form-urlencoded"})

    def get(self, path: str, **headers: str) -> Answer:
        return self._request("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def listed(self, path: str, **query: object) -> list[Any]:
        """Return `data` of a route."""
        return json.loads(self.get(f"{path}?{urlencode(query)}").content)["data"]

    def _request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        began = time.perf_counter()
        self._connection.request(method, path, body, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        content = answer.read()
        ms = (time.perf_counter() - began) * 1_000
        if answer.status not in {200, 201, 204}:
            raise RequestFailed(f"{method} {path}: {answer.status} {content[:500].decode()}")
        return Answer(ms, content, {name.lower(): value for name, value in answer.getheaders()})

    def post(self, path: str, body: Mapping[str, object]) -> None:
        self._request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})


def examples_for(visitor: Visitor, prepared: Prepared) -> Examples:
    """Return values for the parameters of pages. Create a webhook and an invitation, if the organization has none."""
    if not visitor.listed("/v1/webhooks"):
        visitor.post("/v1/webhooks", _HOOK)
    if not visitor.listed("/v1/organization/invitations"):
        visitor.post("/v1/organization/members/invite", {"email": "grace@example.com", "role": "member"})
    busiest = json.loads(visitor.get("/v1/usage").content)["data"]["by_key"][0]["key_id"]
    uses = visitor.listed("/v1/activity", per_page=100)
    key_uses = visitor.listed(f"/v1/api-keys/{busiest}/activity", per_page=100)
    old = visitor.listed("/v1/activity", to=uses[-1]["timestamp"], per_page=1)
    return Examples(
        key_id=[key["id"] for key in visitor.listed("/v1/api-keys", status="active", page=50, per_page=_MANY)],
        mcp_id=prepared.mcp_ids[:_MANY],
        user_id=prepared.member_ids,
        alert_id=prepared.alert_ids[:_MANY],
        webhook_id=[hook["id"] for hook in visitor.listed("/v1/webhooks")],
        invite_id=[each["invite_id"] for each in visitor.listed("/v1/organization/invitations")],
        use_id=[use["id"] for use in uses[:_MANY]],
        change_id=[change["id"] for change in visitor.listed("/v1/audit/events", per_page=_MANY)],
        busiest_key_id=busiest,
        disabled_key_id=visitor.listed("/v1/api-keys", status="disabled", per_page=1)[0]["id"],
        revoked_key_id=visitor.listed("/v1/api-keys", status="revoked", per_page=1)[0]["id"],
        old_use_id=old[0]["id"],
        csrf_token=visitor.csrf_token,
        after={
            "activity": (newest_use(visitor, "/activity"), uses[50]["id"]),
            "activity of a key": (newest_use(visitor, f"/keys/{busiest}/activity"), key_uses[50]["id"]),
        },
    )


def newest_use(visitor: Visitor, path: str) -> str:
    """Return where the tail of a page starts."""
    found = _AFTER.search(visitor.get(path).content.decode())
    if found is None:
        raise RequestFailed(f"{path} has no tail")
    return found[1]
