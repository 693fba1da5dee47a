"""Profiles in the configuration file of `keyledger`."""

from pathlib import Path

import pytest

from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE, Ran, run_command


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".config/keyledger").mkdir(parents=True)
    return tmp_path


def written(home: Path, text: str) -> None:
    (home / ".config/keyledger/config.toml").write_text(text)


def listed(home: Path, *options: str, **env: str) -> Ran:
    given = {"HOME": str(home), "XDG_CONFIG_HOME": "", "KEYLEDGER_URL": "", "KEYLEDGER_ADMIN_KEY": "", **env}
    return run_command("keys", "list", *options, env=given)


@pytest.fixture
def profiles(home: Path, api: Api, org: Organization) -> Path:
    """Two profiles: one of the service, and one of an address where nothing responds."""
    written(
        home,
        f'[profiles.default]\nurl = "{api.url}"\nkey_file = "manager.key"\n\n'
        f'[profiles.other]\nurl = "http://127.0.0.1:1"\nkey_file = "~/other.key"\n',
    )
    (home / ".config/keyledger/manager.key").write_text(org.manager.secret)
    (home / "other.key").write_text(api.organization().manager.secret)
    return home


def test_the_default_profile_needs_no_option(profiles: Path) -> None:
    assert listed(profiles).returncode == 0


def test_an_option_or_a_variable_selects_a_profile(profiles: Path) -> None:
    for ran in (listed(profiles, "--profile", "other"), listed(profiles, KEYLEDGER_PROFILE="other")):
        assert (ran.returncode, "No response" in ran.stderr) == (3, True), ran.stderr


def test_options_override_the_environment_which_overrides_the_profile(profiles: Path, api: Api) -> None:
    nowhere = "http://127.0.0.1:1"
    key = (profiles / ".config/keyledger/manager.key").read_text()
    assert listed(profiles, KEYLEDGER_URL=nowhere, KEYLEDGER_ADMIN_KEY=key).returncode == 3
    assert listed(profiles, "--url", api.url, KEYLEDGER_URL=nowhere, KEYLEDGER_ADMIN_KEY=key).returncode == 0
    assert listed(profiles, "--profile", "default", KEYLEDGER_URL=nowhere, KEYLEDGER_ADMIN_KEY=key).returncode == 0


def test_a_profile_that_is_chosen_by_a_variable_overrides_the_other_variables(profiles: Path, api: Api) -> None:
    key = (profiles / ".config/keyledger/manager.key").read_text()
    ran = listed(profiles, KEYLEDGER_PROFILE="other", KEYLEDGER_URL=api.url, KEYLEDGER_ADMIN_KEY=key)
    assert (ran.returncode, "No response" in ran.stderr) == (3, True), ran.stderr


def test_the_key_of_a_profile_is_sent_to_no_other_service(profiles: Path) -> None:
    for ran in (
        listed(profiles, KEYLEDGER_URL="http://127.0.0.1:1"),
        listed(profiles, "--url", "http://127.0.0.1:1"),
        listed(profiles, "--profile", "default", "--url", "http://127.0.0.1:1"),
    ):
        assert (ran.returncode, "management key is missing" in ran.stderr) == (2, True), ran.stderr


def test_an_unknown_profile_is_refused_with_those_that_exist(profiles: Path) -> None:
    ran = listed(profiles, "--profile", "staging")
    assert (ran.returncode, "It has default, other." in ran.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[profiles.default", "incorrect"),
        ("[profiles.default]\nulr = 'x'", "ulr"),
        ("[profiles.default]\nkey = 'pk_live_x'", "unknown field `key`"),
        ("profiles = 3", "incorrect"),
    ],
)
def test_an_incorrect_file_is_refused_by_name(home: Path, text: str, problem: str) -> None:
    written(home, text)
    ran = listed(home)
    assert ran.returncode == 2, ran.stderr
    assert "config.toml" in ran.stderr
    assert problem in ran.stderr


def test_without_any_setting_the_command_says_how_to_set_them(home: Path) -> None:
    ran = listed(home)
    assert ran.returncode == 2
    for way in ("KEYLEDGER_URL", "--url", f"{home}/.config/keyledger/config.toml"):
        assert way in ran.stderr
    ran = listed(home, KEYLEDGER_URL="http://127.0.0.1:1")
    for way in ("KEYLEDGER_ADMIN_KEY", "--key-file", "key_file"):
        assert way in ran.stderr


def test_a_user_without_a_home_folder_needs_no_profile(
    api: Api, org: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As in a container whose user has no entry in the list of users.
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib\ndef none(*_):\n    raise RuntimeError('no home')\npathlib.Path.home = classmethod(none)\n"
    )
    monkeypatch.delenv("HOME", raising=False)
    env = {"PYTHONPATH": f"{SOURCE}:{tmp_path}", "XDG_CONFIG_HOME": "", "KEYLEDGER_ADMIN_KEY": org.manager.secret}
    assert run_command("keys", "list", env={**env, "KEYLEDGER_URL": api.url}).returncode == 0
    refused = run_command("keys", "list", "--profile", "other", env={**env, "KEYLEDGER_URL": ""})
    assert (refused.returncode, "Set HOME or XDG_CONFIG_HOME" in refused.stderr) == (2, True)
    refused = run_command("keys", "list", env={**env, "KEYLEDGER_URL": ""})
    assert (refused.returncode, "The address of the service is missing" in refused.stderr) == (2, True)
