"""Starts of `make run` by root that are refused: one line names the obstacle, and no server is started."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from tests.ports import free_port
from tests.stories.running import ROOT, as_module, environment_of

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs services under another account")

_CAP_SETUID = 7
_PR_CAPBSET_DROP = 24


def test_a_port_that_the_services_may_not_use_is_reported(tmp_path: Path) -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 1:
        pytest.skip("every account may listen on every port here")
    process = as_module(environment_of(tmp_path / "home", 1))
    printed, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "PORT is 127.0.0.1 1, which user id " in printed
    assert "cannot listen on: Permission denied" in printed
    assert not (tmp_path / "home" / "postgresql").exists()


def _without(capability: int, environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    """Start `make run` as root without a capability, as in a container."""

    drop = f"import ctypes, os, sys; ctypes.CDLL(None).prctl({_PR_CAPBSET_DROP}, {capability})"
    return subprocess.Popen(
        [sys.executable, "-c", f"{drop}; os.execv(sys.executable, [sys.executable, '-m', 'embedded', 'run'])"],
        cwd=ROOT,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _refused(process: "subprocess.Popen[str]") -> str:
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1, output
    assert "Traceback" not in output.splitlines()[-1]
    return output.splitlines()[-1]


def test_root_without_the_right_to_change_accounts_is_refused(tmp_path: Path) -> None:
    line = _refused(_without(_CAP_SETUID, environment_of(tmp_path / "home", free_port())))
    assert line.startswith("keyledger: the services cannot run as user id ")
    assert line.endswith("start it as an ordinary user")
    assert not (tmp_path / "home" / "postgresql").exists()


def test_a_run_without_an_unused_user_id_is_refused(tmp_path: Path) -> None:
    program = (
        "import sys; from embedded import user_ids; user_ids.IDS = range(0, 2); "
        "from embedded.__main__ import main; sys.exit(main())"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, "run"],
        cwd=ROOT,
        env=environment_of(tmp_path / "home", free_port()),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert _refused(process) == (
        "keyledger: every user id from 0 to 1 is in use, and nothing is run as root: start it as an ordinary user"
    )


@pytest.mark.parametrize(
    ("name", "made"),
    [("KEYLEDGER_USAGE_EXPORT_DIR", "folder"), ("KEYLEDGER_MAIL_FILE", "file"), ("PROMETHEUS_MULTIPROC_DIR", "folder")],
)
def test_a_path_that_the_services_cannot_access_is_reported(open_folder: Path, name: str, made: str) -> None:
    path = open_folder / f"{name}-{made}"
    path.mkdir(mode=0o755)
    value = path if made == "folder" else path / "mails.txt"
    home = open_folder / f"home of {name}"
    process = as_module(environment_of(home, free_port(), {name: str(value)}))
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1
    assert f"{name} is {value}, which user id " in output
    assert "Permission denied" in output
    assert not (home / "postgresql").exists()


def test_external_servers_that_accept_only_root_are_reported(tmp_path: Path) -> None:
    with PostgreSQL(tmp_path / "postgresql", durable=False) as database, Valkey(tmp_path / "valkey") as valkey:
        line = _refused(as_module(environment_of(tmp_path / "home", free_port(), {"DATABASE_URL": database.url})))
        assert line.startswith("keyledger: migrate failed: ")
        assert line.endswith(", which has to reach the server of DATABASE_URL and needs a password")
        process = as_module(environment_of(tmp_path / "home", free_port(), {"REDIS_URL": valkey.url}))
        printed, _ = process.communicate(timeout=120)
        assert process.returncode == 1
        assert f"REDIS_URL is {tmp_path}/valkey/valkey.sock, which user id " in printed
