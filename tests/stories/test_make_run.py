"""`make run`, stopped, killed and started again, by root and by an ordinary user."""

import http.client
import os
import subprocess
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path

from embedded.postgres import Passwords, PostgreSQL
from embedded.processes import wait_for, working_in
from embedded.socket_server import Clients
from embedded.valkey import Valkey
from tests.ports import free_port
from tests.random_input import random_token
from tests.stories.running import key_ids, running
from tests.unprivileged_user import OrdinaryUser
from tests.waiting import stretched


def test_a_run_stops_within_five_seconds_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with running(home, free_port()) as run:
        before, credentials = key_ids(run), run.credentials()
        assert len(before) == 2
        began = time.monotonic()
        run.process.terminate()
        assert run.process.wait(timeout=60) == 0
        assert time.monotonic() - began < stretched(5)
        assert run.everything() == []
    # On another port, which must be updated in the credentials.
    with running(home, free_port()) as run:
        assert time.monotonic() - run.began < stretched(15)
        assert run.credentials() == {**credentials, "KEYLEDGER_URL": f"http://127.0.0.1:{run.port}"}
        assert key_ids(run) == before


def test_a_stop_waits_for_running_calls_but_not_for_idle_connections(tmp_path: Path) -> None:
    with running(tmp_path / "home", free_port()) as run, ExitStack() as idle, ThreadPoolExecutor() as callers:
        for _ in range(20):
            connection = idle.enter_context(closing(http.client.HTTPConnection("127.0.0.1", run.port, timeout=10)))
            connection.request("GET", "/health/live")
            connection.getresponse().read()
        assert run.call_tool("wait", seconds=0)[0] == 200
        under_way = callers.submit(run.call_tool, "wait", seconds=0.8)
        time.sleep(0.3)
        began = time.monotonic()
        run.process.terminate()
        assert under_way.result()[0] == 200
        assert run.process.wait(timeout=60) == 0
        assert time.monotonic() - began < stretched(5)


def test_no_process_outlives_a_killed_supervisor_and_the_next_start_finds_its_data(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with running(home, port) as run:
        run.process.kill()
        run.process.wait()
        assert wait_for(lambda: run.everything() == [], stretched(10)), run.everything()
    with running(home, port) as run:
        assert len(key_ids(run)) == 2


def test_a_run_can_start_right_after_a_supervisor_was_killed(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with running(home, port) as run:
        run.process.kill()
        run.process.wait()
        with running(home, port) as second:
            assert len(key_ids(second)) == 2


def test_no_server_is_started_if_both_addresses_are_configured(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    with ExitStack() as servers:
        sockets = Path(servers.enter_context(tempfile.TemporaryDirectory()))
        sockets.chmod(0o711)
        # Under root the services have their own account, which an external server accepts only with a password.
        clients = partial(Clients, gid=os.getegid())
        passwords = Passwords(random_token(), random_token())
        database = PostgreSQL(tmp_path / "postgresql", clients=clients(sockets / "postgresql"), passwords=passwords)
        valkey = Valkey(tmp_path / "valkey", clients=clients(sockets / "valkey"))
        servers.enter_context(database)
        servers.enter_context(valkey)
        database.set_password()
        for socket in ("postgresql/.s.PGSQL.5432", "valkey/valkey.sock"):
            (sockets / socket).parent.chmod(0o711)
            (sockets / socket).chmod(0o777)
        with running(home, port, {"DATABASE_URL": database.url, "REDIS_URL": valkey.url}) as run:
            assert len(key_ids(run)) == 2
            assert working_in(home / "postgresql", "postgres") == []
            assert working_in(home / "valkey", "valkey-server") == []
            assert not (home / "postgresql").exists()
        assert database.process is not None
        assert database.process.poll() is None


def test_the_numbers_of_processes_can_be_configured(tmp_path: Path) -> None:
    with running(tmp_path / "home", free_port(), {"API_WORKERS": "2", "WORKERS": "2"}) as run:
        assert len(key_ids(run)) == 2


def test_an_ordinary_user_can_run_the_service(ordinary_user: OrdinaryUser) -> None:
    home = ordinary_user.folder / "a home"

    def start(environment: Mapping[str, str]) -> "subprocess.Popen[str]":
        return ordinary_user.start(["-m", "embedded", "run"], environment, subprocess.PIPE)

    with running(home, free_port(), start=start) as run:
        assert len(key_ids(run)) == 2
        owners = {Path(f"/proc/{pid}").stat().st_uid for pid in run.everything()}
        assert owners == {ordinary_user.account.uid}
    assert run.everything() == []
