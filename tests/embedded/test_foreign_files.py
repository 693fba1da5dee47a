"""Root's handling of files that a less privileged account controls."""

import os
import stat
from pathlib import Path

import psycopg
import pytest

from embedded.account import Account
from embedded.data_dir import DataDirectory
from embedded.errors import CannotStart
from embedded.foreign_files import hand_over, read_foreign, write_foreign
from embedded.mail_watcher import Mails
from embedded.postgres import PostgreSQL
from embedded.service_folder import ServiceFolder
from tests.random_input import random_token

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers and services under another account")

_ACCOUNT = Account(58_777, 58_777)


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of root that no other account may read or change."""
    path = tmp_path / "victim"
    path.write_text("of root\n")
    path.chmod(0o600)
    return path


def _is_untouched(victim: Path) -> bool:
    status = victim.stat()
    return victim.read_text() == "of root\n" and (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)


@pytest.mark.parametrize("name", ["pg_hba.conf", "pg_ident.conf", ".pg_hba.conf.new", ".pg_ident.conf.new"])
def test_root_does_not_follow_a_link_among_the_database_files(tmp_path: Path, victim: Path, name: str) -> None:
    with PostgreSQL(tmp_path / "data") as server:
        pass
    (server.folder / name).unlink(missing_ok=True)
    (server.folder / name).symlink_to(victim)
    with PostgreSQL(tmp_path / "data") as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert _is_untouched(victim)
    assert not (server.folder / "pg_hba.conf").is_symlink()


def test_the_target_of_a_link_is_not_handed_over(tmp_path: Path, victim: Path) -> None:
    data, elsewhere = tmp_path / "data", tmp_path / "elsewhere"
    (data / "base").mkdir(parents=True)
    (data / "base" / "1").write_text("")
    elsewhere.mkdir()
    (elsewhere / "file").write_text("")
    (data / "link").symlink_to(elsewhere)
    (data / "base" / "link").symlink_to(victim)
    hand_over(data, _ACCOUNT)
    owners = {path.relative_to(data).as_posix(): path.lstat().st_uid for path in data.rglob("*")}
    assert owners == dict.fromkeys(["base", "base/1", "base/link", "link"], _ACCOUNT.uid)
    assert data.stat().st_uid == _ACCOUNT.uid
    assert {elsewhere.stat().st_uid, (elsewhere / "file").stat().st_uid, victim.stat().st_uid} == {0}


def test_a_hard_link_to_a_file_of_root_is_not_handed_over(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "linked").hardlink_to(victim)
    with pytest.raises(CannotStart, match=r"data/linked has a second name"):
        hand_over(tmp_path / "data", _ACCOUNT)
    assert _is_untouched(victim)


def test_a_data_folder_behind_a_link_of_root_is_handed_over(tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "file").write_text("")
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    hand_over(tmp_path / "data", _ACCOUNT)
    assert {(tmp_path / "disk").stat().st_uid, (tmp_path / "disk" / "file").stat().st_uid} == {_ACCOUNT.uid}


def test_only_regular_files_are_read_and_only_up_to_the_limit(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "link").symlink_to(victim)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "folder", "pipe", "missing"):
        with pytest.raises(OSError, match=name):
            read_foreign(tmp_path / name, 100)
    assert read_foreign(victim, 2) == b"of"
    assert read_foreign(victim, 100, start=3) == b"root\n"


def test_a_written_file_is_readable_only_by_its_account(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("before")
    path.chmod(0o666)
    write_foreign(path, "after", _ACCOUNT)
    status = path.stat()
    assert path.read_text() == "after"
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (_ACCOUNT.uid, _ACCOUNT.gid, 0o600)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def _folder_of(home: DataDirectory) -> ServiceFolder:
    folder = ServiceFolder(home)
    folder.prepare()
    return folder


def test_service_credentials_that_a_shell_of_root_could_execute_are_refused(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "home") as home:
        folder = _folder_of(home)
        for line in (
            "KEYLEDGER_URL=$(id)",
            "KEYLEDGER_URL=`id`",
            "A=b;id",
            "A=b id",
            "id",
            "A=b\\\nid",
            "A='b'",
            "PATH=x\0",
        ):
            (folder.path / "demo.env").write_text(f"DEMO_MCP_ID=mcp_1\n{line}\n")
            with pytest.raises(CannotStart, match=r"service/demo\.env holds more than names and values"):
                folder.take_credentials()
            assert not home.credentials.exists()
        written = "KEYLEDGER_URL=https://[::1]:8000/base\nKEYLEDGER_ADMIN_KEY=kl_live_aZ09\n"
        (folder.path / "demo.env").write_text(written)
        folder.take_credentials()
        assert home.credentials.read_text() == written
        assert stat.S_IMODE(home.credentials.stat().st_mode) == 0o600
        assert not (folder.path / "demo.env").exists()


def test_existing_credentials_are_not_replaced_by_those_of_the_services(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "home") as home:
        folder = _folder_of(home)
        home.credentials.write_text("KEYLEDGER_URL=http://127.0.0.1:8000\n")
        (folder.path / "demo.env").write_text("KEYLEDGER_URL=http://elsewhere.example\n")
        folder.take_credentials()
        assert home.credentials.read_text() == "KEYLEDGER_URL=http://127.0.0.1:8000\n"
        assert not (folder.path / "demo.env").exists()


def test_a_link_or_a_pipe_in_place_of_the_mail_file_prints_nothing(
    tmp_path: Path, victim: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim.write_text("To: what only root may read\n")
    mails = Mails(tmp_path / "mail.txt")
    mails.file.symlink_to(victim)
    mails.say_new()
    assert capsys.readouterr().out == ""
    mails.file.unlink()
    os.mkfifo(mails.file)
    mails.say_new()
    mails.file.unlink()
    assert capsys.readouterr().out == ""
    address = f"{random_token()}@demo.example"
    lines = [f"To: {address}\x1b]0;title\x07", "Subject: One alert", "Text", "The alert: http://127.0.0.1/alerts/1"]
    mails.file.write_text("\n".join([*lines, "http://127.0.0.1/sign-in#1", "To: not whole"]))
    mails.say_new()
    mails.say_new()
    assert capsys.readouterr().out.splitlines() == [
        f"Mail to {address} ]0;title ",
        "    One alert",
        "    The alert: http://127.0.0.1/alerts/1",
        "    http://127.0.0.1/sign-in#1",
    ]


def test_a_folder_of_root_that_every_account_may_write_to_is_refused_as_the_data_folder(tmp_path: Path) -> None:
    """An example is KEYLEDGER_HOME=/tmp. Its permissions must not be restricted either."""
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(CannotStart, match=r"every account may write to it\): set KEYLEDGER_HOME to another"):
        DataDirectory(shared)
    assert stat.S_IMODE(shared.stat().st_mode) == 0o1777
    assert list(shared.iterdir()) == []


def test_a_link_in_place_of_the_lock_is_refused(tmp_path: Path, victim: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "lock").symlink_to(victim)
    with pytest.raises(CannotStart, match="cannot be used"):
        DataDirectory(tmp_path / "home")
    assert _is_untouched(victim)
