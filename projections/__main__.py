"""`python -m projections`: show the progress of read models, bring them up to date, verify them and rebuild them."""

import argparse
import asyncio
import getpass
import os
import sys
from collections.abc import Sequence
from typing import Any

import psycopg

from infrastructure.database.connections import WORKER_ROLE, Connection, Timeouts, connect, describe
from infrastructure.database.errors import StorageError
from infrastructure.database.logins import owner_url
from projections.engine.read_model import ReadModel
from projections.engine.rebuild.bar import Bar
from projections.engine.rebuild.compare import Comparison
from projections.engine.rebuild.errors import UsageAlreadyRemoved
from projections.engine.rebuild.rebuild import drop_old, rebuild, verify
from projections.engine.runner import AsyncProjection, blocked_by, lags, live_version, run_projection
from projections.engine.stopped_lanes import skip, skips, stopped_lanes
from projections.registry import ASYNC_PROJECTIONS, REBUILDABLE

_PROGRESS_SECONDS = 2.0
_TIMEOUTS = Timeouts(lock=10, statement=60)


async def _status(connection: Connection) -> bool:
    print(f"{'projection':<20}{'version':>8}{'log':>12}{'lanes':>7}{'behind':>8}{'lag':>12}")
    sound = True
    known = await stopped_lanes(connection)
    for projection in ASYNC_PROJECTIONS:
        lanes = await lags(connection, projection)
        used = [lag for lag in lanes if lag.head]
        behind = [lag for lag in lanes if lag.behind]
        print(
            f"{projection.name:<20}{await live_version(connection, projection):>8}{projection.log:>12}"
            f"{len(used):>7}{len(behind):>8}{sum(lag.behind for lag in behind):>12}"
        )
        stopped = {lane.lane: lane.reason for lane in known if lane.projection == projection.name}
        for lag in lanes:
            reason = stopped.get(lag.lane) or await blocked_by(connection, projection, lag)
            if reason:
                print(f"  STOPPED lane {lag.lane} after {lag.position}: {reason}")
                sound = False
    for made in await skips(connection):
        where = f"{made.projection} {made.log} lane {made.lane} position {made.position}"
        print(f"  skipped: {where}, by {made.by} at {made.at:%Y-%m-%d %H:%M:%S}Z: {made.reason}")
    return sound


async def _catch_up(connection: Connection) -> bool:
    return all([await _bring_to_the_end(connection, projection) for projection in ASYNC_PROJECTIONS])


async def _bring_to_the_end(connection: Connection, projection: AsyncProjection[Any]) -> bool:
    applied = 0
    while True:
        result = await run_projection(connection, projection, _PROGRESS_SECONDS)
        applied += result.applied
        print(f"{projection.name}: {applied} positions applied")
        if not result.unfinished:
            break
    for lane, reason in sorted((result.stopped | result.delayed).items()):
        print(f"  STOPPED lane {lane}: {reason}")
    return not result.stopped and not result.delayed


async def _skip(connection: Connection, options: argparse.Namespace) -> bool:
    log = next(projection.log for projection in ASYNC_PROJECTIONS if projection.name == options.name)
    made = await skip(
        connection, options.name, log, options.lane, options.position, reason=options.reason, by=options.by
    )
    print(f"{made.projection}: skipped position {made.position} of {log} lane {made.lane}, which had: {made.problem}")
    return True


async def _verify(url: str, wanted: Sequence[ReadModel], *, by_name: bool) -> bool:
    return all([await _verify_one(url, model, by_name=by_name) for model in wanted])


async def _verify_one(url: str, model: ReadModel, *, by_name: bool) -> bool:
    try:
        return _told(model, await _watched(model, url))
    except UsageAlreadyRemoved as reason:
        # A report on all models names the error; a request for one model fails.
        if by_name:
            raise
        print(f"NOT VERIFIED: {reason}")
        return True


async def _watched(model: ReadModel, url: str) -> Comparison:
    bar = Bar(f"verifying {model.name}")
    try:
        return await verify(url, model, bar)
    finally:
        bar.close()


