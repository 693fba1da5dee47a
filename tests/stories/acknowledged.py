"""Callers who remember what they were promised, while servers are killed below them, and a look at whether it was kept.

What is answered with success is acknowledged; an answer that never came promises nothing, and is asked for again.
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
PATIENCE_SECONDS = 60.0
"""After so long without an answer the service counts as gone."""

_PAUSE_SECONDS = 0.03


class Acknowledged(NamedTuple):
    """A change that was answered: its stream, the revision it was given, and the type of the event at that revision."""

    stream_id: str
    revision: int
    type: str


@dataclass
class Promises:
    """All that was acknowledged. `names` of created keys, each asked for until there was an answer."""

    uses: list[str] = field(default_factory=list[str])
    changes: list[Acknowledged] = field(default_factory=list[Acknowledged])
    names: dict[str, str] = field(default_factory=dict[str, str])
    rotations: Counter[str] = field(default_factory=Counter[str])
    lost_answers: int = 0
    refusals: int = 0
    replays: int = 0


class Load:
    """Callers at work inside `with`: they verify, create, rename and rotate until it ends."""

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
        """Until a verification that began from now on is answered, and then some more; gives the seconds it took.

        `tend` is called again and again meanwhile.
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
                assert time.monotonic() < began + PATIENCE_SECONDS, "the service did not come back"
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
        """A new key, asked for under one Idempotency-Key until there is an answer; the secret is in the first one."""
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
        # Two events: without an overlap the earlier secret is retired at once.
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

    def _once(self, ask: Callable[[], Reply]) -> Reply | None:
        """The answer, or None when it was lost or refused for the time being."""
        try:
            reply = ask()
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

    def _until_answered(self, ask: Callable[[], Reply]) -> Reply:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                reply = ask()
            except OSError as error:
                self.promises.lost_answers += 1
                said = repr(error)
            else:
                if reply.status < 300:
                    return reply
                # 409: the first attempt is still under way.
                assert reply.status in {503, 409}, reply.content
                said = reply.content.decode()
            assert time.monotonic() < deadline, said
            time.sleep(_PAUSE_SECONDS)


def broken(database_url: str, promises: Promises) -> list[str]:
    """A line for each promise that the log does not keep."""
    with psycopg.connect(database_url) as connection:
        return [
            *_uses_missing_or_doubled(connection, promises),
            *_changes_missing(connection, promises),
            *_keys_doubled(connection, promises),
            *_batches_doubled(connection),
        ]


def _uses_missing_or_doubled(connection: psycopg.Connection[Any], promises: Promises) -> list[str]:
    rows = connection.execute("select event_id, count(*) from usage_events group by event_id").fetchall()
    found = dict(rows)
    missing = [f"use {event_id} is missing" for event_id in promises.uses if event_id not in found]
    return missing + [f"use {event_id} is there {times} times" for event_id, times in rows if times != 1]


def _changes_missing(connection: psycopg.Connection[Any], promises: Promises) -> list[str]:
    rows = connection.execute("select stream_id, version, type from events").fetchall()
    found = Counter(Acknowledged(*row) for row in rows)
    return [f"{change} is there {found[change]} times" for change in promises.changes if found[change] != 1]


def _keys_doubled(connection: psycopg.Connection[Any], promises: Promises) -> list[str]:
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


def _batches_doubled(connection: psycopg.Connection[Any]) -> list[str]:
    rows = connection.execute(
        "select producer, sequence, count(*) from usage_batches group by producer, sequence having count(*) > 1"
    ).fetchall()
    return [f"batch {sequence} of {producer} is there {times} times" for producer, sequence, times in rows]
