"""The command `keyledger`, run as a separate process."""

import json
import os
import re
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization, unknown_secret
from tests.clients.command import SOURCE, Run, lines_of
from tests.clients.flaky_proxy import FlakyProxy, refusal
from tests.ports import free_port


def test_the_lifecycle_of_a_key(org: Organization, run: Run) -> None:
    mcp_id = org.mcp()
    made = run("keys", "create", "Agent", "--mcp", mcp_id, "--expires-in-days", "90", "--manage", "keys:read", "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    assert (key["permissions"]["mcps"], key["permissions"]["manage"]) == ([mcp_id], ["keys:read"])
    valid = run("keys", "verify", "-", "--mcp", mcp_id, stdin=key["key"] + "\n")
    assert (valid.returncode, "valid" in valid.stdout) == (0, True)
    rotated = run("keys", "rotate", key["id"], "--overlap-seconds", "60", "--secret-only")
    assert rotated.stdout.startswith("pk_live_")
    assert len(rotated.stdout) == 41
    for what, status, code in (("disable", "disabled", 1), ("enable", "active", 0), ("revoke", "revoked", 1)):
        changed = run("keys", what, key["id"], *(["--yes"] if what == "revoke" else []))
        assert (changed.returncode, status in changed.stdout) == (0, True), changed.stderr
        assert run("keys", "verify", "-", stdin=rotated.stdout).returncode == code
    shown = run("keys", "get", key["id"])
    assert "revoked" in shown.stdout
    assert "api_key.rotated" in shown.stdout
    refused = json.loads(run("keys", "verify", "-", "--json", stdin=rotated.stdout).stdout)
    assert refused["code"] == "revoked_key"


def test_a_found_secret_is_identified(org: Organization, run: Run) -> None:
    key = org.key(name="Agent")
    found = run("keys", "identify", stdin=f"{key.secret}\n")
    assert found.returncode == 0, found.stderr
    assert found.stdout.splitlines() == [
        f"key             {key.id} (Agent)",
        "status          active",
        "secret version  1",
    ]
    assert org.activity(key)[0]["event"] == "api_key.created"
    rotated = org.client.post(f"{key.path}/rotate")
    assert rotated.status == 200
    assert "1, replaced by a newer one" in run("keys", "identify", stdin=key.secret).stdout
    described = json.loads(run("keys", "identify", "--json", stdin=rotated.data["key"]).stdout)
    assert (described["key"]["id"], described["key"]["secret_version"]) == (key.id, 2)


def test_an_unknown_and_a_cut_off_secret_are_not_identified(run: Run) -> None:
    unknown = run("keys", "identify", stdin=unknown_secret())
    assert (unknown.returncode, "another organization" in unknown.stdout) == (1, True)
    cut_off = run("keys", "identify", stdin=unknown_secret()[:-1], KEYLEDGER_URL="http://127.0.0.1:1")
    assert (cut_off.returncode, "1 too few" in cut_off.stderr) == (2, True)


def test_the_secret_is_printed_only_when_the_key_is_created(org: Organization, run: Run) -> None:
    made = run("keys", "create", "Agent", "--all-mcps")
    (secret,) = [line for line in made.stdout.splitlines() if line.startswith("pk_live_") and len(line) == 40]
    assert made.stdout.count(secret) == 1
    for arguments in (["keys", "list"], ["keys", "list", "--json"], ["keys", "verify", secret], ["doctor", secret]):
        ran = run(*arguments)
        assert ran.returncode == 0, ran.stderr
        assert secret not in ran.stdout + ran.stderr
        assert org.manager.secret not in ran.stdout + ran.stderr


def test_lists_are_aligned_plain_text_or_json(org: Organization, run: Run) -> None:
    org.key(name="Short")
    org.key(name="A rather longer name")
    org.mcp(name="Files")
    printed = run("keys", "list", "--search", "sh").stdout
    assert "\x1b" not in printed
    (titles, line) = printed.splitlines()
    assert titles.index("NAME") == line.index("Short")
    assert titles.split()[0] == "ID"
    assert len(run("keys", "list", "--limit", "2").stdout.splitlines()) == 3
    assert len(lines_of(run("keys", "list", "--json", "--status", "active"))) == 3
    assert "Files" in run("mcps", "list").stdout
    assert [mcp["name"] for mcp in lines_of(run("mcps", "list", "--json"))] == ["Files"]
    empty = run("keys", "list", "--status", "revoked").stdout
    assert " ".join(empty.split()) == "ID NAME CREATED LAST USED EXPIRES STATUS MCP ACCESS"


def test_keys_that_could_be_tighter_are_counted(api: Api, run: Run) -> None:
    org = api.organization()
    org.key(permissions={"mcps": "*"}, expires_in_days=30)
    given = {"KEYLEDGER_ADMIN_KEY": org.manager.secret}
    reviewed = run("keys", "review", **given)
    assert reviewed.returncode == 0, reviewed.stderr
    described = json.loads(run("keys", "review", "--json", **given).stdout)
    assert described == org.client.get("/v1/api-keys/review").data
    assert described["all_mcps"] == {"keys": 2, "exact": True}
    assert described["never_expire"] == {"keys": 1, "exact": True}
    assert reviewed.stdout.splitlines() == [
        "ACTIVE KEYS                                COUNT",
        f"never expire                               {described['never_expire']['keys']}",
        f"not used for 90 days                       {described['unused']['keys']}",
        f"created 7 days ago or earlier, never used  {described['never_used']['keys']}",
        f"reach all MCP servers                      {described['all_mcps']['keys']}",
        f"can change keys, from any IP address       {described['open_managers']['keys']}",
    ]


def test_activity_is_filtered(org: Organization, run: Run) -> None:
    key, mcp_id = org.key(), org.mcp()
    org.verify(key.secret)
    org.verify(key.secret, mcp_id=mcp_id, tool="add")
    table = run("keys", "activity", key.id, "--status", "denied").stdout.splitlines()
    assert [line.split()[2:7] for line in table[1:]] == [["verify", "denied", "mcp_not_permitted", "Files", "add"]]
    entries = lines_of(run("keys", "activity", key.id, "--mcp", mcp_id, "--secret-version", "1", "--json"))
    assert [entry["tool"] for entry in entries] == ["add"]
    assert len(lines_of(run("keys", "activity", key.id, "--limit", "2", "--json"))) == 2
    refused = run("keys", "activity", key.id, "--ip", "nowhere")
    assert (refused.returncode, "ip" in refused.stderr) == (5, True)


def test_usage_is_counted_by_day_and_by_hour_for_all_keys_and_for_one(api: Api, org: Organization, run: Run) -> None:
    key, other, mcp_id = org.key(), org.key(permissions={"mcps": []}), org.mcp()
    uses = [org.verify(secret, mcp_id=mcp_id)["code"] for secret in (key.secret, key.secret, other.secret)]
    count(api)
    denied = [code for code in uses if code != "valid"]
    assert denied
    shown = run("usage", "get", "--days", "1", "--bucket", "day")
    assert shown.returncode == 0, shown.stderr
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert f"requests {len(uses) - len(denied)}" in lines
    assert f"denied for {denied[0]} {len(denied)}" in lines
    assert lines[-1].endswith(f" {len(uses) - len(denied)} 0 {len(denied)}")
    hours = json.loads(run("usage", "get", "--key", key.id, "--days", "2", "--bucket", "hour", "--json").stdout)[
        "by_hour"
    ]
    by_hour = run("usage", "get", "--key", key.id, "--days", "2", "--bucket", "hour").stdout.splitlines()
    past = [hour for hour in hours if datetime.fromisoformat(hour["hour"]) <= now()]
    assert len(by_hour) - by_hour.index("") - 2 in {len(past), len(past) - 1}, "hours that have not begun are left out"
    assert sum(hour["requests"] + hour["denied"] for hour in hours) == 2
    month = json.loads(run("usage", "get", "--key", key.id, "--json").stdout)
    assert month["period"] == "month"
    assert json.loads(run("usage", "get", "--days", "90", "--json").stdout)["by_day"]
    busy = org.key(permissions={"mcps": "*"})
    assert [org.verify(busy.secret)["code"] for _ in range(2)] == ["valid", "valid"]
    count(api)
    keys = lines_of(run("usage", "keys", "--days", "1", "--limit", "1", "--json"))
    assert [(each["key_id"], each["requests"]) for each in keys] == [(busy.id, 2)]
    zone = ("--time-zone", "Asia/Tokyo")
    tokyo = json.loads(run("usage", "get", "--days", "40", "--bucket", "hour", *zone, "--json").stdout)
    assert (tokyo["time_zone"], len(tokyo["by_hour"])) == ("Asia/Tokyo", 40 * 24)
    assert "WHEN (Asia/Tokyo)" in run("usage", "get", *zone).stdout


def test_activity_is_followed_until_it_is_interrupted(api: Api, org: Organization) -> None:
    key = org.key()
    org.verify(key.secret)
    env = {
        **os.environ,
        "KEYLEDGER_URL": api.url,
        "KEYLEDGER_ADMIN_KEY": org.manager.secret,
        "PYTHONPATH": str(SOURCE),
    }
    command = [sys.executable, "-m", "keyledger", "keys", "activity", key.id, "--follow", "--json"]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        newest = [json.loads(process.stdout.readline())["event"] for _ in range(2)]
        assert newest == ["api_key.created", "api_key.used"]
        org.client.post(f"{key.path}/disable")
        assert json.loads(process.stdout.readline())["event"] == "api_key.disabled"
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 130


def test_the_url_for_mcp_clients_is_set_and_removed_without_other_settings(org: Organization, run: Run) -> None:
    org.client.patch("/v1/organization", {"settings": {"theme": "dark", "anomalies.errors_rate_min": 0.5}})
    url = f"https://gateway.example/{org.id.replace('_', '-')}/mcp"
    assert url in run("organization", "set-mcp-url", "https://gateway.example/{slug}/mcp").stdout
    shown = json.loads(run("organization", "get", "--json").stdout)
    assert (shown["mcp_url"], shown["settings"]["theme"]) == (url, "dark")
    assert run("organization", "set-mcp-url", "--remove").returncode == 0
    left = json.loads(run("organization", "get", "--json").stdout)
    assert (left["mcp_url"], left["settings"]) == (None, {"theme": "dark", "anomalies.errors_rate_min": 0.5})
    refused = run("organization", "set-mcp-url", "http://gateway.example/mcp")
    assert (refused.returncode, "connect.mcp_url must be an https URL" in refused.stderr) == (5, True)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["organization", "set-mcp-url"],
        ["keys"],
        ["keys", "create"],
        ["keys", "frobnicate"],
        ["keys", "list", "--limit", "0"],
        ["keys", "list", "--unused-for-days", "0"],
        ["keys", "list", "--expires", "soon"],
        ["alerts"],
        ["alerts", "list", "--severity", "mild"],
        ["alerts", "acknowledge"],
        ["audit", "list", "--from", "yesterday"],
        ["audit", "export", "--format", "xml"],
        ["audit", "export", "--output", "/does/not/exist"],
        ["completion", "cmd"],
        ["usage"],
        ["usage", "get", "--bucket", "minute"],
        ["keys", "list", "--stat", "active"],
        ["keys", "update", "key_x"],
        ["mcps", "update", "mcp_x"],
        ["webhooks", "update", "hook_x"],
        ["organization", "update"],
        ["tools", "call", "mcp_x", "add", "--arguments", "[1]"],
        ["tools", "call", "mcp_x", "add", "--arguments", "{"],
        ["keys", "create", "x", "--tools", "get_*"],
        ["keys", "create", "x", "--all-mcps", "--never", "--expires-in-days", "3"],
        ["keys", "create", "x", "--all-mcps", "--metadata", "team"],
        ["keys", "create", "x", "--all-mcps", "--out", "/does/not/exist"],
        ["keys", "revoke-many", "--created-by", "user_x"],
        ["keys", "revoke-many", "--reason", "superseded", "--yes"],
        ["keys", "update", "key_x", "--any-ip", "--allowed-ip", "10.0.0.0/8"],
        ["keys", "update", "key_x", "--expires-in-days", "9999999"],
        ["usage", "get", "--key", "key_x", "--mcp", "mcp_x"],
        ["keys", "list", "--profile", ""],
        ["keys", "list", "--url", "http://[::1"],
        ["tools", "call", "mcp_x", "add", "--arguments", '{"a": NaN}'],
        ["keys", "list", "--profile", "unknown"],
        ["keys", "list", "--limit", "many"],
        ["keys", "revoke", "key_x", "--reason", "mood", "--yes"],
        ["keys", "create", "x", "--all-mcps", "--expires-in-days", "0"],
        ["keys", "create", "x", "--all-mcps", "--mcp", "mcp_x"],
        ["keys", "list", "--url", "ftp://x"],
        ["keys", "list", "--key-file", "/does/not/exist"],
    ],
)
def test_a_wrong_command_exits_with_2(run: Run, arguments: list[str]) -> None:
    ran = run(*arguments)
    assert ran.returncode == 2, ran.stderr
    assert ran.stderr
    assert ran.stdout == ""
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["KEYLEDGER_URL", "KEYLEDGER_ADMIN_KEY"])
def test_a_missing_setting_is_reported(run: Run, name: str) -> None:
    ran = run("keys", "list", **{name: ""})
    assert (ran.returncode, name in ran.stderr) == (2, True)