async def _rebuild(url: str, model: ReadModel, *, accept_differences: bool) -> bool:
    bar = Bar(f"rebuilding {model.name}")
    try:
        made = await rebuild(url, model, bar, accept_differences=accept_differences)
    finally:
        bar.close()
    equal = _told(model, made.comparison)
    if made.kept is None:
        print(f"{model.name}: nothing was switched; --accept-differences takes version {made.version.number} as it is")
        return False
    print(f"{model.name}: version {made.version.number} is live; what it replaced is in {made.kept} until drop-old")
    return equal or accept_differences


def _told(model: ReadModel, compared: Comparison) -> bool:
    if compared.equal:
        print(f"{model.name}: {compared.rows:,} rows, all as they follow from the log")
    else:
        print(f"{model.name}: {compared.differences:,} of {compared.rows:,} rows differ; the first: {compared.first}")
    return compared.equal


async def _drop_old(url: str, model: ReadModel) -> bool:
    dropped = await drop_old(url, model)
    print(f"{model.name}: {', '.join(dropped) or 'nothing'} dropped")
    return True


async def _run(options: argparse.Namespace, url: str) -> bool:
    match options.command:
        case "verify":
            wanted = [REBUILDABLE[name] for name in (options.names or REBUILDABLE)]
            return await _verify(url, wanted, by_name=bool(options.names))
        case "rebuild":
            return await _rebuild(url, REBUILDABLE[options.name], accept_differences=options.accept_differences)
        case "drop-old":
            return await _drop_old(url, REBUILDABLE[options.name])
        case _:
            async with await connect(url, role=WORKER_ROLE, timeouts=_TIMEOUTS) as connection:
                match options.command:
                    case "skip":
                        return await _skip(connection, options)
                    case "catch-up":
                        return await _catch_up(connection)
                    case _:
                        return await _status(connection)


def _parser() -> argparse.ArgumentParser:
    names = sorted(REBUILDABLE)
    parser = argparse.ArgumentParser(prog="python -m projections", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("status", help="how far each read model has come; the lag counts positions: batches or events")
    commands.add_parser("catch-up", help="follow until nothing is left; safe beside running workers")
    proving = commands.add_parser("verify", help="derive read models again beside the live ones and compare row by row")
    proving.add_argument("names", nargs="*", metavar="NAME", type=_model, help=f"{', '.join(names)}; none: all")
    making = commands.add_parser(
        "rebuild", help="make a read model again beside the live one, compare, and put it in its place; may be repeated"
    )
    making.add_argument("name", metavar="NAME", choices=names, help=", ".join(names))
    making.add_argument("--accept-differences", action="store_true", help="also where the two are not the same")
    dropping = commands.add_parser("drop-old", help="remove what rebuilds of a read model replaced")
    dropping.add_argument("name", metavar="NAME", choices=names, help=", ".join(names))
    skipping = commands.add_parser("skip", help="leave out, for good, the position at which a lane has stopped")
    projections = sorted({projection.name for projection in ASYNC_PROJECTIONS})
    skipping.add_argument("name", metavar="NAME", choices=projections, help=", ".join(projections))
    skipping.add_argument("lane", metavar="LANE", type=int)
    skipping.add_argument("position", metavar="POSITION", type=int)
    skipping.add_argument("--reason", required=True, type=_said, help="why it may be left out; kept for ever")
    skipping.add_argument("--by", default=_user(), help="who says so (default: the user of this system)")
    return parser


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"


def _model(name: str) -> str:
    if name not in REBUILDABLE:
        raise argparse.ArgumentTypeError(f"there is no {name}; there are {', '.join(sorted(REBUILDABLE))}")
    return name


def _said(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say why")
    return text.strip()


def main(arguments: list[str]) -> int:
    """Return 0 on success, 1 for a stopped lane, a difference or a database error, 2 if DATABASE_URL is not set."""
    options = _parser().parse_args(arguments)
    setting, url = owner_url(os.environ)
    if not url:
        print(f"{setting} is not set: name the database, such as postgresql://user@host/name", file=sys.stderr)
        return 2
    try:
        return 0 if asyncio.run(_run(options, url)) else 1
    except psycopg.Error as error:
        print(f"{setting}: {describe(error)}", file=sys.stderr)
    except StorageError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
