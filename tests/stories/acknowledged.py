"""Callers that record every acknowledged request while servers are killed, and a check that the log contains them all.

A successful response acknowledges a request. A request without a response is not acknowledged and is retried.
"""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

import psycopg

from tests.random_input import random_token
from tests.stories.wire import Reply, Wire

CALLERS = 6
TIMEOUT_SECONDS = 60.0
"""After this time without a response the test fails."""

_PAUSE_SECONDS = 0.03


class Acknowledged(NamedTuple):
    """An acknowledged change: its stream, its revision, and the type of the event at that revision."""

    stream_id: str
    revision: int
    type: str


@dataclass
class Promises:
    """All acknowledged requests. `names`: the ids of created keys by their names; each creation was retried until
    acknowledged.
    """

    uses: list[str] = field(default_factory=list[str])
    changes: list[Acknowledged] = field(default_factory=list[Acknowledged])
    names: dict[str, str] = field(default_factory=dict[str, str])
    rotations: Counter[str] = field(default_factory=Counter[str])
    lost_answers: int = 0
    refusals: int = 0
    replays: int = 0


class Load:
    """Callers that verify, create, rename and rotate keys until the `with` block ends."""

    def __init__(self, port: int, manager: str, seed: int) -> None:
        self.promises = Promises()
        self._port = port
        self._manager = manager
        self._seed = seed
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(CALLERS)
        self._callers: list[Future[None]] = []

    def __enter__(self) -> Self:
        self._callers = [self._pool.submit(self._call, number) for number in range(CALLERS)]
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._pool.shutdown()
        for caller in self._callers:
            caller.result()

    def wait_for_progress(self, tend: Callable[[], None], uses: int = 5) -> float:
        """Wait until a new verification succeeds and more uses follow, and return the seconds that this took.

        `tend` is called repeatedly while waiting.
        """
        began = time.monotonic()
        answered: Reply | None = None
        wanted = 0
        with Wire(self._port, self._manager, seconds=5) as wire:
            while answered is None or len(self.promises.uses) < wanted:
                tend()
                for caller in self._callers:
                    if caller.done():
                        caller.result()
                assert time.monotonic() < began + TIMEOUT_SECONDS, "the service did not recover"
                if answered is None:
                    answered = self._once(lambda: wire.verify(self._manager))
                    wanted = len(self.promises.uses) + uses
                else:
                    time.sleep(_PAUSE_SECONDS)
        return time.monotonic() - began

    def _call(self, number: int) -> None:
        dice = random.Random(self._seed + number)  # noqa: S311 -- no secret
        with Wire(self._port, self._manager, seconds=5) as wire:
            key_id, secret = self._create(wire)
            while not self._over.is_set():
                match dice.choices(["verify", "create", "rename", "rotate"], [40, 2, 3, 2])[0]:
                    case "create":
                        key_id, secret = self._create(wire)
                    case "rename":
                        self._rename(wire, key_id)
                    case "rotate":
                        self._rotate(wire, key_id)
                    case _:
                        self._verify(wire, secret)

    def _verify(self, wire: Wire, secret: str) -> None:
        reply = self._once(lambda: wire.verify(secret))
        if reply is not None:
            self.promises.uses.append(reply.data["event_id"])

    def _create(self, wire: Wire) -> tuple[str, str]:
        """Create a key, retried with one Idempotency-Key until there is a response. Only the first has the secret."""
        name = f"Key {random_token()}"
        reply = self._until_answered(lambda: wire.post("/v1/api-keys", {"name": name}, idempotency_key=name))
        self.promises.names[name] = reply.data["id"]
        self.promises.changes.append(Acknowledged(reply.data["id"], reply.revision, "api_key.created"))
        self._count_replay(reply)
        return reply.data["id"], reply.data["key"] or self._manager

    def _rotate(self, wire: Wire, key_id: str) -> None:
        path, name = f"/v1/api-keys/{key_id}/rotate", random_token()
        reply = self._until_answered(lambda: wire.post(path, {"overlap_seconds": 0}, idempotency_key=name))
        self.promises.rotations[key_id] += 1
        # Two events, because without an overlap the earlier secret is retired immediately.
        self.promises.changes.append(Acknowledged(key_id, reply.revision - 1, "api_key.rotated"))
        self.promises.changes.append(Acknowledged(key_id, reply.revision, "api_key.secret_retired"))
        self._count_replay(reply)

    def _rename(self, wire: Wire, key_id: str) -> None:
        name = f"Key {random_token()}"
        reply = self._once(lambda: wire.request("PATCH", f"/v1/api-keys/{key_id}", {"name": name}))
        if reply is not None:
            self.promises.changes.append(Acknowledged(key_id, reply.revision, "api_key.details_changed"))

    def _count_replay(self, reply: Reply) -> None:
        self.promises.replays += reply.headers.get(b"idempotency-replayed") == b"true"

    def _once(self, send: Callable[[], Reply]) -> Reply | None:
        """Return the response, or None if it was lost or a temporary refusal."""
        try:
            reply = send()
        except OSError:
            self.promises.lost_answers += 1
            time.sleep(_PAUSE_SECONDS)
            return None
        if reply.status == 503:
            assert int(reply.headers[b"retry-after"]) >= 1
            self.promises.refusals += 1
            time.sleep(_PAUSE_SECONDS)
            return None
        assert reply.status < 300, reply.content
        return reply

    def _until_answered(self, send: Callable[[], Reply]) -> Reply:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                reply = send()
            except OSError as error:
                self.promises.lost_answers += 1
                problem = repr(error)
            else:
                if reply.status < 300:
                    return reply
                # 409: the first attempt is still in progress.
                assert reply.status in {503, 409}, reply.content
                problem = reply.content.decode()
            assert time.monotonic() < deadline, problem
            time.sleep(_PAUSE_SECONDS)


