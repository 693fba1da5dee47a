"""`keyledger apply` and `export`: keys, MCP servers and webhooks in a file."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.grants import GRANTS
from keyledger import Keyledger, RevisionMismatch
from keyledger.cli.as_code.apply import make_plan
from keyledger.cli.as_code.credentials import Credentials
from keyledger.cli.as_code.current import read_current
from keyledger.cli.as_code.document import read_document
from keyledger.cli.as_code.execute import Done, execute
from keyledger.cli.as_code.export import exported
from keyledger.cli.as_code.plan import NOUNS, pruned
from keyledger.models.permissions import Permissions, RateLimit, ToolRule
from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE, Ran, Run, run_command
from tests.clients.flaky_proxy import FlakyProxy
from tests.terminals import on_terminal

OF_JIRA = "of-jira"
FILE = """
[[mcps]]
name = "GitHub"
endpoint_url = "https://mcp.example.com/mcp"
description = "Repositories"

[[mcps]]
name = "Jira"
endpoint_url = "https://jira.example.com/mcp"
auth_type = "bearer"
credential_env = "JIRA_TOKEN"

[[keys]]
name = "My agent"
expires_in_days = 30
allowed_ips = ["10.0.0.0/8"]
metadata = { team = "search" }

[keys.permissions]
mcps = ["GitHub", "Jira"]
tools.GitHub = { allow = ["get_*"] }

[keys.rate_limit]
per_second = 5

[[keys]]
name = "Console"
never = true
permissions = { manage = ["keys:read"] }