def test_a_refused_request_exits_with_5_and_prints_one_line(run: Run) -> None:
    for ran in (
        run("keys", "get", "key_unknown"),
        run("keys", "list", KEYLEDGER_ADMIN_KEY=unknown_secret()),
        run("keys", "verify", "nonsense", KEYLEDGER_ADMIN_KEY=unknown_secret()),
        run("keys", "create", "x", "--all-mcps", "--expires-in-days", "99999"),
    ):
        assert ran.returncode == 5, ran.stderr
        assert len(ran.stderr.splitlines()) == 1


def test_a_failed_check_exits_with_1_and_prints_no_error(run: Run) -> None:
    for ran in (run("keys", "verify", "nonsense"), run("doctor", "nonsense")):
        assert (ran.returncode, ran.stderr) == (1, "")


def test_an_unreachable_or_unavailable_service_exits_with_3(run: Run, proxy: FlakyProxy, org: Organization) -> None:
    proxy.actions = [refusal(503, "Retry-After: 90")]
    for ran in (run("keys", "list", "--url", proxy.url), run("keys", "list", KEYLEDGER_URL="http://127.0.0.1:9")):
        assert ran.returncode == 3, ran.stderr
        assert "Traceback" not in ran.stderr
        assert org.manager.secret not in ran.stderr


