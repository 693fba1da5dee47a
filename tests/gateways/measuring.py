"""Requests to the gateways in each case of the table in `docs/gateways.md`, and the cells that describe responses."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from http import HTTPStatus
from typing import Any, NamedTuple

import httpx2

from embedded.postgres import PostgreSQL
from embedded.processes import working_in
from tests.app.organizations import Api, Organization
from tests.gateways.programs import Gateway
from tests.gateways.upstream import Upstream
from tests.process_tree import children_of
from tests.random_input import random_bytes
from tests.waiting import eventually

ATTEMPTS_MAX = 40
"""More requests than a key with a limit of one per second may make together."""

SLOW_SECONDS = 0.3
"""Shorter than the timeouts of Keyledger and of every gateway."""

FORGED = "forged"
IDENTITY = ("x-key-id", "x-key-name", "x-organization-id", "x-key-environment")
_ALIASES = "_.!~"
"""Characters that some servers do not distinguish from `-` in the name of a header (RFC 3875, section 4.1.18)."""
_KEPT_ALIASES = {"Caddy": "!~"}
"""Those that a gateway does not remove. The document says so."""

_SECONDS_MAX = 60.0


class Answer(NamedTuple):
    """A response of a gateway. `reached`: the request reached the upstream."""

    status: int
    headers: httpx2.Headers
    body: bytes
    seconds: float
    reached: bool

    @property
    def json(self) -> Any:  # noqa: ANN401 -- JSON
        return json.loads(self.body)

    @property
    def received(self) -> dict[str, list[str]]:
        """Return the headers that the upstream received, in lower case."""
        found: dict[str, list[str]] = {}
        for name, value in self.json["headers"]:
            found.setdefault(name, []).append(value)
        return found

    @property
    def cell(self) -> str:
        """Return the status, the kind of body and the headers that a client needs, for the table."""
        parts = [f"{self.status} {self._kind}".strip()]
        if "www-authenticate" in self.headers:
            parts.append("WWW-Authenticate")
        if "retry-after" in self.headers:
            parts.append(f"Retry-After: {self.headers['retry-after']}")
        return "<br>".join(parts)

    @property
    def _kind(self) -> str:
        kind = self.headers.get("content-type", "").partition(";")[0]
        if self.status == HTTPStatus.OK:
            return ""
        if kind == "application/problem+json":
            return f"`{self.json['error']['code']}`"
        return "text" if self.body else "no body"


class Asker:
    """Sends requests through a gateway to the upstream."""

    def __init__(self, gateway: Gateway, upstream: Upstream) -> None:
        self.gateway = gateway
        self._upstream = upstream

    def ask(
        self,
        key: str | None = None,
        path: str = "/",
        method: str = "GET",
        headers: Sequence[tuple[str, str]] = (),
        content: bytes | Generator[bytes] | None = None,
        address: str = "127.0.0.1",
    ) -> Answer:
        """Send a request with forged identity headers from an address of this machine."""
        mark = random_bytes(8).hex()
        sent = [*headers, ("X-Asked", mark)]
        for name in IDENTITY:
            sent += [(name, FORGED), (name.title(), f"{FORGED} again")]
            kept = _KEPT_ALIASES.get(self.gateway.name, "")
            sent += [(name.replace("-", alias), FORGED) for alias in _ALIASES if alias not in kept]
        if key is not None:
            sent.append(("Authorization", f"Bearer {key}"))
        began = time.monotonic()
        transport = httpx2.HTTPTransport(local_address=address)
        with httpx2.Client(transport=transport, timeout=_SECONDS_MAX) as client:
            # The target is sent as it is. The client would remove `.` and `..` from a path.
            target = {"target": path.encode()}
            answer = client.request(method, self.gateway.url, headers=sent, content=content, extensions=target)
        seconds = time.monotonic() - began
        reached = mark in self._upstream.seen if self.gateway.passes_on else answer.status_code == HTTPStatus.OK
        return Answer(answer.status_code, answer.headers, answer.content, seconds, reached)

    def ask_until_refused(self, key: str) -> Answer:
        """Repeat a request until it is refused, and return that response."""
        for _ in range(ATTEMPTS_MAX):
            answer = self.ask(key)
            if answer.status != HTTPStatus.OK:
                return answer
        raise AssertionError(f"{ATTEMPTS_MAX} requests were admitted")


Answers = Mapping[str, Mapping[str, Answer]]
"""Answers by case and gateway."""


class Cases:
    """The cases of the table. Each asks all gateways concurrently."""

    def __init__(self, api: Api, org: Organization, mcp_id: str, askers: Sequence[Asker]) -> None:
        self._api, self._org, self._mcp_id, self._askers = api, org, mcp_id, askers

    def decisions(self) -> Answers:
        """Return the answers while everything runs."""
        org, permitted = self._org, {"mcps": [self._mcp_id]}
        valid, revoked = org.key(permissions=permitted), org.key(permissions=permitted)
        elsewhere = org.key(permissions={"mcps": []})
        org.client.delete(revoked.path)
        foreign = self._api.organization().key(permissions={"mcps": "*"}).secret

        def limited() -> str:
            return org.key(permissions=permitted, rate_limit={"per_second": 1}).secret

        return {
            "valid key": self._each(lambda asker: asker.ask(valid.secret)),
            "no key": self._each(lambda asker: asker.ask()),
            "malformed key": self._each(lambda asker: asker.ask("not-a-key")),
            "revoked key": self._each(lambda asker: asker.ask(revoked.secret)),
            "key of another organization": self._each(lambda asker: asker.ask(foreign)),
            "key without this MCP server": self._each(lambda asker: asker.ask(elsewhere.secret)),
            "rate-limited key": self._each(lambda asker: asker.ask_until_refused(limited())),
        }

    def outages(self, postgres: PostgreSQL) -> Answers:
        """Return the answers to an accepted key while the database or Keyledger does not respond."""
        secret = self._org.key(permissions={"mcps": [self._mcp_id]}).secret

        def asked() -> Mapping[str, Answer]:
            return self._each(lambda asker: asker.ask(secret))

        def recovered() -> bool:
            return all(answer.status == HTTPStatus.OK for answer in asked().values())

        found: dict[str, Mapping[str, Answer]] = {}
        postgres.stop()
        try:
            found["database stopped"] = asked()
        finally:
            postgres.start()
        eventually(recovered)
        with _paused(working_in(postgres.folder, "postgres"), SLOW_SECONDS):
            found["slow database"] = asked()
        with _paused(working_in(postgres.folder, "postgres")):  # with the backends that were started meanwhile
            found["database hangs"] = asked()
        eventually(recovered)
        server = self._api.server
        with _paused([server.pid, *_descendants(server.pid)]):
            found["Keyledger hangs"] = asked()
        eventually(recovered)
        server.kill()
        try:
            found["Keyledger stopped"] = asked()
        finally:
            server.start()
        eventually(recovered)
        return found

    def _each(self, ask: Callable[[Asker], Answer]) -> Mapping[str, Answer]:
        with ThreadPoolExecutor(len(self._askers)) as threads:
            return dict(zip([each.gateway.name for each in self._askers], threads.map(ask, self._askers), strict=True))


@contextmanager
def _paused(pids: Sequence[int], seconds: float | None = None) -> Generator[None]:
    """Pause processes for some time or until the end: connections to them are accepted, and nothing responds."""
    resume = threading.Timer(seconds or 0, _signal, (pids, signal.SIGCONT))
    try:
        _signal(pids, signal.SIGSTOP)
        if seconds is not None:
            resume.start()
        yield
    finally:
        resume.cancel()
        _signal(pids, signal.SIGCONT)


def _signal(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):  # a backend ends with its connection
            os.kill(pid, number)


def _descendants(pid: int) -> list[int]:
    return [each for child in children_of(pid) for each in (child, *_descendants(child))]
