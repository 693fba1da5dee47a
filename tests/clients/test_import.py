"""`keyledger keys import`, and the import of both clients."""

import base64
import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from keyledger import KeyToImport
from keyledger.models.permissions import Permissions, RateLimit
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE, Run
from tests.clients.conftest import Caller
from tests.clients.flaky_proxy import FlakyProxy
from tests.random_input import random_token
from tests.terminals import on_terminal

_WITH_SIGINT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)


def foreign() -> str:
    return f"acme_{random_token()}"


def digest(secret: str) -> str:
    return sha256(secret.encode()).hexdigest()


def csv_file(path: Path, rows: Sequence[dict[str, str]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


def total(org: Organization) -> int:
    number: int = org.client.get("/v1/api-keys").json["pagination"]["total"]
    return number


def test_both_clients_import_keys_and_the_default_is_a_dry_run(org: Organization, manager: Caller) -> None:
    secret = foreign()
    key = KeyToImport(
        name="Old",
        sha256=digest(secret),
        description="From the old system",
        expires_at=datetime(2098, 1, 1, tzinfo=UTC),
        environment="live",
        permissions=Permissions(mcps="*"),
        rate_limit=RateLimit(5),
        allowed_ips=("10.0.0.0/8",),
        metadata={"a": "b"},
        prefix="acme_",
        last4=secret[-4:],
    )
    tried = manager.do(lambda client: client.keys.import_many([key]))
    assert (tried.dry_run, tried.would_create) == (True, 1)
    done = manager.do(lambda client: client.keys.import_many([key], dry_run=False))
    assert (done.created, done.keys[0].outcome) == (1, "created")
    shown = manager.do(lambda client: client.keys.get(done.keys[0].key_id))
    assert (shown.imported, shown.prefix, shown.environment) == (True, "acme_", "live")
    assert manager.do(lambda client: client.verify(secret, ip="10.0.0.1")).valid
    invalid = manager.do(lambda client: client.keys.import_many([KeyToImport(name="", sha256=digest("x"))]))
    assert invalid.keys[0].problems == {"keys[0].name": "Must not be empty"}


def test_a_file_is_shown_imported_and_repeated_without_effect(org: Organization, run: Run, tmp_path: Path) -> None:
    secrets = [foreign() for _ in range(3)]
    rows = [{"name": f"Key {number}", "sha256": digest(secret)} for number, secret in enumerate(secrets)]
    file = csv_file(tmp_path / "keys.csv", rows)
    before = total(org)
    shown = run("keys", "import", file, "--all-mcps", "--dry-run")
    assert (shown.returncode, shown.stdout) == (0, "would be imported  3\n")
    refused = run("keys", "import", file, "--all-mcps")
    assert refused.returncode == 2
    assert "3 keys would be imported. Nothing was changed. Add --yes" in refused.stderr
    assert total(org) == before
    assert run("keys", "import", file, "--all-mcps", "--yes").stdout == "imported  3\n"
    assert [org.verify(secret)["permissions"]["mcps"] for secret in secrets] == ["*"] * 3
    assert run("keys", "import", file, "--all-mcps", "--yes").stdout == "exist already  3\n"
    assert total(org) == before + 3


@pytest.mark.parametrize(("answer", "number"), [("y", 1), ("n", 0)])
def test_on_a_terminal_the_command_asks(api: Api, org: Organization, tmp_path: Path, answer: str, number: int) -> None:
    file = csv_file(tmp_path / "keys.csv", [{"name": "A", "sha256": digest(foreign())}])
    environment = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    before = total(org)
    seen = on_terminal(["keyledger", "keys", "import", file], environment, typed=f"{answer}\n")
    assert "1 key would be imported." in seen.text
    assert total(org) == before + number


def test_every_field_is_read_from_csv_and_from_json_lines(org: Organization, run: Run, tmp_path: Path) -> None:
    mcp_id, (first, second) = org.mcp(), (foreign(), foreign())
    shared = {"description": "Old, „quoted“", "environment": "live", "prefix": "acme_", "last4": "beef"}
    in_csv = {
        **shared,
        "name": "First",
        "sha256": base64.b64encode(sha256(first.encode()).digest()).decode(),
        "expires_at": "2098-01-01 00:00:00+00",
        "mcps": mcp_id,
        "rate_limit": "5",
        "allowed_ips": "10.0.0.0/8 2001:db8::/32",
        "metadata": '{"team": "search"}',
    }
    in_json = {
        **shared,
        "name": "Second",
        "sha256": digest(second),
        "expires_at": "2098-01-01T00:00:00Z",
        "permissions": {"mcps": [mcp_id]},
        "rate_limit": {"per_second": 5},
        "allowed_ips": ["10.0.0.0/8", "2001:db8::/32"],
        "metadata": {"team": "search"},
    }
    lines = run("keys", "import", "-", "--yes", "--json", stdin=f"\n{json.dumps(in_json)}\n")
    assert json.loads(lines.stdout)["created"] == 1
    assert run("keys", "import", csv_file(tmp_path / "a.csv", [in_csv]), "--yes").returncode == 0
    ids = [org.verify(secret, ip="10.0.0.1")["key_id"] for secret in (first, second)]
    read = [org.client.get(f"/v1/api-keys/{key_id}").data for key_id in ids]
    for key in read:
        for name in ("id", "name", "created_at", "secrets", "recent_activity", "last_used", "usage"):
            key.pop(name)
    assert read[0] == read[1]
    assert (read[0]["permissions"]["mcps"], read[0]["rate_limit"]) == ([mcp_id], {"per_second": 5})


def test_management_grants_are_refused_with_the_remedy(run: Run, tmp_path: Path) -> None:
    rows = [{"name": "A", "sha256": digest(foreign()), "manage": "keys:read"}]
    file = csv_file(tmp_path / "a.csv", rows)
    tried = run("keys", "import", file, "--dry-run")
    assert tried.returncode == 1
    assert "line 2: permissions.manage: An imported secret cannot have management grants" in tried.stdout
    assert run("keys", "import", file, "--dry-run", "--manage", "keys:read").returncode == 2
    assert "--manage" not in run("keys", "import", "--help").stdout


def test_secrets_are_hashed_locally_and_neither_sent_nor_shown(
    org: Organization, proxy: FlakyProxy, run: Run, tmp_path: Path
) -> None:
    secret, short = foreign(), "x" * 15
    file = csv_file(tmp_path / "keys.csv", [{"name": "A", "secret": secret}, {"name": "B", "secret": short}])
    done = run("keys", "import", file, "--yes", KEYLEDGER_URL=proxy.url)
    assert done.returncode == 1
    assert "line 3: secret: Must have 16 to 255 printable ASCII characters" in done.stdout
    assert "hashed on this computer" in done.stderr
    assert secret not in done.stdout + done.stderr
    assert secret.encode() not in b"".join(proxy.requests)
    verdict = org.verify(secret)
    assert verdict["valid"]
    key = org.client.get(f"/v1/api-keys/{verdict['key_id']}").data
    assert (key["prefix"], key["last4"]) == (secret[:8], secret[-4:])


def test_a_secret_in_the_column_of_digests_is_not_sent(proxy: FlakyProxy, run: Run, tmp_path: Path) -> None:
    secret = foreign()
    file = csv_file(tmp_path / "keys.csv", [{"name": "A", "sha256": secret}])
    refused = run("keys", "import", file, "--yes", KEYLEDGER_URL=proxy.url)
    assert refused.returncode == 1
    assert "name the column secret" in refused.stdout
    assert secret not in refused.stdout + refused.stderr
    assert secret.encode() not in b"".join(proxy.requests)


def test_rejected_rows_are_listed_by_line_and_written_to_a_file(org: Organization, run: Run, tmp_path: Path) -> None:
    lines = [
        json.dumps({"name": "Good", "sha256": digest(foreign())}),
        json.dumps({"name": "", "sha256": digest(foreign())}),
        json.dumps({"name": "Bcrypt", "sha256": "$2b$12$" + "A" * 53}),
        "not JSON",
        json.dumps({"name": "Unknown", "sha256": digest(foreign()), "colour": "red"}),
        json.dumps({"name": "Past", "sha256": digest(foreign()), "expires_at": "2020-01-01"}),
        json.dumps({"name": "Grant", "sha256": digest(foreign()), "manage": ["keys:everything"]}),
        json.dumps({"name": 5, "sha256": digest(foreign())}),
        json.dumps({"name": "Both", "sha256": digest(foreign()), "secret": foreign()}),
        json.dumps({"name": "Text", "sha256": digest(foreign()), "mcps": "all of them"}),
        json.dumps({"name": "Also good", "sha256": digest(foreign())}),
    ]
    rejected = tmp_path / "rejected.csv"
    done = run("keys", "import", "-", "--yes", "--json", "--rejected", str(rejected), stdin="\n".join(lines))
    assert done.returncode == 1, done.stderr
    report = json.loads(done.stdout)
    assert (report["rows"], report["created"], report["invalid"]) == (11, 2, 9)
    assert [each["line"] for each in report["rejected"]] == list(range(2, 11))
    written = list(csv.DictReader(io.StringIO(rejected.read_text("utf-8"))))
    assert [(row["line"], row["field"]) for row in written] == [
        ("2", "name"),
        ("3", "sha256"),
        ("4", "line"),
        ("5", "line"),
        ("6", "expires_at"),
        ("7", "permissions.manage[0]"),
        ("8", "name"),
        ("9", "secret"),
        ("10", "permissions.mcps"),
    ]
    assert "bcrypt" in written[1]["problem"]
    listed = run("keys", "import", "-", "--yes", stdin="\n".join(lines))
    assert "exist already  2\ninvalid        9\n" in listed.stdout
    assert "line 2: name: " in listed.stdout


def test_a_file_without_known_columns_is_refused(run: Run, tmp_path: Path) -> None:
    for content, message in (
        ("", "first line"),
        ("name,sha256\n", "no keys"),
        ("name,colour\nA,red\n", "Column 2 has an unknown name. The first line must name the columns"),
        ("a,b,sha256\n", "Columns 1 and 2 have unknown names"),
        ('[{"name": "A"}]', "Write one JSON object per line"),
        ('name,sha256\n"A,00', "not valid CSV after line 1"),
    ):
        file = tmp_path / "keys.csv"
        file.write_text(content)
        refused = run("keys", "import", str(file), "--yes")
        assert (refused.returncode, refused.stdout) == (2, "")
        assert message in refused.stderr
    assert "cannot be read" in run("keys", "import", str(tmp_path / "absent.csv")).stderr


def test_a_secret_in_the_place_of_a_name_is_not_shown(run: Run, tmp_path: Path) -> None:
    """The first line of a file without names is a key, and some systems export an object with a field for each key."""
    secret = foreign()
    for content in (f"Agent,{secret}\n", json.dumps({"name": "A", "sha256": digest(secret), secret: "Agent"})):
        file = tmp_path / "keys.csv"
        file.write_text(content)
        for words in ((), ("--json",)):
            refused = run("keys", "import", str(file), "--yes", *words)
            assert refused.returncode in (1, 2)
            assert "unknown name" in refused.stdout + refused.stderr
            assert secret not in refused.stdout + refused.stderr


def test_a_row_whose_text_contains_its_secret_is_neither_sent_nor_shown(
    proxy: FlakyProxy, run: Run, tmp_path: Path
) -> None:
    secret = foreign()
    in_base64 = base64.b64encode(sha256(secret.encode()).digest()).decode()
    rows = [
        {"name": f"Agent {secret}", "sha256": digest(secret)},
        {"name": secret, "secret": secret},
        {"name": secret, "sha256": secret},
        {"name": secret, "sha256": in_base64, "expires_at": "never"},
        {"name": "A", "sha256": in_base64, "description": f" {secret} "},
        {"name": "A", "secret": secret, "metadata": json.dumps({"token": secret})},
        {"name": "A", "secret": secret, "metadata": json.dumps({secret: "token"})},
    ]
    file, rejected = csv_file(tmp_path / "keys.csv", rows), tmp_path / "rejected.csv"
    refused = run("keys", "import", file, "--yes", "--json", "--rejected", str(rejected), KEYLEDGER_URL=proxy.url)
    problems = [list(each["problems"].items()) for each in json.loads(refused.stdout)["rejected"]]
    message = "Contains the secret of this key; remove it"
    assert problems == [[(name, message)] for name in ["name"] * 4 + ["description"] + ["metadata"] * 2]
    assert secret not in refused.stdout + refused.stderr + rejected.read_text()
    assert secret.encode() not in b"".join(proxy.requests)


def test_keys_that_exist_but_do_not_work_are_listed_separately(org: Organization, run: Run, tmp_path: Path) -> None:
    secrets = [foreign() for _ in range(3)]
    file = csv_file(tmp_path / "a.csv", [{"name": "A", "sha256": digest(secret)} for secret in secrets])
    run("keys", "import", file, "--yes")
    ids = [org.verify(secret)["key_id"] for secret in secrets]
    org.client.delete(f"/v1/api-keys/{ids[1]}")
    org.client.post(f"/v1/api-keys/{ids[2]}/disable")
    again = run("keys", "import", file, "--yes")
    assert again.returncode == 1
    shown = [line.rsplit("  ", 1) for line in again.stdout.splitlines()[:3]]
    assert {title.strip(): number.strip() for title, number in shown} == {
        "exist already": "1",
        "exist already, but are revoked: create new keys": "1",
        "exist already, but are disabled: enable these keys": "1",
    }
    assert "line 3: key: Exists already, but is revoked: create a new key" in again.stdout
    report = json.loads(run("keys", "import", file, "--yes", "--json").stdout)
    assert (report["exists"], report["not_working"]) == (3, {"revoked": 1, "disabled": 1})


def test_the_file_of_rejected_rows_is_new_and_absent_if_nothing_was_rejected(
    proxy: FlakyProxy, run: Run, tmp_path: Path
) -> None:
    file, rejected = csv_file(tmp_path / "keys.csv", [{"name": "A", "sha256": digest(foreign())}]), tmp_path / "r.csv"
    words = ("keys", "import", file, "--yes", "--rejected")
    rejected.write_text("mine")
    for name in (str(rejected), str(tmp_path / "absent/r.csv"), file):
        refused = run(*words, name, KEYLEDGER_URL=proxy.url)
        assert (refused.returncode, refused.stdout) == (2, "")
    assert (rejected.read_text(), proxy.requests) == ("mine", [])
    rejected.unlink()
    assert run(*words, str(rejected), KEYLEDGER_ADMIN_KEY="").returncode == 2
    assert not rejected.exists()
    done = run(*words, str(rejected), KEYLEDGER_URL=proxy.url)
    assert (done.returncode, done.stdout) == (0, "imported  1\n")
    assert not rejected.exists()


def test_a_dry_run_of_several_requests_counts_repetitions_and_the_room_of_the_plan(
    start_api: StartApi, run: Run, tmp_path: Path
) -> None:
    api = start_api(KEYLEDGER_PLANS='{"pro": {"api_keys": 1100}}')
    org = api.organization("pro")
    room = 1_100 - total(org)
    settings = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret}
    digests = [sha256(foreign().encode()).digest() for _ in range(1_150)]
    rows = [{"name": "A", "sha256": each.hex()} for each in digests]
    rows += [{"name": "A", "sha256": base64.urlsafe_b64encode(each).decode().rstrip("=")} for each in digests[:3]]
    file = csv_file(tmp_path / "keys.csv", rows)
    tried = run("keys", "import", file, "--dry-run", **settings)
    assert tried.returncode == 1, tried.stderr
    assert f"The plan's limit of keys is too low by {1_150 - room}." in tried.stdout
    report = json.loads(run("keys", "import", file, "--dry-run", "--json", **settings).stdout)
    assert (report["would_create"], report["duplicate"], report["shortfall"]) == (1_150, 3, 1_150 - room)
    done = run("keys", "import", file, "--yes", **settings)
    assert done.returncode == 5
    assert "Stopped after 1,003 of 1,153 rows; 1,000 keys imported." in done.stderr
    assert "same command again" not in done.stderr, "that would not help"


def test_a_file_of_large_rows_is_sent_in_requests_that_the_service_accepts(org: Organization, run: Run) -> None:
    mcp_id, pattern = org.mcp(), "a" * 120
    lines = [
        json.dumps(
            {
                "name": f"Key {number}",
                "sha256": digest(foreign()),
                "metadata": {f"m{each}": "x" * 500 for each in range(16)},
                "permissions": {"mcps": [mcp_id], "tools": {mcp_id: {"allow": [pattern] * 50}}},
            }
        )
        for number in range(150)
    ]
    done = run("keys", "import", "-", "--yes", "--json", stdin="\n".join(lines))
    assert json.loads(done.stdout)["created"] == 150, done.stderr


def test_an_interrupted_import_says_how_to_continue_and_is_completed_by_a_repetition(
    api: Api, org: Organization, run: Run, tmp_path: Path
) -> None:
    number = 6_000
    rows = [{"name": f"Key {each}", "sha256": digest(foreign())} for each in range(number)]
    file = csv_file(tmp_path / "keys.csv", rows)
    environment = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    words = ["keys", "import", file, "--all-mcps", "--yes"]
    with subprocess.Popen(
        # A shell that starts the tests in the background lets them ignore SIGINT, and their children inherit that.
        [sys.executable, "-c", _WITH_SIGINT, sys.executable, "-m", "keyledger", *words],
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as importing:
        while total(org) < 1_500:
            time.sleep(0.02)
        importing.send_signal(signal.SIGINT)
        _, said = importing.communicate(timeout=60)
    assert importing.returncode == 130
    assert "Run the same command again to continue" in said
    imported = total(org) - 1
    assert 1_000 < imported < number
    resumed = json.loads(run("keys", "import", file, "--all-mcps", "--yes", "--json").stdout)
    assert resumed["created"] + resumed["exists"] == number
    assert resumed["exists"] >= 1_000
    assert total(org) == number + 1
    repeated = json.loads(run("keys", "import", file, "--all-mcps", "--yes", "--json").stdout)
    assert (repeated["created"], repeated["exists"]) == (0, number)
    assert total(org) == number + 1
