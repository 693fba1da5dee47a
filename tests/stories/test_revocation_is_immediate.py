"""A verification that begins after a change was acknowledged never sees the earlier state, on any process.

Callers with separate connections verify the same keys on two API processes while others change them. Afterwards
`tests/stories/history.py` checks all results, including revisions. To show that the test is effective, the same run
fails against a build with a short cache.
"""

import random
import threading
import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from itertools import count, cycle

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from infrastructure.clock import now
from tests.app.organizations import Database
from tests.app.serving import Server
from tests.stories.conftest import StartServer
from tests.stories.faulty_builds import CACHED_SECONDS
from tests.stories.history import Change, Question, Seen, Verification, violations
from tests.stories.wire import Reply, Wire
from tests.waiting import eventually

VERIFIERS = 6
CONNECTIONS = 4
CHANGERS = 3
PAUSE_SECONDS = 0.02


class Key:
    """A key that one caller changes and many verify. `secrets` only grows."""

    def __init__(self, key_id: str, secret: str) -> None:
        self.id = key_id
        self.secrets = [secret]
        self.revision = 1
        self.status = "valid"
        self.mcps: tuple[str, ...] | None = None

    def answers(self, mcps: tuple[str, str]) -> dict[Question, Seen]:
        """Return the expected results of verifications from now on."""
        answers: dict[Question, Seen] = {}
        for number in range(1, len(self.secrets) + 1):
            replaced = number < len(self.secrets) or self.status == "revoked_key"
            code = "revoked_key" if replaced else self.status
            answers[Question(number)] = Seen(code, self.revision)
            for mcp_id in mcps:
                permitted = self.mcps is None or mcp_id in self.mcps
                reach = code if permitted or code != "valid" else "mcp_not_permitted"
                answers[Question(number, mcp_id)] = Seen(reach, self.revision)
        return answers


class Story:
    """The callers, and a record of their changes and verifications."""

    def __init__(self, port: int, manager: str, mcps: tuple[str, str], verifications: int) -> None:
        self.changes: list[Change] = []
        self.verifications: list[Verification] = []
        self.kinds: set[str] = set()
        self._port = port
        self._manager = manager
        self._mcps = mcps
        self._wanted = verifications
        self._keys: list[Key] = []
        self._over = threading.Event()
        self.began = ""

    def run(self) -> None:
        self.began = now().isoformat()
        with ThreadPoolExecutor(VERIFIERS + CHANGERS) as callers:
            changing = [callers.submit(self._change_keys) for _ in range(CHANGERS)]
            verifying = [callers.submit(self._verify_keys, number) for number in range(VERIFIERS)]
            try:
                for future in verifying + changing:
                    future.result()
            finally:
                self._over.set()

    def _verify_keys(self, number: int) -> None:
        dice = random.Random(number)  # noqa: S311 -- no secret
        with self._wires() as wires:
            for wire in wires:
                if self._over.is_set():
                    return
                if keys := self._keys[-2 * CHANGERS :]:
                    self._verify(wire, dice.choice(keys), dice)

    def _verify(self, wire: Wire, key: Key, dice: random.Random) -> None:
        version = len(key.secrets) - (dice.random() < 0.2 and len(key.secrets) > 1)
        question = Question(version, dice.choice([None, *self._mcps]))
        target = {} if question.mcp_id is None else {"mcp_id": question.mcp_id}
        began = time.perf_counter()
        reply = wire.verify(key.secrets[version - 1], **target)
        ended = time.perf_counter()
        data = reply.data
        seen = Seen(data["code"], data.get("revision"))
        self.verifications.append(Verification(key.id, question, began, ended, seen))
        if len(self.verifications) >= self._wanted:
            self._over.set()

    def _change_keys(self) -> None:
        """Take one key after the other through all changes, and verify it immediately after each change."""
        dice = random.Random(CHANGERS)  # noqa: S311 -- no secret
        one, other = self._mcps
        with Wire(self._port, self._manager) as manager, self._wires() as wires:
            for name in count(1):
                began = time.perf_counter()
                made = manager.post("/v1/api-keys", {"name": f"Key {name}", "permissions": {"mcps": "*"}})
                key = Key(made.data["id"], made.data["key"])
                self._changed(key, began, made, "create")
                self._keys.append(key)
                for what in ("disable", "enable", "narrow", "rotate", "widen", "narrow", "rotate", "revoke"):
                    # A key whose changes stop halfway when the time is over is fine.
                    if self._over.wait(dice.uniform(0, 2 * PAUSE_SECONDS)):
                        return
                    began = time.perf_counter()
                    reply = self._request_change(manager, key, what, (one,) if dice.random() < 0.5 else (other,))
                    self._changed(key, began, reply, what)
                    for _ in range(CONNECTIONS):
                        self._verify(next(wires), key, dice)

    def _request_change(self, manager: Wire, key: Key, what: str, narrowed: tuple[str, ...]) -> Reply:
        path = f"/v1/api-keys/{key.id}"
        match what:
            case "narrow" | "widen":
                key.mcps = narrowed if what == "narrow" else None
                return manager.request("PATCH", path, {"permissions": {"mcps": key.mcps or "*"}})
            case "rotate":
                reply = manager.post(f"{path}/rotate", {"overlap_seconds": 0})
                # No caller can know the new secret before this response.
                key.secrets.append(reply.data["key"])
                return reply
            case _:
                key.status = {"disable": "disabled_key", "enable": "valid", "revoke": "revoked_key"}[what]
                return manager.post(f"{path}/{what}")

    def _changed(self, key: Key, began: float, reply: Reply, what: str) -> None:
        ended = time.perf_counter()
        assert reply.status in {200, 201}, reply.content
        key.revision = reply.revision
        self.changes.append(Change(key.id, began, ended, key.answers(self._mcps)))
        self.kinds.add(what)

    @contextmanager
    def _wires(self) -> Generator[Iterator[Wire]]:
        """Open several connections and cycle through them, so that every process gets requests."""
        with ExitStack() as stack:
            yield cycle([stack.enter_context(Wire(self._port, self._manager)) for _ in range(CONNECTIONS)])


