"""The queries of docs/moving-in.md, run as they are printed. What they export is imported, and its secrets work."""

import base64
import csv
import json
import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import psycopg
import pytest

from embedded.account import Account
from embedded.binaries import find_postgres
from embedded.postgres import PostgreSQL
from keyledger.cli.keys.import_rows import FIELDS
from tests.app.organizations import Organization
from tests.clients.command import Run
from tests.databases import new_database
from tests.random_input import random_token

_DOCUMENT = Path(__file__).parents[2] / "docs/moving-in.md"


def queries(section: str) -> list[str]:
    """Return the queries in a section of the document."""
    text = _DOCUMENT.read_text("utf-8").partition(f"### {section}\n")[2]
    return re.findall(r"^```sql\n(.*?)^```$", re.split(r"^##+ ", text, flags=re.MULTILINE)[0], re.MULTILINE | re.DOTALL)


@pytest.fixture
def old_system(postgres: PostgreSQL) -> Iterator[psycopg.Connection]:
    """The empty database of another system. Its session has the time zone that PGTZ sets in the documented command."""
    with (
        new_database(postgres, "template0") as url,
        psycopg.connect(url, autocommit=True, options="-c timezone=UTC") as connection,
    ):
        yield connection


def exported(connection: psycopg.Connection, query: str, file: Path) -> str:
    """Write what `psql --csv` writes for the query."""
    with file.open("wb") as output, connection.cursor().copy(f"copy ({query}) to stdout (format csv, header)") as rows:  # pyright: ignore[reportCallIssue, reportArgumentType]
        for row in rows:
            output.write(row)
    return str(file)


def imported_and_accepted(org: Organization, run: Run, file: str, secrets: list[str]) -> list[dict[str, object]]:
    """Try the import, import the file, verify the secrets, and return the keys."""
    tried = run("keys", "import", file, "--all-mcps", "--dry-run")
    assert (tried.returncode, tried.stdout) == (0, f"would be imported  {len(secrets)}\n"), tried.stderr
    done = run("keys", "import", file, "--all-mcps", "--yes")
    assert (done.returncode, done.stdout) == (0, f"imported  {len(secrets)}\n")
    verdicts = [json.loads(run("keys", "verify", "-", "--json", stdin=secret).stdout) for secret in secrets]
    assert [verdict["code"] for verdict in verdicts] == ["valid"] * len(secrets)
    return [org.client.get(f"/v1/api-keys/{verdict['key_id']}").data for verdict in verdicts]


def test_keys_of_better_auth_are_exported_and_imported(
    org: Organization, run: Run, old_system: psycopg.Connection, tmp_path: Path
) -> None:
    """The columns of version 1.4, and the hash of its `defaultKeyHasher`: base64url without padding."""
    old_system.execute(
        "create table apikey (id text primary key, name text, start text, prefix text, key text not null, "
        '"userId" text not null, enabled boolean, remaining integer, "expiresAt" timestamptz, '
        '"createdAt" timestamptz not null, permissions text, metadata text)'
    )
    secrets = [f"proj_{random_token()}{random_token()}" for _ in range(6)]
    hashes = [base64.urlsafe_b64encode(sha256(each.encode()).digest()).decode().rstrip("=") for each in secrets]
    for number, (name, enabled, remaining, expires_at) in enumerate(
        [
            ("Agent", True, None, "2098-01-31T12:00:00+02:00"),
            (None, None, None, None),
            ("Disabled", False, None, None),
            ("Counted", True, 5, None),
            ("Expired", True, None, "2020-01-01T00:00:00Z"),
            ("", True, None, None),
        ]
    ):
        old_system.execute(
            "insert into apikey values (%s, %s, %s, 'proj_', %s, %s, %s, %s, %s, now())",
            (f"id{number}", name, secrets[number][:6], hashes[number], "user-7", enabled, remaining, expires_at),
        )
    (query,) = queries("better-auth")
    file = exported(old_system, query, tmp_path / "old-keys.csv")
    first, second, last = imported_and_accepted(org, run, file, [secrets[0], secrets[1], secrets[5]])
    assert (first["name"], first["expires_at"]) == ("Agent", "2098-01-31T10:00:00Z")
    assert (first["prefix"], first["metadata"]) == (secrets[0][:6], {"owner": "user-7"})
    assert (second["name"], last["name"]) == ("Key id1", "Key id5")
    old_system.execute('alter table apikey rename column "userId" to "referenceId"')
    assert exported(old_system, query, tmp_path / "newer.csv")
    assert (tmp_path / "newer.csv").read_text() == (tmp_path / "old-keys.csv").read_text()