[[webhooks]]
url = "https://example.com/hooks"
events = ["api_key.revoked", "api_key.created"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keyledger.toml"


@pytest.fixture
def apply(run: Run, file: Path, tmp_path: Path) -> Run:
    """Apply a text as a file, without questions, with a folder for secrets."""

    def applied(content: str, *options: str, **env: str) -> Ran:
        file.write_text(content, "utf-8")
        return run("apply", str(file), "--yes", "--out-dir", str(tmp_path / "secrets"), *options, **env)

    return applied


def plan_of(ran: Ran) -> Any:  # noqa: ANN401 -- JSON
    return json.loads(ran.stdout)


def named(org: Organization, kind: str, name: str) -> Any:  # noqa: ANN401 -- JSON
    (found,) = [each for each in org.client.get(f"/v1/{kind}").data if name in (each.get("name"), each.get("url"))]
    return found


def test_a_file_creates_everything_in_it_and_the_same_file_changes_nothing(
    org: Organization, apply: Run, tmp_path: Path
) -> None:
    done = apply(FILE, JIRA_TOKEN=OF_JIRA)
    assert done.returncode == 0, done.stderr
    agent = named(org, "api-keys", "My agent")
    github, jira = named(org, "mcps", "GitHub"), named(org, "mcps", "Jira")
    assert set(agent["permissions"]["mcps"]) == {github["id"], jira["id"]}
    assert agent["permissions"]["tools"][github["id"]]["allow"] == ["get_*"]
    assert (agent["rate_limit"], agent["allowed_ips"]) == ({"per_second": 5}, ["10.0.0.0/8"])
    assert named(org, "api-keys", "Console")["expires_at"] is None
    assert jira["auth_type"] == "bearer"
    again = apply(FILE)
    assert again.returncode == 0, again.stderr
    assert "Plan: 5 unchanged, 1 not in the file." in again.stdout
    assert "Credentials that were not compared: 1." in again.stdout
    assert len(list((tmp_path / "secrets").iterdir())) == 3


def test_new_secrets_are_in_files_of_their_owner_and_nowhere_else(
    org: Organization, apply: Run, tmp_path: Path
) -> None:
    done = apply(FILE, JIRA_TOKEN=OF_JIRA)
    folder = tmp_path / "secrets"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    agent, hook = named(org, "api-keys", "My agent"), named(org, "webhooks", "https://example.com/hooks")
    key_file = folder / f"My-agent-{agent['id']}"
    secret_file = folder / f"https-example-com-hooks-{hook['id']}"
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert org.verify(key_file.read_text().strip(), ip="10.1.1.1")["valid"]
    assert secret_file.read_text().startswith("whsec_")
    for path in folder.iterdir():
        assert path.read_text().strip() not in done.stdout + done.stderr
    assert OF_JIRA not in done.stdout + done.stderr


def test_without_a_folder_for_secrets_nothing_is_created(org: Organization, run: Run, file: Path) -> None:
    file.write_text('[[mcps]]\nname = "A"\nendpoint_url = "https://a.example.com"\n[[keys]]\nname = "B"\n')
    refused = run("apply", str(file), "--yes")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--out-dir" in refused.stderr
    assert org.client.get("/v1/mcps").data == []


def test_a_difference_is_shown_field_by_field_and_applied(org: Organization, apply: Run, file: Path, run: Run) -> None:
    org.mcp(name="GitHub")
    key = org.key(name="Agent", permissions={"mcps": "*"}, description="old")
    content = '[[keys]]\nname = "Agent"\ndescription = "new"\nstatus = "disabled"\npermissions.mcps = ["GitHub"]\n'
    file.write_text(content)
    planned = run("apply", str(file), "--dry-run")
    assert planned.returncode == 4
    assert f"update key “Agent” ({key.id})\n" in planned.stdout
    assert '    description: "old" → "new"\n' in planned.stdout
    assert '    permissions.mcps: "*" → ["GitHub"]\n' in planned.stdout
    assert '    status: "active" → "disabled"\n' in planned.stdout
    assert org.client.get(key.path).data["description"] == "old"
    assert apply(content).returncode == 0
    changed = org.client.get(key.path).data
    assert (changed["description"], changed["status"]) == ("new", "disabled")
    unchanged = run("apply", str(file), "--dry-run", "--json")
    assert (unchanged.returncode, plan_of(unchanged)["changes"]) == (0, [])
    assert apply(content.replace("disabled", "active")).returncode == 0
    assert org.client.get(key.path).data["status"] == "active"


def test_an_omitted_field_gets_its_default_except_those_that_are_kept(org: Organization, apply: Run) -> None:
    key = org.key(
        name="Agent", description="old", allowed_ips=["10.0.0.0/8"], expires_at="2099-01-01T00:00:00Z", rate_limit=None
    )
    org.client.post(f"{key.path}/disable")
    assert apply('[[keys]]\nname = "Agent"\n').returncode == 0
    kept = org.client.get(key.path).data
    assert (kept["description"], kept["allowed_ips"]) == ("", [])
    assert (kept["status"], kept["environment"], kept["expires_at"][:4]) == ("disabled", "live", "2099")


def test_a_dry_run_changes_nothing_and_its_exit_code_tells_whether_there_are_differences(
    org: Organization, run: Run, file: Path
) -> None:
    file.write_text('[[keys]]\nname = "Agent"\n')
    planned = run("apply", str(file), "--dry-run")
    assert planned.returncode == 4
    assert "create key “Agent”\n" in planned.stdout
    assert "It reaches no MCP and manages nothing." in planned.stdout
    assert "expires: in 90 days" in planned.stdout
    assert len(org.client.get("/v1/api-keys").data) == 1
    manager = '[[keys]]\nname = "Manager"\nnever = true\n[keys.permissions]\nmcps = "*"\n'
    file.write_text(f"{manager}manage = {json.dumps(list(GRANTS))}\n")
    assert run("apply", str(file), "--dry-run").returncode == 0


@pytest.mark.parametrize(("answer", "code", "number"), [("n", 6, 1), ("y", 0, 2)])
def test_a_plan_is_shown_and_asks(
    api: Api, org: Organization, file: Path, tmp_path: Path, answer: str, code: int, number: int
) -> None:
    file.write_text('[[keys]]\nname = "Agent"\n')
    environment = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    words = ["keyledger", "apply", str(file), "--out-dir", str(tmp_path / "secrets")]
    seen = on_terminal(words, environment, typed=f"{answer}\n")
    assert (seen.code, "Plan: 1 to create" in seen.text) == (code, True), seen.text
    assert len(org.client.get("/v1/api-keys").data) == number
    assert (tmp_path / "secrets").exists() is (code == 0)


def test_only_prune_removes_what_the_file_does_not_name_and_never_its_own_key(
    org: Organization, apply: Run, run: Run, file: Path
) -> None:
    mcp_id, agent = org.mcp(name="Wiki"), org.key(name="Agent", permissions={"mcps": "*"})
    hook = org.client.post("/v1/webhooks", {"url": "https://example.com/hook"}).data["id"]
    org.client.post(f"{org.key(name='Revoked').path}/revoke", {})
    content = "keys = []\nmcps = []\n"
    assert "3 not in the file" in apply(content).stdout
    assert run("apply", str(file), "--prune").returncode == 2
    done = apply(content, "--prune")
    assert done.returncode == 0, done.stderr
    assert f"revoke key “Agent” ({agent.id}), never used\n" in done.stdout
    assert f"“Manager” ({org.manager.id}) is the key of this command, and stays." in done.stdout
    assert org.client.get(agent.path).data["status"] == "revoked"
    assert org.client.get(f"/v1/mcps/{mcp_id}").status == 404
    assert org.client.get(f"/v1/webhooks/{hook}").status == 200, "the file does not mention webhooks"
    assert apply("webhooks = []\n", "--prune").returncode == 0
    assert org.client.get(f"/v1/webhooks/{hook}").status == 404


def test_prune_does_not_delete_what_a_key_of_the_file_names(org: Organization, apply: Run) -> None:
    mcp_id = org.mcp(name="Wiki")
    refused = apply('mcps = []\n[[keys]]\nname = "Agent"\npermissions.mcps = ["Wiki"]\n', "--prune")
    assert (refused.returncode, f"“Wiki” ({mcp_id}), which would be deleted" in refused.stderr) == (2, True)
    assert org.client.get(f"/v1/mcps/{mcp_id}").status == 200


def test_prune_does_not_remove_what_changed_after_the_plan(api: Api, org: Organization, file: Path) -> None:
    mcp_id = org.mcp(name="Wiki")
    hook = org.client.post("/v1/webhooks", {"url": "https://example.com/hook"}).data["id"]
    agent = org.key(name="Agent")
    for kind, path in (("mcps", f"/v1/mcps/{mcp_id}"), ("webhooks", f"/v1/webhooks/{hook}"), ("keys", agent.path)):
        file.write_text(f"{kind} = []\n")
        with Keyledger(api.url, org.manager.secret) as client:
            document = read_document(str(file))
            plan = pruned(make_plan(client, document, Credentials(file.parent, are_sent=False)), org.manager.id)
            org.client.patch(path, {"description": "changed"})
            with pytest.raises(RevisionMismatch):
                list(execute(client, plan, None))
        assert org.client.get(path).status == 200


def test_prune_asks_a_second_question(api: Api, org: Organization, file: Path) -> None:
    agent = org.key(name="Agent")
    file.write_text("keys = []\n")
    environment = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    words = ["keyledger", "apply", str(file), "--prune"]
    seen = on_terminal(words, environment, typed="y\nn\n")
    assert (seen.code, "Not in the file: 1 key. Revoking and deleting cannot be undone" in seen.text) == (6, True), (
        seen.text
    )
    assert org.client.get(agent.path).data["status"] == "active"
    assert on_terminal(words, environment, typed="y\ny\n").code == 0
    assert org.client.get(agent.path).data["status"] == "revoked"


def test_an_ambiguous_name_is_refused_until_an_id_says_which(org: Organization, apply: Run) -> None:
    keys = [org.key(name="Twin"), org.key(name="Twin"), org.seeded_key(name="Twin", environment="test")]
    refused = apply('[[keys]]\nname = "Twin"\ndescription = "x"\n')
    assert refused.returncode == 2
    assert all(key.id in refused.stderr for key in keys)
    assert "Add its id" in refused.stderr
    assert apply('[[keys]]\nname = "Twin"\nenvironment = "test"\ndescription = "x"\n').returncode == 0
    assert apply(f'[[keys]]\nname = "Renamed"\nid = "{keys[0].id}"\n').returncode == 0
    assert [org.client.get(key.path).data["name"] for key in keys] == ["Renamed", "Twin", "Twin"]
    assert [org.client.get(key.path).data["description"] for key in keys] == ["", "", "x"]


def test_a_revoked_key_does_not_match_and_cannot_be_named_by_id(org: Organization, apply: Run) -> None:
    key = org.key(name="Agent")
    org.client.post(f"{key.path}/revoke", {})
    assert f"there is no {key.id}" in apply(f'[[keys]]\nname = "Agent"\nid = "{key.id}"\n').stderr
    assert "created key “Agent”" in apply('[[keys]]\nname = "Agent"\n').stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('[[key]]\nname = "A"', "unknown table 'key'. Did you mean keys?"),
        ("keys = 3", "begin each with [[keys]]"),
        ('[[keys]]\nname = "A"\nexpirs_at = 2099-01-01', "keys[1] (“A”): unknown field expirs_at. Did you mean exp"),
        ('[[keys]]\nname = "A"\npermissions.manag = []', "unknown field permissions.manag. Did you mean manage?"),
        ('[[keys]]\nname = "A"\npermissions.tools.x.allowed = []', "unknown field permissions.tools.x.allowed. Did"),
        ("[[keys]]\nname = 3", "keys[1]: expected `str`, got `int` in name."),
        ('[[keys]]\ndescription = "A"', "keys[1]: object missing required field `name`."),
        ('[[keys]]\nname = "A"\nenvironment = "prod"', "invalid enum value 'prod' in environment."),
        ('[[keys]]\nname = "A"\nnever = true\nexpires_in_days = 3', "use one of expires_at, expires_in_days and never"),
        ('[[keys]]\nname = "A"\nexpires_at = 2020-01-01', "expires_at is in the past"),
        ('[[keys]]\nname = "A"\npermissions.mcps = ["B"]', "there is no MCP 'B'"),
        ('[[keys]]\nname = "A"\npermissions.mcps = "B"', '"*" for every MCP'),
        ('[[keys]]\nname = "A"\n[[keys]]\nname = "A"', "mean the same"),
        ('[[keys]]\nname = "Manager"\nenvironment = "test"', "cannot change. Revoke the key first"),
        ('[[mcps]]\nname = "A"\nendpoint_url = "x"\nauth_token = "y"', "Use credential_env or credential_file"),
        ('[[mcps]]\nname = "A"\nendpoint_url = "x"\nauth_type = "bearer"', "needs its credential for bearer"),
        ('[[mcps]]\nname="A"\nendpoint_url="x"\nauth_type="basic"\ncredential_env="NO_SUCH"', "NO_SUCH is not set"),
        ('[[mcps]]\nname="A"\nendpoint_url="x"\nauth_type="basic"\ncredential_file="no"', "cannot be read"),
        ("[[webhooks]]", "url is missing"),
        ('[[webhooks]]\nkind = "slack"\nurl = "https://example.com"', "Use url_env or url_file"),
        ('[[webhooks]]\nkind = "slack"\ndescription = "A"', "Add url_env or url_file"),
        ("keys = [", "is not TOML"),
    ],
)
def test_a_file_with_a_flaw_is_refused_before_anything_is_done(
    org: Organization, apply: Run, content: str, message: str
) -> None:
    first = '[[keys]]\nname = "First"\n' if content.startswith("[[keys]]") else ""
    refused = apply(first + content.replace("keys[1]", "keys[2]"))
    assert (refused.returncode, refused.stdout) == (2, ""), refused.stdout
    assert (message.replace("keys[1]", "keys[2]") if first else message) in refused.stderr
    assert len(org.client.get("/v1/api-keys").data) == 1


