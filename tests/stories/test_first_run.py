"""The results of the first `make run`, its use as the README describes it, and the restart of killed parts."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import yaml

from embedded.postgres import SUPERUSER
from embedded.processes import wait_for
from tests.app.browser import browser
from tests.ports import free_port
from tests.stories.readme_session import steps_of_readme, type_all
from tests.stories.running import READY, ROOT, Run, environment_of, printed_link, running
from tests.waiting import stretched

_PARTS = ("postgresql", "valkey", "example-mcp", "workers", "scheduler", "api")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A first run with its data where `make run` keeps it in a checkout, shared by tests that do not stop it."""
    with running(tmp_path_factory.mktemp("make-run") / ".keyledger", free_port()) as run:
        yield run


def test_the_first_run_prints_its_address_and_the_path_of_the_credentials(run: Run) -> None:
    assert any(line.startswith(f"{READY}http://127.0.0.1:{run.port} ") for line in run.lines), run.lines
    assert any(str(run.home / "demo.env") in line for line in run.lines)
    assert stat.S_IMODE((run.home / "demo.env").stat().st_mode) == 0o600
    credentials = run.credentials()
    assert set(credentials) >= {"KEYLEDGER_URL", "KEYLEDGER_ADMIN_KEY", "DEMO_API_KEY", "DEMO_MCP_ID"}
    assert credentials["KEYLEDGER_URL"] == f"http://127.0.0.1:{run.port}"


def test_no_secret_is_printed_or_logged(run: Run) -> None:
    credentials = run.credentials()
    secrets = [credentials["KEYLEDGER_ADMIN_KEY"], credentials["DEMO_API_KEY"]]
    secrets.append((run.home / "secrets.env").read_text().strip().partition("=")[2])
    texts = ["\n".join(run.lines), *(path.read_text(errors="replace") for path in (run.home / "logs").iterdir())]
    assert not [secret for secret in secrets for text in texts if secret in text]


def test_the_management_key_of_the_first_run_works(run: Run) -> None:
    status, body = run.get("/v1/api-keys", run.credentials()["KEYLEDGER_ADMIN_KEY"])
    assert status == 200
    assert body["success"] is True


def test_every_command_of_the_readme_prints_what_the_readme_shows(run: Run) -> None:
    steps = steps_of_readme()
    assert len(steps) >= 15
    assert {"keyledger", "curl", ".venv/bin/python"} <= {step.command.split()[0] for step in steps}
    # A reader types in the checkout; here the data folder is elsewhere, so that folder gets the same `.venv`.
    (run.home.parent / ".venv").symlink_to(sys.prefix)
    type_all(steps, run.home.parent)


def test_the_printed_address_signs_the_demo_owner_in_once(run: Run) -> None:
    link = printed_link(run)
    assert link.startswith(f"http://127.0.0.1:{run.port}/sign-in/confirm?token=")
    with browser(f"http://127.0.0.1:{run.port}") as screen:
        screen.go(link)
        screen.send(screen.forms[0])
        assert screen.page.history[0].headers["location"] == "/"
        assert screen.go("/account").status_code == 200
        assert "owner@demo.example" in screen.page.text
    with browser(f"http://127.0.0.1:{run.port}") as other:
        assert other.go(link).status_code == 401
    assert_in_no_file(run, link)


def test_the_demo_owner_signs_in_with_a_requested_link(run: Run) -> None:
    assert "enter `owner@demo.example`" in (ROOT / "README.md").read_text("utf-8")
    printed = len(run.lines)
    with browser(f"http://127.0.0.1:{run.port}") as screen:
        screen.go("/")
        screen.send(screen.forms[0], email="owner@demo.example")
        run.wait_for_line("/sign-in/confirm?token=", after=printed)
        (link,) = [line.strip() for line in run.lines[printed:] if "?token=" in line]
        screen.go(link)
        screen.send(screen.forms[0])
        assert screen.path == "/"
        assert "owner@demo.example" in screen.page.text
    mails = run.home / "mail.txt"
    assert wait_for(lambda: link in mails.read_text(), stretched(10))
    assert stat.S_IMODE(mails.stat().st_mode) == 0o600
    assert_in_no_file(run, link, except_for=mails.name)


def assert_in_no_file(run: Run, link: str, *, except_for: str = "") -> None:
    """Assert that no log, and no other file of the data folder outside the database, contains the token."""
    token = link.partition("?token=")[2].encode()
    folders = {run.home / "postgresql", run.home / "valkey"}
    files = [path for path in run.home.rglob("*") if path.is_file() and not folders & set(path.parents)]
    assert len([path for path in files if path.parent == run.home / "logs"]) > 3
    assert [path for path in files if token in path.read_bytes() and path.name != except_for] == []


def test_the_database_of_a_run_keeps_commits_after_a_power_failure(run: Run) -> None:
    """The test servers run without these settings, so no other test covers them."""
    data = run.home / "postgresql"
    sockets = data / (data / "postmaster.pid").read_text().splitlines()[4]
    with psycopg.connect(f"postgresql://{SUPERUSER}@/postgres?host={sockets}") as connection:
        settings = connection.execute(
            "select name, setting from pg_settings"
            " where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name"
        ).fetchall()
    assert settings == [("fsync", "on"), ("full_page_writes", "on"), ("synchronous_commit", "on")]


@pytest.mark.parametrize("name", _PARTS)
def test_a_killed_part_is_restarted_and_the_restart_is_reported(run: Run, name: str) -> None:
    killed = run.main_process(name)
    printed = len(run.lines)
    os.kill(killed, signal.SIGKILL)
    run.wait_for_line(f"{name} stopped (killed by SIGKILL); it is started again", after=printed)
    run.wait_for_line(f"{name} runs again", after=printed)
    assert run.main_process(name) != killed
    key = run.credentials()["KEYLEDGER_ADMIN_KEY"]
    assert wait_for(lambda: run.get("/v1/api-keys", key)[0] == 200, stretched(10))


@pytest.mark.parametrize("name", ["worker", "scheduler"])
def test_the_health_check_of_the_containers_succeeds_for_a_working_part(run: Run, name: str) -> None:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    program: list[str] = services[name]["healthcheck"]["test"][2:]

    def healthy(redis_url: str) -> bool:
        environment = {**os.environ, "REDIS_URL": redis_url}
        return subprocess.run([sys.executable, *program], cwd=ROOT, env=environment, check=False).returncode == 0

    assert wait_for(lambda: healthy(f"unix://{run.home}/valkey/valkey.sock"), stretched(10))


def test_the_health_check_of_the_containers_fails_if_no_part_works(redis_url: str) -> None:
    services: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    for name in ("worker", "scheduler"):
        program: list[str] = services[name]["healthcheck"]["test"][2:]
        environment = {**os.environ, "REDIS_URL": redis_url}
        ended = subprocess.run([sys.executable, *program], cwd=ROOT, env=environment, check=False)
        assert ended.returncode == 1


def test_a_second_run_on_the_same_folder_is_refused(run: Run) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "embedded", "run"],
        cwd=ROOT,
        env=environment_of(run.home, free_port()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert second.returncode == 1
    assert second.stderr == (
        f"keyledger: Keyledger already runs on the data folder {run.home} (process {run.process.pid})\n"
    )