def test_keys_of_an_own_table_are_exported_and_imported(
    org: Organization, run: Run, old_system: psycopg.Connection, tmp_path: Path
) -> None:
    old_system.execute(
        "create table api_keys (name text, key text, expires_at timestamptz, revoked_at timestamptz);"
        "create table hashed_api_keys (name text, key_sha256 bytea, expires_at timestamptz, revoked_at timestamptz)"
    )
    secrets = [f"acme-{random_token()}" for _ in range(4)]
    plain = "insert into api_keys values (%s, %s, %s, %s)"
    old_system.execute(plain, ("Plain", secrets[0], "2098-01-31T12:00:00Z", None))
    old_system.execute(plain, ("Revoked", secrets[1], None, "2020-01-01"))
    hashed = "insert into hashed_api_keys values (%s, %s, %s, %s)"
    old_system.execute(hashed, ("Hashed, „quoted“", sha256(secrets[2].encode()).digest(), None, None))
    old_system.execute(hashed, ("Expired", sha256(secrets[3].encode()).digest(), "2020-01-01", None))
    of_secrets, of_digests = queries("Your own table")
    (key,) = imported_and_accepted(org, run, exported(old_system, of_secrets, tmp_path / "a.csv"), [secrets[0]])
    assert (key["name"], key["expires_at"]) == ("Plain", "2098-01-31T12:00:00Z")
    assert (key["prefix"], key["last4"]) == ("acme", secrets[0][-4:])
    (key,) = imported_and_accepted(org, run, exported(old_system, of_digests, tmp_path / "b.csv"), [secrets[2]])
    assert (key["name"], key["prefix"], key["imported"]) == ("Hashed, „quoted“", "", True)


def test_keys_of_unkey_are_exported_and_imported(org: Organization, run: Run, tmp_path: Path) -> None:
    """The columns of Unkey's MySQL schema, in SQLite with MySQL's functions: each row is a line, as with --batch --raw.

    The hash is that of Unkey's `hash.Sha256`: base64 with padding.
    """
    old_system = sqlite3.connect(":memory:")
    old_system.create_function("concat", -1, lambda *parts: "".join(map(str, parts)))
    old_system.create_function("utc_timestamp", 0, lambda: "2026-11-30 12:00:00.000")
    old_system.create_function("date_format", 2, _date_format)
    old_system.execute(
        "create table `keys` (id varchar(256) not null, key_auth_id varchar(256) not null, hash varchar(256) not null,"
        " start varchar(256) not null, workspace_id varchar(256) not null, for_workspace_id varchar(256),"
        " name varchar(256), identity_id varchar(256), expires datetime(3), deleted_at_m bigint,"
        " enabled boolean not null default true, remaining_requests int, pending_migration_id varchar(256))"
    )
    secrets = [f"uk_{random_token()}" for _ in range(8)]
    given: list[dict[str, object]] = [
        {"name": "Agent „1“", "expires": "2098-01-31 10:00:00.000", "identity_id": "id_1"},
        {"name": None},
        {"deleted_at_m": 1_700_000_000_000},
        {"enabled": False},
        {"expires": "2020-01-01 00:00:00.000"},
        {"remaining_requests": 5},
        {"pending_migration_id": "m_1"},
        {"workspace_id": "ws_other"},
    ]
    for number, (fields, secret) in enumerate(zip(given, secrets, strict=True)):
        row = {
            "id": f"key_{number}",
            "key_auth_id": "ks_1",
            "hash": base64.b64encode(sha256(secret.encode()).digest()).decode(),
            "start": secret[:7],
            "workspace_id": "ws_mine",
            **fields,
        }
        marks = ", ".join("?" * len(row))
        statement = f"insert into `keys` ({', '.join(row)}) values ({marks})"  # noqa: S608 -- names of this test
        old_system.execute(statement, [*row.values()])
    (query,) = queries("Unkey")
    lines = [line for (line,) in old_system.execute(query.replace("ws_…", "ws_mine"))]
    file = tmp_path / "old-keys.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    first, second = imported_and_accepted(org, run, str(file), secrets[:2])
    assert (first["name"], first["expires_at"]) == ("Agent „1“", "2098-01-31T10:00:00Z")
    assert first["metadata"] == {"unkey_id": "key_0", "unkey_identity": "id_1"}
    assert (second["name"], second["prefix"], second["expires_at"]) == ("Key key_1", secrets[1][:7], None)


def test_the_documented_columns_are_those_of_the_command() -> None:
    table = _DOCUMENT.read_text("utf-8").partition("## The file\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| (`[^|]+`) \|", table, re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(FIELDS)


def test_the_documented_commands_for_the_exports_write_what_the_tests_import(
    postgres: PostgreSQL, tmp_path: Path
) -> None:
    """`psql --csv` writes the same as the COPY of the tests, in UTC with PGTZ."""
    (tmp_path / "export.sql").write_text("select '2098-01-31T12:00:00+02'::timestamptz as expires_at, 'a,\"b' as name")
    with new_database(postgres, "template0") as url:
        command = re.search(r"^PGTZ=UTC psql .*$", _DOCUMENT.read_text("utf-8"), re.MULTILINE)
        assert command is not None
        ran = subprocess.run(
            ["bash", "-c", command[0]], cwd=tmp_path, env={"DATABASE_URL": url, "PATH": _path_with_psql()}, check=False
        )
    assert ran.returncode == 0
    (row,) = csv.DictReader((tmp_path / "old-keys.csv").read_text("utf-8").splitlines())
    assert row == {"expires_at": "2098-01-31 10:00:00+00", "name": 'a,"b'}


def _path_with_psql() -> str:
    return os.pathsep.join([str(find_postgres(Account.own()).folder), os.environ["PATH"]])


def _date_format(at: str | None, form: str) -> str | None:
    assert form == "%Y-%m-%dT%H:%i:%sZ"
    return None if at is None else f"{at[:10]}T{at[11:19]}Z"
