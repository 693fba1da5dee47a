import os
import pwd
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import redis

from embedded import binaries
from embedded import valkey as valkey_module
from embedded.account import Account
from embedded.binaries import find_postgres, find_valkey
from embedded.foreign_files import hand_over
from embedded.postgres import ROLE, RUNTIME_ROLE, SUPERUSER, PostgreSQL
from embedded.processes import working_in
from embedded.valkey import Valkey
from tests.unprivileged_user import OrdinaryUser

_PROGRAM = """
import os, sys, pathlib, psycopg, redis
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
folder = pathlib.Path(sys.argv[1])
with PostgreSQL(folder / "postgresql") as server, Valkey(folder / "valkey") as valkey:
    with psycopg.connect(server.url) as connection:
        owner = connection.execute("select current_user").fetchone()[0]
    with redis.Redis.from_url(valkey.url) as client:
        client.set("kept", "yes")
    print(os.geteuid(), owner, os.stat(f"/proc/{server.process.pid}").st_uid)
"""

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="only root can hand the server to another account")


def test_both_servers_run_under_the_account_of_an_ordinary_user(ordinary_user: OrdinaryUser) -> None:
    process = ordinary_user.start(["-c", _PROGRAM, str(ordinary_user.folder / "servers")], {}, subprocess.PIPE)
    output, _ = process.communicate(timeout=60)
    uid = ordinary_user.account.uid
    assert uid != 0
    # On a slow machine it first prints what it is waiting for.
    assert output.splitlines()[-1].split() == [str(uid), "keyledger", str(uid)], output


def _uids(server: PostgreSQL) -> set[int]:
    """Return the user ids of the processes of a running server, according to the kernel."""
    pids = working_in(server.folder, "postgres")
    lines = [line for pid in pids for line in Path(f"/proc/{pid}/status").read_text().splitlines()]
    return {int(word) for line in lines if line.startswith("Uid:") for word in line.split()[1:]}


def _connects(uid: int, url: str) -> bool:
    """Return whether a process with that user id can connect."""
    program = "import psycopg, sys; psycopg.connect(sys.argv[1])"
    process = subprocess.run(
        [
            sys.executable,
            "-c",
            f"import os; os.setgroups([]); import psycopg; os.setgid({uid}); os.setuid({uid}); {program}",
            url,
        ],
        capture_output=True,
        check=False,
    )
    return process.returncode == 0


@root_only
def test_for_root_the_server_runs_under_an_unused_id_below_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with PostgreSQL(tmp_path / "data") as server:
        (uid,) = _uids(server)
        assert uid in range(58_000, 59_000)
        with pytest.raises(KeyError):
            pwd.getpwuid(uid)
        assert not Account(uid, uid).can_enter(tmp_path)
        assert {path.lstat().st_uid for path in (server.folder, *server.folder.rglob("*"))} <= {uid, 0}
        with PostgreSQL(tmp_path / "other") as second:
            assert _uids(second).isdisjoint({uid}), "an id in use is not assigned to a second server"
        server.stop()
        server.start()
        assert _uids(server) == {uid}, "the server keeps the id that owns its data"


@root_only
def test_neither_the_account_nobody_nor_that_of_the_server_can_connect(tmp_path: Path) -> None:
    """This holds even if the folders are open, because the kernel reports the account of the client."""
    tmp_path.chmod(0o755)
    for folder in tmp_path.parents[:-1]:
        if folder.stat().st_mode & 0o001 == 0 and folder.owner() == "root" and "pytest" in str(folder):
            folder.chmod(0o711)
    with PostgreSQL(tmp_path / "data") as server:
        (uid,) = _uids(server)
        server.folder.chmod(0o711)
        (server.folder / ".s.PGSQL.5432").chmod(0o777)
        nobody = pwd.getpwnam("nobody").pw_uid
        for role in (SUPERUSER, ROLE, RUNTIME_ROLE):
            assert not _connects(nobody, server.url_of("postgres", role)), role
            assert not _connects(uid, server.url_of("postgres", role)), role
        assert _connects(0, server.url_of("postgres", SUPERUSER))
        with psycopg.connect(server.url_of("postgres", SUPERUSER)) as connection:
            rules = connection.execute("select type, user_name, auth_method, options from pg_hba_file_rules").fetchall()
            names = connection.execute("select sys_name, pg_username from pg_ident_file_mappings").fetchall()
        assert rules == [("local", [ROLE, RUNTIME_ROLE, SUPERUSER], "peer", ["map=keyledger"])]
        assert names == [("root", ROLE), ("root", RUNTIME_ROLE), ("root", SUPERUSER)]
        server.folder.chmod(0o700)