def test_a_server_that_does_not_respond_fails_the_check_and_not_the_service(
    org: Organization, run: Run, tmp_path: Path
) -> None:
    mcp_id = org.mcp(endpoint_url=f"http://127.0.0.1:{free_port()}/mcp")
    file = tmp_path / "agent.key"
    file.write_text(org.key(permissions={"mcps": [mcp_id]}).secret)
    called = run("tools", "call", mcp_id, "add", "--key-file", str(file))
    assert (called.returncode, "mcp_unreachable (502)" in called.stderr) == (1, True), called.stderr


def test_an_unreachable_service_is_named_with_the_remedy(run: Run) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ran = run("keys", "list", KEYLEDGER_URL=f"{url}/")
    assert ran.stderr.startswith(f"keyledger: No response from {url}: ConnectError: ")
    assert ran.stderr.endswith(". Check the address, and whether the service is running.\n")
    with_password = run("keys", "list", KEYLEDGER_URL=url.replace("//", "//user:hidden@"))
    assert f"No response from {url}: " in with_password.stderr


def test_an_expiry_after_that_of_the_management_key_is_refused_with_the_option(
    run: Run, org: Organization, tmp_path: Path
) -> None:
    permissions = {"mcps": "*", "manage": ["keys:read", "keys:write", "mcps:read", "webhooks:read", "alerts:read"]}
    manager = org.key(permissions=permissions, expires_in_days=30)
    settings = {"KEYLEDGER_ADMIN_KEY": manager.secret}
    remedy = "or use a management key that expires later.\n"
    refused = run("keys", "create", "Agent", "--all-mcps", **settings)
    assert refused.returncode == 5
    assert refused.stderr.endswith(f"Set an earlier expiry with --expires-in-days or --expires-at, {remedy}")
    file = tmp_path / "keyledger.toml"
    file.write_text('[[keys]]\nname = "Agent"\npermissions.mcps = "*"\n')
    applied = run("apply", str(file), "--yes", "--out-dir", str(tmp_path / "secrets"), **settings)
    assert applied.returncode == 5
    assert applied.stderr.endswith(f"Set an earlier expiry with expires_at or expires_in_days in the file, {remedy}")
    assert run("keys", "create", "Agent", "--all-mcps", "--expires-in-days", "29", **settings).returncode == 0


