"""`make run`, stopped, killed and started again, by root and by an ordinary user."""

import http.client
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from embedded.postgres import Passwords, PostgreSQL
from embedded.processes import wait_for, working_in
from embedded.socket_server import Clients
from embedded.valkey import Valkey
from tests.ports import free_port
from tests.process_tree import children_of
from tests.random_input import random_token
from tests.stories.running import Run, key_ids, printed_link, running
from tests.unprivileged_user import OrdinaryUser
from tests.waiting import eventually, stretched
from workers.schedule import ISOLATED_QUEUES


class Stopped(NamedTuple):
    """A first run, and how it ended after a request to stop during a call of a tool, with idle connections."""

    run: Run
    keys: list[str]
    link: str
    credentials: dict[str, str]
    status_of_call: int
    exit_code: int
    seconds: float
    processes_left: list[int]


class Killed(NamedTuple):
    """A run on the data of a stopped one, which is killed; another that starts right after it, and is killed too."""

    run: Run
    seconds_to_start: float
    keys: list[str]
    link: str
    status_of_link: int
    credentials: dict[str, str]
    keys_of_next: list[str]
    processes_left: list[int]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Stopped:
    home = tmp_path_factory.mktemp("make-run") / "home"
    with running(home, free_port()) as run, ExitStack() as idle, ThreadPoolExecutor() as callers:
        keys, link, credentials = key_ids(run), printed_link(run), run.credentials()
        for _ in range(20):
            connection = idle.enter_context(closing(http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)))
            connection.request("GET", "/health/live")
            connection.getresponse().read()
        assert run.call_tool("wait", seconds=0)[0] == 200
        under_way = callers.submit(run.call_tool, "wait", seconds=0.8)
        time.sleep(0.3)
        began = time.monotonic()
        run.process.terminate()
        status_of_call, _ = under_way.result()
        exit_code = run.process.wait(timeout=60)
        seconds = time.monotonic() - began
        return Stopped(run, keys, link, credentials, status_of_call, exit_code, seconds, run.everything())


@pytest.fixture(scope="module")
def killed(stopped: Stopped) -> Killed:
    home = stopped.run.home
    # On another port, which must be updated in the credentials.
    with running(home, free_port()) as run:
        seconds_to_start = time.monotonic() - run.began
        keys, link, credentials = key_ids(run), printed_link(run), run.credentials()
        status_of_link = run.get(link.removeprefix(f"http://127.0.0.1:{run.port}"))[0]
        run.process.kill()
        run.process.wait()
        with running(home, run.port) as following:
            keys_of_next = key_ids(following)
            following.process.kill()
            following.process.wait()
            wait_for(lambda: following.everything() == [], stretched(10))
            left = following.everything()
            return Killed(run, seconds_to_start, keys, link, status_of_link, credentials, keys_of_next, left)


def test_a_run_stops_within_five_seconds_and_leaves_no_process(stopped: Stopped) -> None:
    assert stopped.exit_code == 0
    assert stopped.seconds < stretched(5)
    assert stopped.processes_left == []


def test_a_stop_waits_for_running_calls_but_not_for_idle_connections(stopped: Stopped) -> None:
    assert stopped.status_of_call == 200
    assert stopped.seconds < stretched(5)


def test_the_start_after_a_stop_finds_the_data_and_updates_the_address(stopped: Stopped, killed: Killed) -> None:
    assert killed.seconds_to_start < stretched(15)
    assert len(stopped.keys) == 2
    assert killed.keys == stopped.keys
    assert killed.credentials == {**stopped.credentials, "KEYLEDGER_URL": f"http://127.0.0.1:{killed.run.port}"}


def test_each_start_prints_a_new_address_that_signs_the_demo_owner_in(stopped: Stopped, killed: Killed) -> None:
    assert killed.link.startswith(f"http://127.0.0.1:{killed.run.port}/sign-in/confirm?token=")
    assert killed.link.partition("?token=")[2] != stopped.link.partition("?token=")[2]
    assert killed.status_of_link == 200


def test_a_run_can_start_right_after_a_supervisor_was_killed_and_finds_its_data(killed: Killed) -> None:
    assert killed.keys_of_next == killed.keys


def test_no_process_outlives_a_killed_supervisor(killed: Killed) -> None:
    assert killed.processes_left == []


def test_an_ordinary_user_can_run_the_service(ordinary_user: OrdinaryUser) -> None:
    home = ordinary_user.folder / "a home"

    def start(environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        return ordinary_user.start(["-m", "embedded", "run"], environment, subprocess.PIPE)

    with running(home, free_port(), start=start) as run:
        assert len(key_ids(run)) == 2
        link = printed_link(run).removeprefix(f"http://127.0.0.1:{run.port}")
        assert run.get(link)[0] == 200
        assert not (home / "sign-in-link").exists()
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in run.everything()}
        assert owners == {ordinary_user.account.uid}
    assert run.everything() == []


class External(NamedTuple):
    """A run with two processes of each kind, which uses servers that it did not start."""

    run: Run
    database: PostgreSQL


@pytest.fixture(scope="module")
def external(tmp_path_factory: pytest.TempPathFactory) -> Iterator[External]:
    folder = tmp_path_factory.mktemp("external")
    with ExitStack() as servers:
        sockets = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        sockets.chmod(0o711)
        # Under root the services have their own account, which an external server accepts only with a password.
        clients = partial(Clients, gid=os.getegid())
        passwords = Passwords(random_token(), random_token())
        database = PostgreSQL(
            folder / "postgresql", clients=clients(sockets / "postgresql"), passwords=passwords, durable=False
        )
        valkey = Valkey(folder / "valkey", clients=clients(sockets / "valkey"))
        servers.enter_context(database)
        servers.enter_context(valkey)
        database.set_password()
        for socket in ("postgresql/.s.PGSQL.5432", "valkey/valkey.sock"):
            (sockets / socket).parent.chmod(0o711)
            (sockets / socket).chmod(0o777)
        addresses = {"DATABASE_URL": database.url, "REDIS_URL": valkey.url}
        with running(folder / "home", free_port(), {**addresses, "API_WORKERS": "2", "WORKERS": "2"}) as run:
            yield External(run, database)


def test_no_server_is_started_if_both_addresses_are_configured(external: External) -> None:
    home = external.run.home
    assert len(key_ids(external.run)) == 2
    assert working_in(home / "postgresql", "postgres") == []
    assert working_in(home / "valkey", "valkey-server") == []
    assert not (home / "postgresql").exists()
    assert external.database.process is not None
    assert external.database.process.poll() is None


def test_the_numbers_of_processes_can_be_configured(external: External) -> None:
    def processes(name: str) -> int:
        return len(children_of(external.run.main_process(name)))

    eventually(lambda: processes("api") == 2)
    eventually(lambda: processes("workers") == 2 + len(ISOLATED_QUEUES))
