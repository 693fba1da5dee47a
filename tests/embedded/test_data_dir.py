import base64
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.data_dir import DataDirectory
from embedded.errors import CannotStart


@pytest.fixture
def home(tmp_path: Path) -> Iterator[DataDirectory]:
    with DataDirectory(tmp_path / "home") as home:
        yield home


def test_the_master_key_is_generated_once_and_kept_private(home: DataDirectory) -> None:
    key = home.master_key()
    assert len(base64.b64decode(key, validate=True)) == 32
    assert home.master_key() == key
    assert stat.S_IMODE((home.folder / "secrets.env").stat().st_mode) == 0o600
    assert stat.S_IMODE((home.folder).stat().st_mode) == 0o700


def test_a_secrets_file_without_its_key_is_not_replaced(home: DataDirectory) -> None:
    (home.folder / "secrets.env").write_text("")
    with pytest.raises(CannotStart, match=r"secrets\.env has no line"):
        home.master_key()


def test_a_lost_master_key_is_not_replaced(home: DataDirectory) -> None:
    home.credentials.write_text("KEYLEDGER_URL=http://127.0.0.1:8000\n")
    with pytest.raises(CannotStart, match=r"secrets\.env is gone"):
        home.master_key()


def test_a_second_process_on_the_same_folder_is_refused_with_the_id_of_the_first(home: DataDirectory) -> None:
    program = (
        "import sys, pathlib; from embedded.data_dir import DataDirectory; DataDirectory(pathlib.Path(sys.argv[1]))"
    )
    second = subprocess.run(
        [sys.executable, "-c", program, str(home.folder)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert second.returncode == 1
    assert "already runs on the data folder" in second.stderr
    assert (home.folder / "lock").read_text().strip() in second.stderr


def test_a_file_in_place_of_the_folder_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("")
    with pytest.raises(CannotStart, match=r"^the data folder .* cannot be used \(File exists\): set KEYLEDGER_HOME"):
        DataDirectory(tmp_path / "home")


def test_the_log_of_the_previous_run_is_kept(home: DataDirectory) -> None:
    home.new_log("api").write_text("before")
    assert not home.new_log("api").exists()
    assert (home.folder / "logs" / "api.log.1").read_text() == "before"


def test_a_log_that_is_too_long_is_rotated_while_its_writer_is_open(
    home: DataDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedded.data_dir._LOG_BYTES_MAX", 10)
    path = home.new_log("api")
    with path.open("ab", buffering=0) as writer:
        writer.write(b"x" * 20)
        home.bound_logs()
        writer.write(b"after")
    assert path.read_bytes() == b"after"
    assert path.with_name("api.log.1").read_bytes() == b"x" * 20


def test_the_operator_settings_are_private_and_a_shell_reads_them_unchanged(home: DataDirectory) -> None:
    written = {
        "DATABASE_URL": "host=/a folder dbname=keyledger password=it's$HOME",
        "KEYLEDGER_MIGRATION_DATABASE_URL": "host=/a folder dbname=keyledger user=keyledger",
        "REDIS_URL": "unix:///a%20folder/valkey.sock",
        "KEYLEDGER_MASTER_KEY": "c2VhbGVk",
        "KEYLEDGER_PUBLIC_URL": "http://127.0.0.1:8000",
        "PORT": "8000",
    }
    home.write_operator_settings(written)
    assert stat.S_IMODE(home.operator_settings.stat().st_mode) == 0o600
    script = f". '{home.operator_settings}' && env -0"
    read = subprocess.run(["sh", "-c", script], env={}, capture_output=True, text=True, check=True).stdout
    exported = dict(line.split("=", 1) for line in read.split("\0") if line)
    assert {name: exported.get(name) for name in written} == {**written, "PORT": None}


def test_the_address_in_the_credentials_is_updated_from_the_settings(home: DataDirectory) -> None:
    home.credentials.write_text("KEYLEDGER_URL=http://127.0.0.1:8000\nDEMO_MCP_ID=mcp_1\n")
    home.correct_credentials("http://127.0.0.1:9000")
    assert home.credentials.read_text() == "KEYLEDGER_URL=http://127.0.0.1:9000\nDEMO_MCP_ID=mcp_1\n"
    assert stat.S_IMODE(home.credentials.stat().st_mode) == 0o600