def test_the_management_key_can_come_from_a_file(run: Run, org: Organization, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(org.manager.secret + "\n")
    assert run("keys", "list", "--key-file", str(file), KEYLEDGER_ADMIN_KEY="").returncode == 0
    assert run("keys", "list", "--key-file", "-", stdin=org.manager.secret, KEYLEDGER_ADMIN_KEY="").returncode == 0


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["keys", "create"],
        ["keys", "list"],
        ["mcps", "list"],
        ["alerts", "list"],
        ["alerts", "acknowledge"],
        ["audit", "list"],
        ["audit", "export"],
        ["doctor"],
    ],
)
def test_help_has_examples_and_exit_codes(run: Run, command: list[str]) -> None:
    ran = run(*command, "--help")
    assert ran.returncode == 0
    assert "example" in ran.stdout
    assert "exit codes:" in ran.stdout


def test_a_character_that_the_terminal_does_not_support_is_replaced(run: Run, org: Organization) -> None:
    org.key(name="Schlüssel 鍵")
    ran = run("keys", "list", PYTHONIOENCODING="ascii")
    assert (ran.returncode, "Schl?ssel" in ran.stdout) == (0, True), ran.stderr
    assert "Schlüssel 鍵" in run("keys", "list", PYTHONIOENCODING="utf-8").stdout