def _story(start_server: StartServer, database: Database, verifications: int, *module: str) -> Story:
    organization_id = database.organization("enterprise")
    _, manager = database.key(organization_id, permissions=Permissions(mcps="*", manage=GRANTS))
    server = start_server(*module, API_WORKERS="2")
    with Wire(server.port, manager) as wire:
        body = {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp", "auth_type": "none"}
        one, other = (wire.post("/v1/mcps", {**body, "environment": "live"}).data["id"] for _ in range(2))
    # A process that starts later would get none of the connections, which stay open.
    eventually(lambda: _answering_processes(server, manager, database) == 2)
    story = Story(server.port, manager, (one, other), verifications)
    story.run()
    return story


def _answering_processes(server: Server, manager: str, database: Database) -> int:
    """Send a request on a new connection, and return how many processes have recorded requests so far."""
    with Wire(server.port, manager) as wire:
        wire.request("GET", "/v1/api-keys")
    return _recording_processes(database, "-infinity")


def _recording_processes(database: Database, since: str) -> int:
    # The name of a producer in the log consists of its process and a number.
    ((processes,),) = database.rows(
        "select count(distinct split_part(producer, '-', 1)) from usage_batches where occurred_at >= %s::timestamptz",
        since,
    )
    return int(processes)


@pytest.mark.parametrize(
    ("verifications", "changes_above"), [(6_000, 20), pytest.param(20_000, 50, marks=pytest.mark.soak)]
)
def test_no_verification_sees_the_state_before_an_acknowledged_change(
    start_server: StartServer, database: Database, verifications: int, changes_above: int
) -> None:
    story = _story(start_server, database, verifications)
    assert violations(story.changes, story.verifications) == []
    assert len(story.verifications) >= verifications
    assert len(story.changes) > changes_above
    assert story.kinds == {"create", "disable", "enable", "narrow", "widen", "rotate", "revoke"}
    assert _recording_processes(database, story.began) == 2
    ((uses,),) = database.rows("select count(*) from usage_events where action = 'verify'")
    assert uses == len(story.verifications)


def test_the_same_check_fails_with_a_cache_of_a_fifth_of_a_second(
    start_server: StartServer, database: Database
) -> None:
    story = _story(start_server, database, 2_000, "tests.stories.faulty_builds", "cached")
    found = violations(story.changes, story.verifications)
    assert found, f"a cache of {CACHED_SECONDS} s was not detected"
    assert any("before it began" in violation.why for violation in found)
