"""Rounds of `kill -9` under load, of the API, PostgreSQL and the workers, as a whole or single processes."""

import asyncio
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from embedded.postgres import PostgreSQL
from embedded.processes import wait_for, working_in
from embedded.valkey import Valkey
from tests.app.organizations import Database
from tests.app.serving import Server
from tests.process_tree import children_of
from tests.programs import Running, run_program, start_program
from tests.stories.acknowledged import Load, Promises, broken
from tests.stories.hostile import Clients, Disturbances, Findings, Target, probe_until

KINDS = ("api", "api process", "postgresql", "backend", "worker", "workers")


class Kills:
    """An API with two processes, a worker pool and a scheduler on one database, and methods that kill them.

    Processes without a supervisor are started again immediately, as a supervisor would do; the others restart by
    themselves.
    """

    def __init__(self, postgres: PostgreSQL, database_url: str, redis_url: str, folder: Path) -> None:
        self._postgres = postgres
        self._database_url = database_url
        self._server = Server(database_url, redis_url, folder / "api.log", {"API_WORKERS": "2"})
        self._workers_log = folder / "workers.log"
        self._environment = {**os.environ, "DATABASE_URL": database_url, "REDIS_URL": redis_url, "WORKERS": "2"}
        self._workers: dict[str, Running] = {}

    def __enter__(self) -> Self:
        self._server.start()
        for word in ("run", "schedule"):
            self._start_workers(word)
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.stop()
        for word in list(self._workers):
            self._end_workers(word, signal.SIGTERM)

    def rounds(self, kinds: Sequence[str], seed: int, say: Callable[[str], None]) -> Promises:
        """Kill one after the other, and return what was acknowledged meanwhile. Everything runs again afterwards."""
        dice = random.Random(seed)  # noqa: S311 -- no secret
        with Load(self._server.port, self._manager(), seed) as load:
            load.wait_for_progress(self._tend)
            for number, kind in enumerate(kinds, start=1):
                # A random time, so that the kill hits any state of the callers.
                wait_for(lambda: False, dice.uniform(0.05, 0.5))
                uses = len(load.promises.uses)
                self._kill(kind, dice)
                seconds = load.wait_for_progress(self._tend)
                say(f"round {number}: killed {kind} after {uses} uses, answers again after {seconds:.1f} s")
        return load.promises

    def broken(self, promises: Promises) -> list[str]:
        """Return the acknowledged requests that are not in the log exactly once, and the findings of the log check."""
        checked = run_program("eventstore", "check", environment=self._environment)
        findings = [] if checked.returncode == 0 else [checked.stdout + checked.stderr]
        return broken(self._database_url, promises) + findings

    def _manager(self) -> str:
        database = Database(self._database_url)
        try:
            _, secret = database.key(
                database.organization("enterprise"), permissions=Permissions(mcps="*", manage=GRANTS)
            )
        finally:
            database.close()
        return secret

    def hostile(
        self, valkey: Valkey, superuser_url: str, seconds: float, seed: int, say: Callable[[str], None]
    ) -> tuple[Promises, Findings]:
        """Run hostile clients and disturbances for `seconds`. Everything runs again afterwards."""
        dice = random.Random(seed)  # noqa: S311 -- no secret
        findings = Findings()
        target = Target(self._server.port, *self._keys())
        disturbances = Disturbances(self._postgres, superuser_url, valkey, lambda: self._server.pid, findings)
        stop_at = time.monotonic() + seconds
        with Load(self._server.port, target.manager, seed) as load, ThreadPoolExecutor(2) as threads:
            load.wait_for_progress(self._tend)
            clients = threads.submit(asyncio.run, Clients(target, findings, seed).run(stop_at))
            probe = threads.submit(probe_until, target, findings, stop_at)
            while time.monotonic() < stop_at:
                uses = len(load.promises.uses)
                kind = disturbances.disturb(dice)
                back = load.wait_for_progress(self._tend)
                say(f"{kind} after {uses} uses, answers again after {back:.1f} s; {dict(findings.statuses)}")
            clients.result()
            probe.result()
            load.wait_for_progress(self._tend)
        return load.promises, findings

    def _keys(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Create a key with all grants, and four other keys of its organization."""
        database = Database(self._database_url)
        try:
            organization_id = database.organization("enterprise")
            _, manager = database.key(organization_id, permissions=Permissions(mcps="*", manage=GRANTS))
            return manager, tuple(database.key(organization_id) for _ in range(4))
        finally:
            database.close()

    def _tend(self) -> None:
        """Restart the server if it has exited, as it does when a process dies twice within seconds."""
        if self._server.has_ended:
            self._server.kill()
            self._server.start()

    def _kill(self, kind: str, dice: random.Random) -> None:
        match kind:
            case "api":
                self._server.kill()
                self._server.start()
            case "api process":
                _kill_one(children_of(self._server.pid), dice)
            case "postgresql":
                self._postgres.kill()
                self._postgres.start()
            case "backend":
                # If any of these processes dies, the postmaster restarts all of them.
                process = self._postgres.process
                pids = working_in(self._postgres.folder, "postgres")
                _kill_one([pid for pid in pids if process is not None and pid != process.pid], dice)
            case "worker":
                _kill_one(children_of(self._workers["run"].pid), dice)
            case _:
                self._end_workers("run", signal.SIGKILL)
                self._start_workers("run")

    def _start_workers(self, word: str) -> None:
        self._workers[word] = start_program(["workers", word], self._environment, self._workers_log)

    def _end_workers(self, word: str, number: signal.Signals) -> None:
        process = self._workers.pop(word)
        process.send_signal(number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _kill_one(pids: list[int], dice: random.Random) -> None:
    # The process may have ended, or not have restarted, since the previous round. Then this round kills none.
    if pids:
        with suppress(ProcessLookupError):
            os.kill(dice.choice(pids), signal.SIGKILL)