def broken(database_url: str, promises: Promises) -> list[str]:
    """Return a line for each acknowledged request that is not in the log exactly once."""
    with psycopg.connect(database_url) as connection:
        return [
            *_missing_or_duplicate_uses(connection, promises),
            *_missing_changes(connection, promises),
            *_duplicate_keys(connection, promises),
            *_duplicate_batches(connection),
        ]


def _missing_or_duplicate_uses(connection: psycopg.Connection[Any], promises: Promises) -> list[str]:
    rows = connection.execute("select event_id, count(*) from usage_events group by event_id").fetchall()
    found = dict(rows)
    missing = [f"use {event_id} is missing" for event_id in promises.uses if event_id not in found]
    return missing + [f"use {event_id} is there {times} times" for event_id, times in rows if times != 1]


def _missing_changes(connection: psycopg.Connection[Any], promises: Promises) -> list[str]:
    rows = connection.execute("select stream_id, version, type from events").fetchall()
    found = Counter(Acknowledged(*row) for row in rows)
    return [f"{change} is there {found[change]} times" for change in promises.changes if found[change] != 1]


def _duplicate_keys(connection: psycopg.Connection[Any], promises: Promises) -> list[str]:
    rows = connection.execute(
        "select convert_from(body, 'utf8')::json #>> '{data,name}', stream_id from events"
        " where type = 'api_key.created'"
    ).fetchall()
    made = Counter(name for name, _ in rows if name in promises.names)
    lines = [f"{name} was made {made[name]} times" for name in promises.names if made[name] != 1]
    lines += [
        f"{name} is {key_id}, and another was answered"
        for name, key_id in rows
        if promises.names.get(name, key_id) != key_id
    ]
    rows = connection.execute(
        "select stream_id, count(*) from events where type = 'api_key.rotated' group by stream_id"
    ).fetchall()
    rotated = dict(rows)
    return lines + [
        f"{key_id} was rotated {rotated.get(key_id, 0)} times, {times} were answered"
        for key_id, times in promises.rotations.items()
        if rotated.get(key_id, 0) != times
    ]


def _duplicate_batches(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "select producer, sequence, count(*) from usage_batches group by producer, sequence having count(*) > 1"
    ).fetchall()
    return [f"batch {sequence} of {producer} is there {times} times" for producer, sequence, times in rows]
