"""`make run` by root: the accounts of its parts, and its protection from other accounts."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from app.admin.demo_plan import keep_plan, new_plan
from embedded.account import Account
from embedded.interpreter import PACKAGES
from embedded.postgres import ROLE, RUNTIME_ROLE, SUPERUSER, PostgreSQL
from embedded.processes import mark_of, marked_with, wait_for, working_in
from embedded.root_folders import CACHE
from embedded.valkey import Valkey
from tests.ports import free_port
from tests.process_tree import children_of
from tests.stories.running import ROOT, Run, as_module, key_ids, running
from tests.waiting import stretched

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs services under another account")

_SERVICES = ("example-mcp", "workers", "scheduler", "api")


class Checkout(NamedTuple):
    """A checkout in a folder that other accounts cannot enter, the settings of its runs, and their file of mails."""

    folder: Path
    settings: Mapping[str, str]
    mails: Path

    def running(self) -> "AbstractContextManager[Run]":
        return running(self.folder / ".keyledger", free_port(), self.settings, partial(as_module, folder=self.folder))


@pytest.fixture(scope="module")
def checkout(open_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    closed = tmp_path_factory.mktemp("closed")
    folder = closed / "checkout"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "embedded" / "__init__.py").touch()  # a version of which there is no copy yet
    closed.chmod(0o700)
    mails = open_folder / "mails.txt"
    mails.touch()
    mails.chmod(0o666)
    path = os.path.relpath(mails, folder)
    settings = {"HOME": str(closed), "KEYLEDGER_MAIL_FILE": path, "KEYLEDGER_USAGE_DISCARD": "true"}
    return Checkout(folder, settings, mails)


class Two(NamedTuple):
    """Two first runs that were started concurrently. `run` is not stopped by the tests that share it."""

    run: Run
    in_closed_checkout: Run


@pytest.fixture(scope="module")
def two(open_folder: Path, checkout: Checkout) -> Iterator[Two]:
    # An existing data folder that is open to all accounts, as `mkdir` creates it.
    home = open_folder / "home"
    home.mkdir(mode=0o755)
    changes = {"API_WORKERS": "2", "AWS_SECRET_ACCESS_KEY": "of root"}
    with ExitStack() as stack:
        with ThreadPoolExecutor(2) as pool:
            contexts = (running(home, free_port(), changes), checkout.running())
            starts = [pool.submit(stack.enter_context, context) for context in contexts]
        yield Two(*(start.result() for start in starts))


@pytest.fixture(scope="module")
def run(two: Two) -> Run:
    """A first run in an existing data folder."""
    return two.run


class InClosedCheckout(NamedTuple):
    """A first run in a closed checkout, and its keys and the user id of each part."""

    lines: list[str]
    keys: list[str]
    uids: dict[str, int]


class Restarted(NamedTuple):
    """A first run in a closed checkout, which was killed, and the next run on its data."""

    killed: InClosedCheckout
    again: InClosedCheckout
    status_of_call: int
    environment_of_workers: dict[str, str]


@pytest.fixture(scope="module")
def restarted(two: Two, checkout: Checkout) -> Iterator[Restarted]:
    def observe(run: Run) -> InClosedCheckout:
        return InClosedCheckout(list(run.lines), key_ids(run), _uids(run))

    status_of_call, _ = two.in_closed_checkout.call_tool("add", numbers=[1, 2])
    killed = observe(two.in_closed_checkout)
    two.in_closed_checkout.process.kill()
    two.in_closed_checkout.close()
    with checkout.running() as run:
        again, environment = observe(run), _environment(run.main_process("workers"))
    yield Restarted(killed, again, status_of_call, environment)
    copy = Path(environment["PYTHONPATH"].split(os.pathsep)[0])
    assert copy.parent == CACHE
    shutil.rmtree(copy)


def _statuses(pids: Sequence[int]) -> dict[int, dict[str, str]]:
    """Return the kernel's status of the processes that are still running."""
    found: dict[int, dict[str, str]] = {}
    for pid in pids:
        with suppress(OSError):
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found[pid] = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return found


