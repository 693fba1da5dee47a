"""Every command of `keyledger` has an example in its help, and each example works: on a terminal and in a pipe."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from keyledger.cli import exit_codes
from keyledger.cli.tables import display_width
from tests.app.api.mcp.conftest import Upstream
from tests.app.api.webhooks.deliveries import add_failed_delivery
from tests.app.organizations import Api, Key, Organization
from tests.app.people import person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.clients.command import SOURCE
from tests.clients.every_command import COMMANDS
from tests.clients.scan.repository import Repository
from tests.random_input import random_email, random_token
from tests.terminals import COLUMNS, program_on_terminal
from tests.workers.receiver import Receiver, receiver

_DOCUMENT = Path(__file__).parents[2] / "docs/command-line.md"
_FILE = '[[keys]]\nname = "My agent"\npermissions = { mcps = ["GitHub"] }\n'
EXAMPLES = [example for command in COMMANDS.values() for example in command.examples]


class World:
    """An organization with one of everything that an example can name."""

    def __init__(self, api: Api, org: Organization, upstream: Upstream, target: Receiver, folder: Path) -> None:
        self._api, self._org, self._upstream, self._target = api, org, upstream, target
        self.mcp_id: str = org.mcp(name="GitHub", endpoint_url=upstream.url)
        self.key: Key = org.key(name="My agent", permissions={"mcps": [self.mcp_id]})
        self._folder = folder
        (folder / "token.txt").write_text("token")
        (folder / "build.log").write_text("built")
        (folder / "old-keys.csv").write_text(f"name,secret\nOld key,acme_{random_token()}\n")

    def filled(self, example: str) -> str:
        """Return the example with ids in the places of `key_…` and the like. A key that it reads is in its file."""
        if re.search(r"(<|--key-file) agent.key", example):
            (self._folder / "agent.key").write_text(self.key.secret)
        if "--history" in example:
            Repository(self._folder).commit(readme="Nothing secret")
        if "keyledger apply" in example:
            (self._folder / "keyledger.toml").write_text(_FILE)
        return re.sub(r"\b([a-z]+)_…", lambda found: self._ids[found[1]](example), example)

    @property
    def _ids(self) -> Mapping[str, Callable[[str], str]]:
        return {
            "key": lambda _: self.key.id,
            "mcp": lambda _: self.mcp_id,
            "user": lambda _: person(self._api, self._org.id, "member").id,
            "alert": lambda _: raise_alerts(self._api, alert_with(self._org.id, "webhook.disabled", because="gone"))[0],
            "evt": self._event,
            "hook": lambda _: self._webhook(),
            "msg": lambda _: add_failed_delivery(self._org, self._webhook(), 1),
            "invite": lambda _: self._org.client.post(
                "/v1/organization/members/invite", {"email": random_email(), "role": "viewer"}
            ).data["invite_id"],
        }

    def _event(self, example: str) -> str:
        used: str = self._org.verify(self.key.secret)["event_id"]
        changed: str = self._org.client.get("/v1/audit/events").data[0]["id"]
        return used if " activity " in example else changed

    def _webhook(self) -> str:
        listed = self._org.client.get("/v1/webhooks").data
        made = listed or [self._org.client.post("/v1/webhooks", {"url": self._target.url}).data]
        webhook: str = made[0]["id"]
        return webhook


@pytest.fixture(scope="module")
def target() -> Iterator[Receiver]:
    with receiver() as running:
        yield running


@pytest.fixture
def world(api: Api, org: Organization, upstream: Upstream, target: Receiver, tmp_path: Path) -> World:
    return World(api, org, upstream, target, tmp_path)


@pytest.fixture
def environment(api: Api, org: Organization, tmp_path: Path) -> dict[str, str]:
    """The settings of the command, and a folder with the command in PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "keyledger"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyledger "$@"\n')
    command.chmod(0o755)
    return {
        "KEYLEDGER_URL": api.url,
        "KEYLEDGER_ADMIN_KEY": org.manager.secret,
        "PYTHONPATH": str(SOURCE),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": "",
    }


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_an_example_of_itself(words: tuple[str, ...]) -> None:
    examples = COMMANDS[words].examples
    assert examples
    assert all(example.startswith(f"keyledger {' '.join(words)}") for example in examples)
    assert all(f"  {example}\n" in COMMANDS[words].format_help() for example in examples)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_works_in_a_pipe_without_colours(
    world: World, environment: dict[str, str], tmp_path: Path, example: str
) -> None:
    ran = subprocess.run(
        ["bash", "-c", world.filled(example)],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout or "--output" in example or "--json" in example
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "…" not in re.sub(r"\w{12}…\w{4}\b|“[^”]*”", "", ran.stdout), "a cell was cut"


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_works_on_a_terminal_and_fits_it(
    world: World, environment: dict[str, str], tmp_path: Path, example: str
) -> None:
    seen = program_on_terminal(["bash", "-c", world.filled(example)], environment, folder=tmp_path)
    assert seen.code == 0, seen.screen
    if "--json" in example or " export" in example or " completion" in example:
        return
    for line in seen.text.splitlines():
        is_table = re.match(r"[A-Z]{2,}(  |$)|(key|mcp|evt|user|hook|msg|alert|invite)_\w{26}  ", line)
        assert not is_table or display_width(line.rstrip()) <= COLUMNS, line


def test_the_command_works_with_nothing_else_in_the_environment(environment: dict[str, str], tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "keyledger", "keys", "list"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr


def test_the_documentation_lists_every_command() -> None:
    rows = "".join(
        f"| `keyledger {' '.join(words)}` | {(command.description or '').removesuffix('.')} |\n"
        for words, command in COMMANDS.items()
    )
    expected = f"| Command | |\n|---|---|\n{rows}"
    assert _DOCUMENT.read_text("utf-8").partition("## Commands\n\n")[2] == expected


def test_the_documentation_lists_every_exit_code() -> None:
    constants = {name: value for name, value in vars(exit_codes).items() if name.isupper() and name[0] != "_"}
    declared = [value for value in constants.values() if isinstance(value, int)]
    assert sorted(declared) == sorted(exit_codes.MEANINGS), "each code is declared once, and has a meaning"
    rows = "".join(f"| {code} | {meaning} |\n" for code, meaning in exit_codes.MEANINGS.items())
    assert f"| Exit code | Meaning |\n|---|---|\n{rows}\n" in _DOCUMENT.read_text("utf-8")