def test_a_closed_pipe_is_not_an_error(api: Api, org: Organization) -> None:
    for _ in range(3):
        org.key()
    script = f'"{sys.executable}" -m keyledger keys list --json | true; exit "${{PIPESTATUS[0]}}"'
    env = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    ran = subprocess.run(
        ["bash", "-c", script], env={**os.environ, **env}, capture_output=True, text=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stderr) == (0, "")


def test_uses_of_all_keys_are_listed_and_explained(org: Organization, run: Run) -> None:
    key = org.key(name="Agent", allowed_ips=["10.0.0.0/8"])
    event_id = org.verify(key.secret, ip="192.0.2.7")["event_id"]
    table = run("activity", "list", "--status", "denied").stdout.splitlines()
    assert len(table) == 2
    assert "ip_not_permitted" in table[1]
    (entry,) = lines_of(run("activity", "list", "--reason", "ip_not_permitted", "--json"))
    assert entry["id"] == event_id
    shown = run("activity", "get", event_id).stdout
    assert re.search(r"^ip_address +DECIDED +ip 192.0.2.7, allowed_ips \['10.0.0.0/8'\]$", shown, re.MULTILINE)
    assert re.search(r"^now +ip_not_permitted \(revision 1\)$", shown, re.MULTILINE)
    explained = json.loads(run("activity", "get", event_id, "--json").stdout)
    assert explained["explanation"]["decided_by"]["revision"] == 1


def test_a_rule_that_compares_nothing_is_shown_with_the_code_of_its_decision(org: Organization, run: Run) -> None:
    assert org.client.post("/v1/api-keys/verify", {"unknown": "field"}).status == 422
    (use,) = lines_of(run("activity", "list", "--reason", "invalid_request", "--limit", "1", "--json"))
    shown = run("activity", "get", use["id"]).stdout
    assert re.search(r"^request +DECIDED +code invalid_request$", shown, re.MULTILINE), shown