def _uid(pid: int) -> int:
    """Return the user id of a process. Fail if the process has any other id, group or capability.

    Raise `ProcessLookupError` if the process has ended.
    """
    status = _statuses([pid]).get(pid)
    if status is None:
        raise ProcessLookupError(pid)
    assert len(set(status["Uid"].split())) == 1
    assert set(status["Gid"].split()) == {status["Uid"].split()[0]}
    assert status["Groups"].split() == []
    assert int(status["CapEff"], 16) == 0
    assert status["NoNewPrivs"].strip() == "1", "the process must not gain privileges with a program like su"
    assert os.getsid(pid) != os.getsid(0), "the process must not have access to the terminal"
    return int(status["Uid"].split()[0])


def _uids_of(pids: Iterable[int]) -> dict[int, int]:
    """Return the user ids of the processes that are still running."""
    found: dict[int, int] = {}
    for pid in pids:
        with suppress(ProcessLookupError):
            found[pid] = _uid(pid)
    return found


def _uids(run: Run) -> dict[str, int]:
    """Return the user id of each part."""
    return {name: _uid(run.main_process(name)) for name in (*_SERVICES, "postgresql", "valkey")}


def _environment(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/environ").read_bytes().decode().split("\0")
    return dict(each.split("=", 1) for each in lines if "=" in each)


def _as_account(uid: int, program: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run Python, loaded by root, under a user id."""
    become = f"import os; os.setgroups([]); os.setgid({uid}); os.setuid({uid})"
    imports = "import os, socket, sys, psycopg, encodings.idna"
    return subprocess.run(
        [sys.executable, "-c", f"{imports}\n{become}\n{program}", *words],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
    )


def _other_accounts() -> list[int]:
    """Return the ids of `nobody` and of an unused account."""
    return [pwd.getpwnam("nobody").pw_uid, Account.unused().uid]


def _settings(run: Run) -> dict[str, str]:
    """Return the environment of a shell of root that has read operator.env."""
    script = f". {run.home}/operator.env; {sys.executable} -c 'import json, os; print(json.dumps(dict(os.environ)))'"
    printed = subprocess.run(["/bin/sh", "-c", script], capture_output=True, text=True, check=True).stdout
    settings: dict[str, str] = json.loads(printed)
    return settings


def test_a_data_folder_of_a_version_that_ran_services_as_root_is_accepted(tmp_path: Path) -> None:
    """The files belong to root, the servers identify root only by its name, and the demo was interrupted."""
    home, port = tmp_path / "home", free_port()
    home.mkdir(mode=0o700)
    (home / "mail.txt").write_text("To: earlier@demo.example\n")
    plan = new_plan()
    keep_plan(home, plan)
    with PostgreSQL(home / "postgresql", durable=False) as database, Valkey(home / "valkey"):
        owner = working_in(home / "postgresql", "postgres")[0]
        uid = _uid(owner)
        addresses = {"KEYLEDGER_MIGRATION_DATABASE_URL": database.url, "DATABASE_URL": database.runtime_url}
        subprocess.run(
            [sys.executable, "-m", "eventstore", "migrate"],
            cwd=ROOT,
            env={**os.environ, **addresses},
            check=True,
            capture_output=True,
        )
        with psycopg.connect(database.url) as connection:
            connection.execute("create table kept as select 1 as one")
    with running(home, port) as run:
        assert run.credentials()["KEYLEDGER_ADMIN_KEY"] == plan.admin.text
        assert plan.admin.key_id in key_ids(run)
        assert _uid(run.main_process("postgresql")) == uid
        assert (home / "mail.txt").read_text() == "To: earlier@demo.example\n"
        assert (home / "mail.txt").stat().st_uid == _uid(run.main_process("workers"))
        with psycopg.connect(_settings(run)["KEYLEDGER_MIGRATION_DATABASE_URL"]) as connection:
            assert connection.execute("select one from kept").fetchone() == (1,)
    assert not (home / "demo.unfinished.json").exists()


def test_two_runs_share_no_account(run: Run, restarted: Restarted) -> None:
    assert set(restarted.killed.uids.values()).isdisjoint(_uids(run).values())


def test_a_run_after_a_killed_one_keeps_the_accounts_that_own_its_files(restarted: Restarted) -> None:
    assert len(restarted.killed.keys) == 2
    assert restarted.again.keys == restarted.killed.keys
    assert restarted.again.uids == restarted.killed.uids


def test_a_checkout_that_other_accounts_cannot_enter_is_copied_once(restarted: Restarted) -> None:
    assert restarted.killed.uids["api"] != 0
    assert restarted.status_of_call == 200
    assert any("being copied" in line for line in restarted.killed.lines)
    assert not any("being copied" in line for line in restarted.again.lines)


def test_paths_in_settings_are_relative_to_the_working_directory_of_the_command(
    checkout: Checkout, restarted: Restarted
) -> None:
    assert restarted.environment_of_workers["KEYLEDGER_MAIL_FILE"] == str(checkout.mails)
    assert restarted.environment_of_workers["KEYLEDGER_USAGE_DISCARD"] == "true"


def test_only_the_supervisor_and_its_reaper_run_as_root(run: Run) -> None:
    guards = set(marked_with(mark_of(run.home, "guard")))
    assert len(guards) == 1
    uids = _uids_of(set(run.everything()) - guards)
    assert 0 not in uids.values()
    services = {uids[run.main_process(name)] for name in _SERVICES}
    servers = {uids[run.main_process(name)] for name in ("postgresql", "valkey")}
    assert len(services) == 1
    assert len(servers) == 2
    assert services.isdisjoint(servers), "a service must not be able to change the files of the database"
    assert set(uids.values()) == services | servers
    for uid in uids.values():
        with pytest.raises(KeyError):
            pwd.getpwuid(uid)
    everything_below = {pid for pid in children_of(run.process.pid) if _statuses([pid])}
    assert everything_below <= {*uids, *guards, *run.everything()}


def test_a_restarted_process_does_not_run_as_root(run: Run) -> None:
    uid = _uid(run.main_process("api"))

    def processes(name: str) -> set[int]:
        return set(children_of(run.main_process(name)))

    def uids_of_new(name: str, before: set[int]) -> set[int]:
        return set(_uids_of(processes(name) - before).values())

    for name in ("api", "workers"):
        before = processes(name)
        os.kill(min(before), signal.SIGKILL)
        assert wait_for(lambda name=name, before=before: uids_of_new(name, before) == {uid}, stretched(20)), name
    for name in ("api", "postgresql", "valkey"):
        before_uid, main = _uid(run.main_process(name)), run.main_process(name)
        printed = len(run.lines)
        os.kill(main, signal.SIGKILL)
        run.wait_for_line(f"{name} runs again", after=printed)
        assert _uid(run.main_process(name)) == before_uid
    key = run.credentials()["KEYLEDGER_ADMIN_KEY"]
    assert wait_for(lambda: run.get("/v1/api-keys", key)[0] == 200, stretched(20))


def test_the_environment_of_the_services_has_nothing_of_root(run: Run) -> None:
    for name in _SERVICES:
        environment = _environment(run.main_process(name))
        assert Path(environment["HOME"]).stat().st_uid == _uid(run.main_process(name))
        assert stat.S_IMODE(Path(environment["HOME"]).stat().st_mode) == 0o700
        of_root = {"USER", "LOGNAME", "AWS_SECRET_ACCESS_KEY", "KEYLEDGER_MIGRATION_DATABASE_URL"}
        assert of_root.isdisjoint(environment)


_READ = """
for path in sys.argv[1:]:
    try:
        open(path, "rb").read()
        print(path)
    except OSError:
        pass
"""


def test_other_accounts_cannot_read_any_file(run: Run) -> None:
    assert run.call_tool("add", numbers=[1, 2])[0] == 200
    files = [str(path) for path in run.home.rglob("*") if path.is_file()]
    kinds = {Path(path).relative_to(run.home).parts[0] for path in files}
    assert kinds >= {"secrets.env", "demo.env", "operator.env", "database.env", "logs", "postgresql", "valkey"}
    for uid in _other_accounts():
        assert _as_account(uid, _READ, *files).stdout.splitlines() == [], uid
        for pid in run.everything():
            assert _as_account(uid, _READ, f"/proc/{pid}/environ").stdout == ""
    # The database server may not read credentials, and the services may not read the files of the database.
    database, service = _uid(run.main_process("postgresql")), _uid(run.main_process("api"))
    assert _as_account(database, _READ, *(path for path in files if "/postgresql/" not in path)).stdout == ""
    assert _as_account(service, _READ, *files).stdout == ""


def test_root_can_read_all_settings_and_use_them(run: Run) -> None:
    assert stat.S_IMODE(run.home.stat().st_mode) == 0o700
    for name in ("secrets.env", "demo.env", "operator.env", "database.env"):
        assert stat.S_IMODE((run.home / name).stat().st_mode) == 0o600
        assert (run.home / name).stat().st_uid == 0
    settings = _settings(run)
    with psycopg.connect(settings["KEYLEDGER_MIGRATION_DATABASE_URL"]) as connection:
        assert connection.execute("select current_user").fetchone() == (ROLE,)
    for words in (["eventstore", "check"], ["app", "admin", "list-organizations"], ["workers", "status"]):
        ended = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, env=settings, check=False, capture_output=True)
        assert ended.returncode == 0, ended.stderr


_CONNECT = """
connection = socket.socket(socket.AF_UNIX)
connection.connect(sys.argv[1])
print("connected")
"""
_LOG_IN = """
psycopg.connect(sys.argv[1], connect_timeout=5)
print("logged in")
"""


def test_other_accounts_cannot_connect_to_the_servers(run: Run) -> None:
    settings = _settings(run)
    url, valkey = settings["DATABASE_URL"], unquote(settings["REDIS_URL"].removeprefix("unix://"))
    sockets = Path(str(conninfo_to_dict(url)["host"]))
    service = _uid(run.main_process("api"))
    for path in (str(sockets / ".s.PGSQL.5432"), valkey):
        assert "connected" in _as_account(service, _CONNECT, path).stdout
        for uid in _other_accounts():
            refused = _as_account(uid, _CONNECT, path)
            assert refused.returncode != 0
            assert "PermissionError" in refused.stderr
    assert "logged in" in _as_account(service, _LOG_IN, url).stdout
    for uid in _other_accounts():
        assert "logged in" not in _as_account(uid, _LOG_IN, url).stdout, "not even with the password"
    as_owner = url.replace(f"//{RUNTIME_ROLE}:", f"//{ROLE}:")
    assert as_owner != url
    assert "logged in" not in _as_account(service, _LOG_IN, as_owner).stdout, "each login has its own password"
    for role in (SUPERUSER, ROLE, RUNTIME_ROLE):
        address = f"postgresql://{role}@/keyledger?host={sockets}"
        for uid in (service, _uid(run.main_process("postgresql"))):
            assert "logged in" not in _as_account(uid, _LOG_IN, address).stdout, (role, uid)


def test_the_database_accepts_no_other_logins(run: Run) -> None:
    sockets = conninfo_to_dict(_settings(run)["DATABASE_URL"])["host"]
    with psycopg.connect(f"postgresql://{SUPERUSER}@/postgres?host={sockets}") as connection:
        rules = connection.execute(
            "select type, database, user_name, auth_method, options from pg_hba_file_rules"
        ).fetchall()
        names = connection.execute("select map_name, sys_name, pg_username from pg_ident_file_mappings").fetchall()
    assert rules == [
        ("local", ["all"], [SUPERUSER], "peer", ["map=keyledger"]),
        ("local", ["all"], [ROLE, RUNTIME_ROLE], "scram-sha-256", None),
    ]
    assert names == [("keyledger", "root", SUPERUSER)]


def test_the_passwords_of_the_database_are_in_no_log_and_no_command_line(run: Run) -> None:
    passwords = [line.partition("=")[2] for line in (run.home / "database.env").read_text().splitlines()]
    texts = ["\n".join(run.lines), *(path.read_text(errors="replace") for path in (run.home / "logs").iterdir())]
    texts += [Path(f"/proc/{pid}/cmdline").read_text() for pid in (run.process.pid, *run.everything())]
    assert len(set(passwords)) == 2
    assert min(map(len, passwords)) > 30
    assert not [text for text in texts if any(password in text for password in passwords)]


def test_mails_are_in_the_announced_file(run: Run) -> None:
    assert run.post("/v1/session/links", {"email": "owner@demo.example"}) in {200, 202}
    run.wait_for_line("Mail to owner@demo.example")
    mails = run.home / "mail.txt"
    assert "To: owner@demo.example" in mails.read_text()
    assert stat.S_IMODE(mails.stat().st_mode) == 0o600
    assert mails.stat().st_uid == _uid(run.main_process("workers"))
