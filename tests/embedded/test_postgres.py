import os
import signal
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from embedded.errors import CannotStart
from embedded.external_servers import require_database
from embedded.postgres import SUPERUSER, PostgreSQL
from embedded.processes import is_running, working_in
from tests.embedded.slow_postgres import is_recovering, slow_to_recover, slow_to_stop, write_something
from tests.waiting import eventually, stretched


@pytest.fixture(scope="module")
def durable(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A server as `make run` starts it. Unlike it, the shared test server does not wait for the disk."""
    with PostgreSQL(tmp_path_factory.mktemp("durable") / "data") as server:
        yield server


def _setting(url: str, name: str) -> str:
    with psycopg.connect(url) as connection:
        row = connection.execute("select current_setting(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fsync", "on"),
        ("synchronous_commit", "on"),
        ("full_page_writes", "on"),
        ("listen_addresses", ""),
        ("max_connections", "100"),
        ("server_encoding", "UTF8"),
        ("TimeZone", "UTC"),
    ],
)
def test_the_server_is_durable_and_listens_only_on_its_socket(durable: PostgreSQL, name: str, value: str) -> None:
    assert _setting(durable.url, name) == value


@pytest.mark.parametrize(
    ("name", "value"), [("fsync", "off"), ("full_page_writes", "off"), ("synchronous_commit", "on")]
)
def test_the_test_server_waits_for_commits_but_not_for_the_disk(postgres: PostgreSQL, name: str, value: str) -> None:
    assert _setting(postgres.url, name) == value


def test_the_server_does_not_run_as_root(durable: PostgreSQL) -> None:
    assert durable.process is not None
    assert Path(f"/proc/{durable.process.pid}").stat().st_uid != 0


def test_the_data_is_private(durable: PostgreSQL) -> None:
    assert stat.S_IMODE(durable.folder.stat().st_mode) == 0o700


def test_the_service_role_is_not_a_superuser(durable: PostgreSQL) -> None:
    assert _setting(durable.url, "is_superuser") == "off"
    assert _setting(durable.url_of("postgres", SUPERUSER), "is_superuser") == "on"


def test_text_sorts_the_same_on_every_machine(durable: PostgreSQL) -> None:
    with psycopg.connect(durable.url) as connection:
        rows = connection.execute("select w from unnest(array['b', 'ä', 'B', 'a']) w order by w").fetchall()
    assert [row[0] for row in rows] == ["B", "a", "b", "ä"]


def test_committed_data_survives_a_kill(data: Path) -> None:
    with PostgreSQL(data) as server:
        with psycopg.connect(server.url) as connection:
            connection.execute("create table kept as select 1 as one")
        address = server.url
        server.kill()
        assert working_in(server.folder, "postgres") == []
        server.start()
        assert server.url == address
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select one from kept").fetchone() == (1,)


def test_a_killed_server_starts_while_an_old_backend_is_still_computing(data: Path) -> None:
    with PostgreSQL(data) as server:
        busy = psycopg.connect(server.url, autocommit=True)
        busy.pgconn.send_query(b"select count(*) from generate_series(1, 1000000000)")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        server.process.wait()
        server.start()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
        busy.close()


def test_the_server_starts_if_its_lock_file_names_an_unrelated_process(data: Path) -> None:
    server = PostgreSQL(data)
    server.start()
    try:
        server.kill()
        lock = server.folder / "postmaster.pid"
        lines = lock.read_text().splitlines()
        lines[0] = "1"
        lock.write_text("\n".join(lines) + "\n")
        server.start()
        assert server.process is not None
        assert is_running(server.process.pid)
    finally:
        server.stop()


def test_data_is_kept_for_the_next_start(data: Path) -> None:
    with PostgreSQL(data) as server, psycopg.connect(server.url) as connection:
        connection.execute("create table kept as select 1 as one")
    with PostgreSQL(data) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


def test_the_socket_gets_a_short_path_if_that_of_the_folder_is_too_long(tmp_path: Path, data: Path) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    with PostgreSQL(data.rename(long / "data")) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
        short = Path(connection.info.host)
        assert stat.S_IMODE(short.stat().st_mode) == 0o700
    assert not short.exists()


def test_a_path_with_spaces_and_special_characters_works(tmp_path: Path) -> None:
    with PostgreSQL(tmp_path / "a b%&ü?" / "data") as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)


def test_an_interrupted_initialization_is_repeated(tmp_path: Path) -> None:
    half = tmp_path / ".data.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    with PostgreSQL(tmp_path / "data") as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select 1").fetchone() == (1,)
    assert not half.exists()


def test_a_folder_with_other_files_is_refused_and_not_changed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "letter.txt").write_text("dear")
    with pytest.raises(CannotStart, match="is not empty"):
        PostgreSQL(tmp_path / "data").start()
    assert (tmp_path / "data" / "letter.txt").read_text() == "dear"


def test_data_of_another_version_is_refused_with_the_version(data: Path) -> None:
    server = PostgreSQL(data)
    with server:
        pass
    (server.folder / "PG_VERSION").write_text("12\n")
    with pytest.raises(CannotStart, match="made by PostgreSQL 12"):
        server.start()


def test_a_server_that_cannot_start_reports_the_reason_in_one_line(data: Path) -> None:
    with pytest.raises(CannotStart, match=r"did not start.*shared_buffers") as caught:
        PostgreSQL(data, shared_buffers="much").start()
    assert "\n" not in str(caught.value)


def test_a_server_stops_cleanly_during_recovery_and_recovers_again_later(data: Path) -> None:
    go = slow_to_recover(data)
    server = PostgreSQL(data)
    server.launch()
    eventually(lambda: is_recovering(data))
    assert not server.is_ready()
    server.stop()
    assert server.process is not None
    assert server.process.returncode == 0, "the server ended by itself"
    assert "received fast shutdown request" in server.log.read_text()
    go.touch()
    with server, psycopg.connect(server.url) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


def test_a_recovering_server_of_an_earlier_process_is_stopped_before_another_starts(
    data: Path,
) -> None:
    go = slow_to_recover(data)
    left = PostgreSQL(data)
    left.launch()
    eventually(lambda: is_recovering(data))
    go.touch()
    with PostgreSQL(data) as server, psycopg.connect(server.url) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
    assert left.process is not None
    assert left.process.wait() == 0


def test_a_slow_stop_is_not_cut_off(data: Path) -> None:
    server = PostgreSQL(data)
    with server:
        go = slow_to_stop(server)
    server.start()
    write_something(server.folder)
    stopping = threading.Thread(target=server.stop)
    stopping.start()
    time.sleep(7)  # longer than the five seconds after which stops used to be cut off
    assert stopping.is_alive()
    go.touch()
    stopping.join()
    assert server.process is not None
    assert server.process.returncode == 0
    server.log.unlink()
    server.start()
    server.stop()
    assert "was not properly shut down" not in server.log.read_text()


def test_a_paused_server_stops_cleanly(data: Path) -> None:
    server = PostgreSQL(data)
    server.start()
    for pid in working_in(server.folder, "postgres"):
        os.kill(pid, signal.SIGSTOP)
    server.stop()
    assert server.process is not None
    assert server.process.returncode == 0


def test_the_start_waits_for_an_external_database_that_is_recovering(data: Path) -> None:
    go = slow_to_recover(data)
    server = PostgreSQL(data)
    server.launch()
    waiting = threading.Thread(target=require_database, args=[server.url], daemon=True)
    eventually(lambda: is_recovering(data))
    waiting.start()
    time.sleep(1)
    assert waiting.is_alive(), "it waits for the end of the recovery"
    go.touch()
    waiting.join(stretched(30))
    assert not waiting.is_alive()
    server.stop()
