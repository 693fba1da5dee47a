"""`python -m eventstore`: migrate the database, check the log, and verify exported uses."""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import asyncio
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from infrastructure import cli

if TYPE_CHECKING:
    from eventstore.usage_export import Manifest


@cli.program
def commands() -> None:
    """Migrate the database, check the log, and verify exported uses.

    The commands connect with KEYLEDGER_MIGRATION_DATABASE_URL, or with DATABASE_URL if that is not set.
    """


@commands.command(panel="Change the database")
@cli.json_option
def migrate(*, as_json: bool) -> None:
    """Apply missing migrations, and repair roles, grants, policies, triggers and functions.

    Also rebuilds the read models whose derivation has changed, and creates the login in DATABASE_URL. It is safe to
    repeat, and to run while the service runs.
    """
    applied, repaired, renewed, login = asyncio.run(_migrate(cli.owner_database_url()))
    cli.show(
        {"applied": applied, "repaired": repaired, "read_models": renewed, "login": login},
        [
            f"applied: {', '.join(applied)}" if applied else "the schema is up to date",
            *repaired,
            *renewed,
            *([f"the service runs with the login {login}, which owns nothing"] if login else []),
        ],
        as_json=as_json,
    )


@commands.command(panel="Verify")
@cli.json_option
def check(*, as_json: bool) -> int:
    """Verify the whole log, everything that is derived from it, and the schema.

    The exit code is 1 if anything differs. The first line names the first violation.
    """
    return asyncio.run(_check(cli.owner_database_url(), as_json=as_json))


@commands.command("read-export", panel="Verify")
@click.argument(
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="usage-….jsonl.gz. Its manifest must be in the same folder.",
)
@cli.json_option
def read_export(*, file: Path, as_json: bool) -> int:
    """Verify each line of an exported file of uses against its manifest.

    If a database is configured, also verify that these are the uses that were removed from the log.
    """
    from eventstore.usage_export import CorruptExport, verified
    from infrastructure.database.logins import owner_url
    from infrastructure.log_format import configure_logging

    configure_logging()
    _, url = owner_url(os.environ)
    try:
        manifest = verified(file)
    except CorruptExport as error:
        _show_violations([str(error)], as_json=as_json)
        return 1
    batches = sum(lane.batches for lane in manifest.lanes)
    counted = f"sound: {manifest.events} uses of {manifest.day} in {batches} batches of {len(manifest.lanes)} lanes"
    violation = asyncio.run(_difference_from_ledger(url, manifest)) if url else None
    cli.show(
        {
            "ok": violation is None,
            "violations": [] if violation is None else [violation],
            "day": manifest.day,
            "uses": manifest.events,
            "batches": batches,
            "lanes": len(manifest.lanes),
            "compared_with_log": bool(url),
        },
        [
            counted,
            *([f"VIOLATION {violation}"] if violation is not None else []),
            *(["these uses were removed from the log"] if url and violation is None else []),
        ],
        as_json=as_json,
    )
    return 0 if violation is None else 1


async def _migrate(url: str) -> tuple[list[str], list[str], list[str], str | None]:
    """Return the applied scripts, the repairs, the renewed read models, and the login of the service."""
    from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect
    from infrastructure.database.logins import RUNTIME_URL, ensure_runtime_login
    from infrastructure.database.migrate import migrate
    from infrastructure.database.schema_check import repair
    from projections.engine.rebuild.renew import renew
    from projections.engine.schema import scripts
    from projections.registry import READ_MODELS

    applied = await migrate(url, scripts())
    repaired = await repair(url, scripts())
    renewed = await renew(url, READ_MODELS, cli.progress)
    login = None
    if runtime_url := os.environ.get(RUNTIME_URL, ""):
        async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
            login = await ensure_runtime_login(connection, runtime_url)
    return list(applied), list(repaired), renewed, login or None


async def _check(url: str, *, as_json: bool) -> int:
    from eventstore.check import check
    from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect
    from infrastructure.database.migrate import missing
    from infrastructure.database.schema_check import accepts_changes, schema_differences
    from projections.engine.schema import scripts
    from projections.registry import INLINE_CHECKS, USAGE_CHECKS

    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        lacking = await missing(connection, scripts())
        if lacking:
            problem = f"the database lacks {', '.join(lacking)}. Run python -m eventstore migrate."
            _show_violations([problem], as_json=as_json)
            return 1
        compared = await accepts_changes(connection)
        differences = await schema_differences(connection, scripts()) if compared else []
        with cli.progress("checking the log") as progress:
            report = await check(connection, INLINE_CHECKS, USAGE_CHECKS, progress)
        report.violations[:0] = [f"schema: {line}" for line in dict.fromkeys(each.text for each in differences)]
    lines = list(report.lines)
    if not compared:
        lines.append("not compared with the migrations: a standby accepts no scripts. Run check on the primary too.")
    if differences:
        lines.append("python -m eventstore migrate repairs roles, grants, policies, triggers and functions")
    cli.show(
        {
            "ok": report.ok,
            "violations": report.violations,
            "events": report.events,
            "streams": report.streams,
            "uses": report.uses,
            "batches": report.batches,
            "schema_compared": compared,
        },
        lines,
        as_json=as_json,
    )
    return 0 if report.ok else 1


async def _difference_from_ledger(url: str, manifest: "Manifest") -> str | None:
    """Return how a file differs from what the log recorded of the removal, or None."""
    from eventstore.retention import removal
    from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect

    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        written = await removal(connection, manifest.day)
    if written is None:
        return f"{manifest.day}: the log has no record of a removal of this day"
    if (written.export, written.export_sha256, list(written.lanes)) != (manifest.file, manifest.sha256, manifest.lanes):
        return f"{manifest.day}: the log recorded the removal of other uses, to {written.export}"
    return None


def _show_violations(violations: list[str], *, as_json: bool) -> None:
    first, *others = violations
    cli.show({"ok": False, "violations": violations}, [f"VIOLATION {first}", *others], as_json=as_json)


def main(arguments: list[str]) -> int:
    """Return 0 on success, 1 for a violation or a database error, and 2 for invalid arguments or a missing setting."""
    return cli.run(commands, "eventstore", arguments, os.environ, cli.explain_owner_error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
