"""Obstacles to a start: one line names the obstacle, the exit code is 1, and no process is left running."""

import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from embedded.orphan_reaper import belonging_to
from embedded.processes import is_running, wait_for
from tests.programs import Program, inherited_environment
from tests.unprivileged_user import OrdinaryUser
from tests.waiting import stretched

_ROOT = Path(__file__).parents[2]


def _environment(home: Path, changes: Mapping[str, str]) -> dict[str, str]:
    return {**inherited_environment(), "KEYLEDGER_HOME": str(home), "PORT": "18472", **changes}


def _refusal(home: Path, **changes: str) -> str:
    """Run `python -m embedded run`, which must fail, and return the only line of its error output."""
    output, errors = home.with_name("output.txt"), home.with_name("errors.txt")
    errors.unlink(missing_ok=True)
    assert Program(["embedded", "run"], _environment(home, changes), output, errors).wait(stretched(60)) == 1
    assert wait_for(lambda: not [pid for pid in belonging_to(home) if is_running(pid)], stretched(5))
    lines = errors.read_text().splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.fixture
def taken_port() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield str(listener.getsockname()[1])


def test_a_port_in_use_is_reported(tmp_path: Path, taken_port: str) -> None:
    line = _refusal(tmp_path / "home", PORT=taken_port)
    assert line == (
        f"keyledger: port {taken_port} on 127.0.0.1 is in use: end what listens there, or set PORT to another"
    )


def test_the_port_of_the_example_mcp_server_is_refused_for_the_api(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "example-mcp.port").write_text("18473\n")
    line = _refusal(home, PORT="18473")
    assert line == f"keyledger: port 18473 is that of the example MCP server in {home}: set PORT to another"


def test_an_address_of_another_machine_is_reported(tmp_path: Path) -> None:
    assert "HOST is '192.0.2.1'" in _refusal(tmp_path / "home", HOST="192.0.2.1")
    assert "HOST is 'no such host'" in _refusal(tmp_path / "home", HOST="no such host")


def test_an_unusable_data_folder_is_reported(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    line = _refusal(tmp_path / "home")
    assert line.startswith(f"keyledger: the data folder {tmp_path / 'home'} cannot be used (")
    assert line.endswith("set KEYLEDGER_HOME to another")


@pytest.mark.parametrize("closed", [".", "logs/postgresql.log", "postgresql", "secrets.env"])
def test_a_data_folder_that_the_account_cannot_access_is_reported(ordinary_user: OrdinaryUser, closed: str) -> None:
    """The whole folder or a part of it is closed, as after a run by root."""
    home = ordinary_user.folder / f"closed {closed.replace('/', ' ')}"
    (home / "logs").mkdir(parents=True)
    if closed == "postgresql":
        (home / closed).mkdir()
    elif closed != ".":
        (home / closed).write_text("")
    for folder in (home, home / "logs"):
        folder.chmod(0o777)
    (home / closed).chmod(0)
    environment = {"KEYLEDGER_HOME": str(home), "PORT": "18474"}
    started = ordinary_user.start(["-m", "embedded", "run"], environment, subprocess.PIPE)
    output, _ = started.communicate(timeout=60)
    (home / closed).chmod(0o700)
    assert started.returncode == 1, output
    line = output.splitlines()[-1]
    assert line.startswith(f"keyledger: the data folder {home} cannot be used (")
    assert line.endswith("Permission denied): set KEYLEDGER_HOME to another")
    assert "Traceback" not in output
    assert closed == "." or closed in line


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://keyledger:swordfish@127.0.0.1:1/keyledger", "Connection refused"),
        ("postgresql://keyledger:swordfish@/keyledger?host=/nowhere", "No such file or directory"),
        # Unescaped, the password is read as a part of the host or the port.
        ("postgresql://keyledger:sword@swordfish@127.0.0.1:1/keyledger", "DATABASE_URL: "),
        ("postgresql://keyledger:sword:swordfish@127.0.0.1:1:swordfish/keyledger", "DATABASE_URL: "),
        ("postgresql://127.0.0.1:1/keyledger?password=swordfish", "Connection refused"),
        ("mysql://keyledger:swordfish@127.0.0.1/keyledger", "is not an address of PostgreSQL"),
    ],
)
def test_a_wrong_database_url_is_reported_without_its_password(tmp_path: Path, url: str, words: str) -> None:
    line = _refusal(tmp_path / "home", DATABASE_URL=url)
    assert line.startswith("keyledger: DATABASE_URL")
    assert words in line
    assert "swordfish" not in line


def test_a_database_that_does_not_exist_is_reported(tmp_path: Path, empty_database_url: str) -> None:
    line = _refusal(tmp_path / "home", DATABASE_URL=empty_database_url.replace("/test_", "/no_test_"))
    assert line.startswith("keyledger: DATABASE_URL")
    assert "does not exist" in line


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:swordfish@127.0.0.1:1/0", "refused"),
        ("redis://:swordfish@127.0.0.1:swordfish/0", "is not an address of Valkey or Redis"),
        ("http://:swordfish@127.0.0.1/", "is not an address of Valkey or Redis"),
    ],
)
def test_a_wrong_redis_url_is_reported_without_its_password(
    tmp_path: Path, empty_database_url: str, url: str, words: str
) -> None:
    line = _refusal(tmp_path / "home", DATABASE_URL=empty_database_url, REDIS_URL=url)
    assert line.startswith("keyledger: REDIS_URL")
    assert words in line
    assert "swordfish" not in line


def test_an_invalid_number_is_reported(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "home", PORT="http").startswith("keyledger: PORT: must be a whole number")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEYLEDGER_PLANS", "free"),
        ("KEYLEDGER_EGRESS_ALLOW", "loopback"),
        ("KEYLEDGER_MASTER_KEY", "short"),
        ("KEYLEDGER_PUBLIC_URL", "keys.example.com"),
        ("KEYLEDGER_MCP_HEALTH_SECONDS", "often"),
        ("KEYLEDGER_USAGE_EXPORT_DIR", "exports"),
    ],
)
def test_a_setting_that_a_part_would_refuse_is_reported_before_anything_is_created_or_started(
    tmp_path: Path, name: str, value: str
) -> None:
    line = _refusal(tmp_path / "home", **{name: value})
    assert line.startswith(f"keyledger: {name}")
    assert not (tmp_path / "home").exists()


def test_a_second_run_on_the_same_data_folder_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "home"
    program = (
        "import pathlib, sys, time; from embedded.data_dir import DataDirectory; "
        "held = DataDirectory(pathlib.Path(sys.argv[1])); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(home)], cwd=_ROOT, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        first.stdout.readline()
        line = _refusal(home)
        first.kill()
    assert line == f"keyledger: Keyledger already runs on the data folder {home} (process {first.pid})"
