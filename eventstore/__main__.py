"""`python -m eventstore migrate | check | read-export`: migrate the schema, verify the log, or read exported uses."""

import argparse
import asyncio
import os
import sys
from pathlib import Path

import psycopg

from eventstore.check import check
from eventstore.retention import removal
from eventstore.usage_export import CorruptExport, Manifest, verified
from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect, describe
from infrastructure.database.errors import StorageError
from infrastructure.database.logins import RUNTIME_URL, ensure_runtime_login, owner_url
from infrastructure.database.migrate import migrate, missing
from infrastructure.database.schema_check import accepts_changes, repair, schema_differences
from infrastructure.log_format import configure_logging
from projections.engine.rebuild.renew import renew
from projections.engine.schema import scripts
from projections.registry import INLINE_CHECKS, READ_MODELS, USAGE_CHECKS


async def _migrate(url: str) -> int:
    applied = await migrate(url, scripts())
    repaired = await repair(url, scripts())
    print(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")
    for line in repaired:
        print(line)
    for line in await renew(url, READ_MODELS):
        print(line)
    if runtime_url := os.environ.get(RUNTIME_URL, ""):
        async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
            login = await ensure_runtime_login(connection, runtime_url)
        if login:
            print(f"the service runs with the login {login}, which owns nothing")
    return 0


async def _check(url: str) -> int:
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        lacking = await missing(connection, scripts())
        if lacking:
            print(f"VIOLATION the database lacks {', '.join(lacking)}. Run python -m eventstore migrate.")
            return 1
        compared = await accepts_changes(connection)
        differences = await schema_differences(connection, scripts()) if compared else []
        report = await check(connection, INLINE_CHECKS, USAGE_CHECKS)
        report.violations[:0] = [f"schema: {line}" for line in dict.fromkeys(each.text for each in differences)]
    for line in report.lines:
        print(line)
    if not compared:
        print("not compared with the migrations: a standby accepts no scripts. Run check on the primary too.")
    if differences:
        print("python -m eventstore migrate repairs roles, grants, policies, triggers and functions")
    return 0 if report.ok else 1


async def _ledger(url: str, manifest: Manifest) -> int:
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        written = await removal(connection, manifest.day)
    if written is None:
        print(f"VIOLATION {manifest.day}: the log wrote down no removal of it")
        return 1
    if (written.export, written.export_sha256, list(written.lanes)) != (manifest.file, manifest.sha256, manifest.lanes):
        print(f"VIOLATION {manifest.day}: the log wrote down that it removed something else, to {written.export}")
        return 1
    print("it is what left the log")
    return 0


def _read_export(file: Path, url: str) -> int:
    try:
        manifest = verified(file)
    except CorruptExport as error:
        print(f"VIOLATION {error}")
        return 1
    batches = sum(lane.batches for lane in manifest.lanes)
    print(f"sound: {manifest.events} uses of {manifest.day} in {batches} batches of {len(manifest.lanes)} lanes")
    return asyncio.run(_ledger(url, manifest)) if url else 0


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m eventstore", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "migrate", help="apply what is missing of the schema and repair roles, grants, policies, triggers and functions"
    )
    commands.add_parser("check", help="verify the whole log and what follows from it; exit 1 names the first violation")
    reading = commands.add_parser(
        "read-export",
        help="verify each line of a file of uses; where DATABASE_URL is set, also that they are what left the log",
    )
    reading.add_argument("file", metavar="FILE", type=Path, help="usage-….jsonl.gz, with its manifest beside it")
    options = parser.parse_args(arguments)
    command = options.command
    setting, url = owner_url(os.environ)
    if not url and command != "read-export":
        print(f"{setting} is not set: name the database, such as postgresql://user@host/name", file=sys.stderr)
        return 2
    configure_logging()
    try:
        if command == "read-export":
            return _read_export(options.file, url)
        return asyncio.run(_migrate(url) if command == "migrate" else _check(url))
    except OSError as error:
        print(error, file=sys.stderr)
    except psycopg.Error as error:
        print(f"{setting}: {describe(error)}", file=sys.stderr)
    except StorageError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