@pytest.mark.parametrize("content", [b"\xff\xfe[\0", b'[[keys]]\nname = "\xe4"', b"\0"])
def test_a_file_in_another_encoding_is_refused(run: Run, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    refused = run("apply", str(file))
    assert refused.returncode == 2
    assert "UTF-8" in refused.stderr or "not TOML" in refused.stderr


def test_a_file_with_a_byte_order_mark_is_read_and_one_with_a_key_is_not(
    org: Organization, run: Run, file: Path
) -> None:
    file.write_bytes(b"\xef\xbb\xbfkeys = []\n")
    assert run("apply", str(file)).returncode == 0
    file.write_text(f'[[keys]]\nname = "A"\ndescription = "{org.manager.secret}"\n')
    refused = run("apply", str(file), "--dry-run")
    assert (refused.returncode, org.manager.secret in refused.stdout + refused.stderr) == (2, False)
    assert run("apply", "-", "--json", stdin="keys = []\n").returncode == 0


def test_a_change_after_the_plan_is_not_overwritten_and_the_next_run_continues(
    api: Api, org: Organization, file: Path, run: Run
) -> None:
    first, second = org.key(name="First"), org.key(name="Second")
    file.write_text('[[keys]]\nname = "First"\ndescription = "a"\n[[keys]]\nname = "Second"\ndescription = "b"\n')
    done: list[Done] = []
    with Keyledger(api.url, org.manager.secret) as client:
        plan = make_plan(client, read_document(str(file)), Credentials(file.parent, are_sent=False))
        org.client.patch(second.path, {"metadata": {"by": "another"}})
        with pytest.raises(RevisionMismatch):
            done.extend(execute(client, plan, None))
    assert org.client.get(first.path).data["description"] == "a"
    assert org.client.get(second.path).data["metadata"] == {"by": "another"}
    assert "metadata" in run("apply", str(file), "--dry-run").stdout
    assert run("apply", str(file), "--yes").returncode == 0
    assert org.client.get(second.path).data["description"] == "b"


def test_an_error_stops_and_says_what_is_done_and_the_next_run_continues(
    org: Organization, apply: Run, tmp_path: Path
) -> None:
    content = '[[keys]]\nname = "First"\n[[keys]]\nname = "Second"\nallowed_ips = ["?"]\n[[keys]]\nname = "Third"\n'
    stopped = apply(content)
    assert stopped.returncode == 5
    assert "created key “First”" in stopped.stdout
    assert "stopped at: create key “Second”. Done before: 1. Not started: 1." in stopped.stderr
    assert "allowed_ips" in stopped.stderr
    assert len(list((tmp_path / "secrets").iterdir())) == 1, "no file is left for a key that was refused"
    continued = apply(content.replace('["?"]', "[]"), "--json")
    assert [(step["name"], step["done"]) for step in plan_of(continued)["changes"]] == [
        ("Second", True),
        ("Third", True),
    ]
    assert len(org.client.get("/v1/api-keys").data) == 4


def test_a_lost_response_creates_no_second_key_and_loses_no_secret(
    org: Organization, proxy: FlakyProxy, file: Path, tmp_path: Path
) -> None:
    file.write_text('[[keys]]\nname = "Agent"\npermissions.mcps = "*"\n')
    proxy.actions = ["forward", "forward", "cut"]
    env = {"KEYLEDGER_URL": proxy.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret}
    done = run_command("apply", str(file), "--yes", "--out-dir", str(tmp_path / "secrets"), env=env)
    assert done.returncode == 0, done.stderr
    (stored,) = (tmp_path / "secrets").iterdir()
    assert org.verify(stored.read_text().strip())["valid"]
    assert len(org.client.get("/v1/api-keys").data) == 2


def test_an_output_that_ends_early_does_not_stop_the_changes_halfway(
    api: Api, org: Organization, file: Path, tmp_path: Path
) -> None:
    file.write_text("".join(f'[[keys]]\nname = "Agent {number}"\n' for number in range(5)))
    env = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    words = [sys.executable, "-m", "keyledger", "apply", str(file), "--yes", "--out-dir", str(tmp_path / "secrets")]
    with Path("/dev/full").open("wb") as full:
        ran = subprocess.run(
            words, env={**os.environ, **env}, stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False
        )
    assert (ran.returncode, "cannot be printed" in ran.stderr) == (2, True)
    assert len(org.client.get("/v1/api-keys").data) == 1, "a plan that was not shown is not executed"
    with subprocess.Popen(words, env={**os.environ, **env}, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while not process.stdout.readline().startswith("Plan:"):
            pass
        process.stdout.close()
        assert process.wait(60) == 0
    assert len(org.client.get("/v1/api-keys").data) == 6
    assert len(list((tmp_path / "secrets").iterdir())) == 5


def test_a_secret_that_cannot_be_written_is_reported_with_the_remedy_and_not_printed(
    org: Organization, apply: Run, tmp_path: Path
) -> None:
    # A module that Python imports at its start makes each write of the secret fail, as on a full disk.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\ndef full(descriptor):\n    raise OSError(28, 'No space left on device')\nos.fsync = full\n"
    )
    failed = apply('[[keys]]\nname = "Agent"\n', PYTHONPATH=f"{SOURCE}:{tmp_path}")
    key_id = named(org, "api-keys", "Agent")["id"]
    assert failed.returncode == 8
    assert f"keyledger keys rotate {key_id}" in failed.stderr
    assert "pk_live_" not in failed.stdout + failed.stderr
    assert list((tmp_path / "secrets").iterdir()) == []


def test_a_file_of_an_interrupted_command_is_reported(org: Organization, apply: Run, tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "Agent.unfinished").touch()
    refused = apply('[[keys]]\nname = "Agent"\n')
    assert refused.returncode == 2
    assert "rotate its secret" in refused.stderr
    assert len(org.client.get("/v1/api-keys").data) == 1


def test_credentials_are_sent_to_new_servers_and_otherwise_on_request(
    org: Organization, apply: Run, tmp_path: Path
) -> None:
    (tmp_path / "token").write_text("of-wiki\n")
    content = (
        '[[mcps]]\nname = "Wiki"\nendpoint_url = "https://wiki.example.com/mcp"\nauth_type = "api_key"\n'
        'auth_header = "X-Wiki"\ncredential_file = "token"\n'
    )
    created = apply(content)
    assert "credential: is sent" in created.stdout
    assert "of-wiki" not in created.stdout
    assert named(org, "mcps", "Wiki")["revision"] == 1
    assert apply(content).returncode == 0
    assert named(org, "mcps", "Wiki")["revision"] == 1
    assert "credential: is sent" in apply(content, "--send-credentials").stdout
    assert named(org, "mcps", "Wiki")["revision"] == 2
    moved = content.replace("wiki.example.com", "wiki2.example.com")
    assert apply(moved).returncode == 0
    assert named(org, "mcps", "Wiki")["endpoint_url"] == "https://wiki2.example.com/mcp"
    without = moved.replace('credential_file = "token"\n', "").replace("wiki2", "wiki3")
    assert "needs its credential" in apply(without).stderr


def test_a_slack_webhook_is_known_by_its_description_and_its_url_is_not_in_the_file(
    org: Organization, apply: Run
) -> None:
    content = '[[webhooks]]\nkind = "slack"\ndescription = "Pager"\nurl_env = "SLACK_URL"\n'
    url = "https://hooks.example.com/services/T0/secret-part"
    done = apply(content, SLACK_URL=url)
    assert done.returncode == 0, done.stderr
    assert "secret-part" not in done.stdout
    (hook,) = org.client.get("/v1/webhooks").data
    assert hook["kind"] == "slack"
    assert "Plan: 1 unchanged." in apply(content, SLACK_URL=url).stdout


def test_an_omitted_authentication_and_its_credential_are_kept(org: Organization, apply: Run) -> None:
    mcp_id = org.mcp(name="Jira", auth_type="bearer", auth_token=OF_JIRA)
    content = f'[[mcps]]\nname = "Jira"\nendpoint_url = "{named(org, "mcps", "Jira")["endpoint_url"]}"\n'
    changed = apply(f'{content}description = "Tickets"\n')
    assert changed.returncode == 0, changed.stderr
    assert "auth_type" not in changed.stdout
    jira = org.client.get(f"/v1/mcps/{mcp_id}").data
    assert (jira["description"], jira["auth_type"]) == ("Tickets", "bearer")
    removed = apply(f'{content}auth_type = "none"\n')
    assert 'auth_type: "bearer" → "none"' in removed.stdout
    assert org.client.get(f"/v1/mcps/{mcp_id}").data["auth_type"] == "none"


def test_an_exported_slack_webhook_refers_to_its_url_and_is_applied_without_differences(
    org: Organization, run: Run, file: Path
) -> None:
    url = "https://hooks.example.com/services/T0/secret-part"
    hook = {"url": url, "kind": "slack", "description": "Pager", "events": ["api_key.revoked"]}
    org.client.post("/v1/webhooks", hook)
    content = run("export", "--only", "webhooks").stdout
    assert "secret-part" not in content
    assert "# Its URL is a secret and is not exported. To send one, add url_env or url_file.\n" in content
    shown = {"kind": "slack", "description": "Pager", "events": ["api_key.revoked"]}
    assert tomllib.loads(content)["webhooks"] == [shown]
    file.write_text(content, "utf-8")
    assert run("apply", str(file), "--dry-run").stdout == "Plan: 1 unchanged.\n"
    file.write_text(f'{content}url_env = "SLACK_URL"\n', "utf-8")
    sent = run("apply", str(file), "--yes", "--send-credentials", SLACK_URL=url.replace("T0", "T1"))
    assert (sent.returncode, "url: is sent" in sent.stdout) == (0, True), sent.stderr


def test_inactive_servers_and_disabled_objects_can_be_created(org: Organization, apply: Run) -> None:
    done = apply(
        '[[mcps]]\nname = "Wiki"\nendpoint_url = "https://wiki.example.com/mcp"\nstatus = "inactive"\n'
        '[[keys]]\nname = "Agent"\nstatus = "disabled"\n'
        '[[webhooks]]\nurl = "https://example.com/hook"\nstatus = "disabled"\n'
    )
    assert done.returncode == 0, done.stderr
    assert named(org, "mcps", "Wiki")["status"] == "inactive"
    assert named(org, "api-keys", "Agent")["status"] == "disabled"
    assert org.client.get("/v1/webhooks").data[0]["status"] == "disabled"


def test_a_service_that_is_no_mcp_server_is_in_a_file(org: Organization, apply: Run, run: Run) -> None:
    table = '[[mcps]]\nname = "Orders"\nendpoint_url = "https://orders.example.com"\n'
    assert apply(f"{table}health_checks = false\n").returncode == 0
    assert named(org, "mcps", "Orders")["health_checks"] is False
    exported_file = tomllib.loads(run("export", "--only", "mcps").stdout)
    assert [mcp["health_checks"] for mcp in exported_file["mcps"]] == [False]
    assert "Plan: 1 unchanged." in apply(f"{table}health_checks = false\n").stdout
    assert apply(table).returncode == 0
    assert named(org, "mcps", "Orders")["health_checks"] is True


def test_an_export_is_stable_contains_no_secret_and_only_what_still_exists(
    org: Organization, run: Run, tmp_path: Path
) -> None:
    org.mcp(name="Wiki")
    org.mcp(name="Jira", auth_type="bearer", auth_token=OF_JIRA)
    org.client.post(f"{org.key(name='Revoked').path}/revoke", {})
    org.expired_key(name="Expired")
    org.key(name="Agent", permissions={"mcps": "*"})
    first, again = run("export"), run("export")
    assert first.returncode == 0, first.stderr
    assert first.stdout == again.stdout
    exported_file = tomllib.loads(first.stdout)
    assert [key["name"] for key in exported_file["keys"]] == ["Agent", "Manager"]
    assert [mcp["name"] for mcp in exported_file["mcps"]] == ["Jira", "Wiki"]
    assert exported_file["webhooks"] == []
    assert "# Its credential is not exported." in first.stdout
    assert OF_JIRA not in first.stdout
    written = run("export", "--out", str(tmp_path / "all.toml"))
    assert written.stdout == f"Exported to {tmp_path / 'all.toml'}: mcps 2, keys 2, webhooks 0.\n"
    assert (tmp_path / "all.toml").read_text("utf-8") == first.stdout
    refused = run("export", "--out", str(tmp_path / "all.toml"))
    assert (refused.returncode, "exists already" in refused.stderr) == (2, True)
    assert "[[mcps]]" not in run("export", "--only", "keys").stdout


def test_an_export_of_many_keys_is_a_plan_without_differences(org: Organization, run: Run, file: Path) -> None:
    for number in range(230):
        org.seeded_key(name=f"Agent {number % 200}")
    file.write_bytes(run("export").stdout.encode())
    planned = run("apply", str(file), "--dry-run", "--json")
    assert planned.returncode == 0, planned.stderr
    assert (plan_of(planned)["changes"], plan_of(planned)["unchanged"]) == ([], 231)


_TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40)
_NAME = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20).map(
    lambda text: f"x{text}\"'\\ #[]"[:40]
)
_PATTERN = st.text("abc*?_'\"\\é", min_size=1, max_size=8)


