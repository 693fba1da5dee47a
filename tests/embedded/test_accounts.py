import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import binaries
from embedded.account import Account
from embedded.binaries import find_postgres
from embedded.postgres import PostgreSQL
from tests.ordinary_user import OrdinaryUser

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


def test_an_ordinary_user_runs_both_servers_in_their_own_name(ordinary_user: OrdinaryUser) -> None:
    process = ordinary_user.start(["-c", _PROGRAM, str(ordinary_user.folder / "servers")], {}, subprocess.PIPE)
    said, _ = process.communicate(timeout=60)
    uid = ordinary_user.account.uid
    assert uid != 0
    assert said.split() == [str(uid), "keyledger", str(uid)], said


@root_only
def test_for_root_the_server_runs_as_nobody_below_a_closed_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    with PostgreSQL(tmp_path / "data") as server:
        assert server.process is not None
        nobody = Account.for_data_in(tmp_path / "missing")
        assert Path(f"/proc/{server.process.pid}").stat().st_uid == nobody.uid != 0
        assert not nobody.can_enter(tmp_path)


@root_only
def test_for_root_data_of_an_ordinary_user_stays_theirs(tmp_path: Path) -> None:
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
    # A file that some cleaner took away comes back.
    (copy / "initdb").unlink()
    assert (binaries.enterable_copy(closed, nobody) / "initdb").exists()


def test_the_account_of_a_python_that_runs_this_can_enter_the_programs() -> None:
    assert Account.own().can_enter(Path(sys.executable).parent)
    assert find_postgres(Account.own()).major >= 17