@root_only
def test_for_root_valkey_runs_under_an_unused_id_below_a_closed_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program is in a folder that the id cannot enter, and root owns the data, as in earlier versions."""
    tmp_path.chmod(0o700)
    program = tmp_path / "closed" / "valkey-server"
    program.parent.mkdir()
    subprocess.run(["/bin/cp", find_valkey(), program], check=True)
    monkeypatch.setattr(valkey_module, "find_valkey", lambda: program)
    (tmp_path / "valkey").mkdir(mode=0o700)
    with Valkey(tmp_path / "valkey") as server:
        assert server.process is not None
        lines = Path(f"/proc/{server.process.pid}/status").read_text().splitlines()
        (uids,) = [line.split()[1:] for line in lines if line.startswith("Uid:")]
        assert len(set(uids)) == 1
        assert int(uids[0]) in range(58_000, 59_000)
        assert {path.lstat().st_uid for path in (server.folder, *server.folder.rglob("*"))} == {int(uids[0])}
        with redis.Redis.from_url(server.url) as client:  # pyright: ignore[reportUnknownMemberType]
            client.set("kept", "yes")
        server.stop()
        server.start()
        with redis.Redis.from_url(server.url) as client:  # pyright: ignore[reportUnknownMemberType]
            assert client.get("kept") == b"yes"


_FIND = """
import ctypes, os, pathlib, sys
if "again" not in sys.argv:
    ctypes.CDLL(None).prctl(24, 19)  # PR_CAPBSET_DROP, CAP_SYS_PTRACE
    os.execv(sys.executable, [*sys.orig_argv, "again"])
from embedded.processes import working_in
from embedded.foreign_files import hand_over
from embedded.leftovers import postmaster_of
folder = pathlib.Path(sys.argv[1])
print(len(working_in(folder, "postgres")), postmaster_of(folder), os.geteuid(), os.getegid())
"""


@root_only
def test_root_without_ptrace_rights_finds_a_server_under_another_account(data: Path) -> None:
    """Otherwise, in a container, a second server would be started on data that a running server uses."""
    with PostgreSQL(data) as server:
        assert server.process is not None
        found = subprocess.run(
            [sys.executable, "-c", _FIND, server.folder], capture_output=True, text=True, check=True
        ).stdout.split()
        assert int(found[0]) > 1
        assert [int(word) for word in found[1:]] == [server.process.pid, 0, os.getegid()]


@root_only
def test_data_of_the_account_nobody_gets_a_new_owner(data: Path) -> None:
    with PostgreSQL(data) as server, psycopg.connect(server.url) as connection:
        connection.execute("create table kept as select 1 as one")
    nobody = pwd.getpwnam("nobody")
    hand_over(data, Account(nobody.pw_uid, nobody.pw_gid, "nobody"))
    with PostgreSQL(data) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
        assert nobody.pw_uid not in _uids(server)
        assert nobody.pw_uid not in {path.lstat().st_uid for path in server.folder.rglob("*")}


@root_only
def test_an_interrupted_change_of_the_owner_is_completed(data: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    for path in (data / "base").rglob("*"):
        os.chown(path, nobody.pw_uid, nobody.pw_gid)
    with PostgreSQL(data) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        assert nobody.pw_uid not in {path.lstat().st_uid for path in server.folder.rglob("*")}


@root_only
def test_root_does_not_change_the_owner_of_an_ordinary_users_data(tmp_path: Path) -> None:
    theirs = tmp_path / "data"
    theirs.mkdir()
    os.chown(theirs, 1, 1)
    assert Account.for_data_in(theirs).uid == 1


@root_only
def test_programs_in_a_closed_folder_are_copied_with_their_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "_CACHE", tmp_path / "cache")
    nobody = Account.for_data_in(tmp_path / "missing")
    original = find_postgres(Account.own())
    site = tmp_path / "closed" / "site-packages"
    package = original.folder.parents[1]
    for part in (original.folder.parent, package.with_name(f"{package.name}.libs")):
        target = site / part.relative_to(package.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["/bin/cp", "-a", part, target], check=True)
    (tmp_path / "closed").chmod(0o700)
    closed = site / original.folder.relative_to(package.parent)
    copy = binaries.enterable_copy(closed, nobody)
    assert copy.is_relative_to(tmp_path / "cache")
    assert b"18" in subprocess.run([copy / "initdb", "--version"], check=True, capture_output=True).stdout
    assert copy.stat().st_mode & 0o055 == 0o055
    assert binaries.enterable_copy(closed, nobody) == copy
    # A file that a cleanup program removed is copied again.
    (copy / "initdb").unlink()
    assert (binaries.enterable_copy(closed, nobody) / "initdb").exists()


def test_the_current_account_can_enter_the_folders_of_the_programs() -> None:
    assert Account.own().can_enter(Path(sys.executable).parent)
    assert find_postgres(Account.own()).major >= 17