@st.composite
def _keys(draw: st.DrawFn) -> dict[str, Any]:
    patterns = st.lists(_PATTERN, max_size=2).map(tuple)
    rule = st.builds(ToolRule, allow=st.none() | patterns, deny=patterns)
    return {
        "name": draw(_NAME | st.sampled_from(["Twin", "mcps", "keys"])),
        "description": draw(_TEXT),
        "metadata": draw(st.dictionaries(_NAME, _TEXT, max_size=3)),
        "rate_limit": draw(st.none() | st.integers(1, 1000).map(RateLimit)),
        "allowed_ips": draw(st.lists(st.sampled_from(["10.0.0.0/8", "2001:db8::/32", "192.0.2.1"]), unique=True)),
        "expires_in_days": draw(st.none() | st.integers(1, 1000)),
        "manage": draw(st.lists(st.sampled_from(["keys:read", "mcps:read"]), unique=True)),
        "rule": draw(rule),
        "is_disabled": draw(st.booleans()),
    }


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(keys=st.lists(_keys(), min_size=1, max_size=4), names=st.lists(_NAME, min_size=1, max_size=3))
def test_applying_an_export_is_a_plan_without_differences(
    api: Api, tmp_path: Path, keys: list[dict[str, Any]], names: list[str]
) -> None:
    org = api.organization()
    with Keyledger(api.url, org.manager.secret) as client:
        mcps = [client.mcps.create(name, "https://mcp.example.com/mcp", description=name) for name in names]
        for key in keys:
            permissions = Permissions((mcps[0].id,), {mcps[0].id: key.pop("rule")}, tuple(key.pop("manage")))
            is_disabled = key.pop("is_disabled")
            made = client.keys.create(**key, permissions=permissions)
            if is_disabled:
                client.keys.disable(made.id)
        client.webhooks.create("https://example.com/hook?a=%22b", description=keys[0]["description"])
        content = exported(read_current(client, NOUNS), NOUNS)
        file = tmp_path / "keyledger.toml"
        file.write_bytes(content.encode())
        plan = make_plan(client, read_document(str(file)), Credentials(tmp_path, are_sent=False))
        assert list(plan.steps) == []
        assert plan.others == []
        assert exported(read_current(client, NOUNS), NOUNS) == content
