"""`python -m projections`: show the progress of read models, bring them up to date, verify them and rebuild them."""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import asyncio
import getpass
import os
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import rich_click as click
from msgspec import Struct

from infrastructure import cli

if TYPE_CHECKING:
    from infrastructure.database.connections import Connection, Timeouts
    from projections.engine.read_model import ReadModel
    from projections.engine.rebuild.compare import Comparison
    from projections.engine.runner import AsyncProjection
    from projections.engine.stopped_lanes import SkippedPosition

_STEP_SECONDS = 2.0


def _rebuildable() -> Iterable[str]:
    from projections.registry import REBUILDABLE

    return sorted(REBUILDABLE)


def _followers() -> Iterable[str]:
    from projections.registry import ASYNC_PROJECTIONS

    return sorted({projection.name for projection in ASYNC_PROJECTIONS})


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        return f"uid {os.getuid()}"


def _not_empty(_ctx: click.Context, _param: click.Parameter, text: str) -> str:
    if not text.strip():
        raise click.BadParameter("it is empty. State why this position may be left out.")
    return text.strip()


_READ_MODEL = cli.LazyChoice("read model", _rebuildable)


@cli.program
def commands() -> None:
    """Show the progress of read models, bring them up to date, verify them and rebuild them.

    The commands connect with KEYLEDGER_MIGRATION_DATABASE_URL, or with DATABASE_URL if that is not set.
    """


class _Stopped(Struct, frozen=True):
    """A lane that cannot continue after its position."""

    lane: int
    position: int
    reason: str


class _Progress(Struct, frozen=True):
    """The progress of one projection: lanes with entries, and those of them that are behind or stopped."""

    projection: str
    version: int
    log: str
    lanes: int
    lanes_behind: int
    positions_behind: int
    stopped: list[_Stopped]


@commands.command(panel="Inspect")
@cli.json_option
def status(*, as_json: bool) -> int:
    """Show the progress of each read model, its stopped lanes, and skipped positions.

    The lag counts positions of the log: batches of uses, or events. The exit code is 1 if a lane has stopped.
    """
    seen, skipped = asyncio.run(_status(cli.owner_database_url()))
    columns = ("projection", "version", "log", "lanes", "behind", "lag")
    listing = cli.Listing(columns, [_cells(each) for each in seen], ("version", "lanes", "behind", "lag"))
    document = {
        "projections": seen,
        "skipped": [each._asdict() for each in skipped],
    }
    cli.show(document, _status_lines(columns, seen), as_json=as_json, listing=listing)
    if not as_json:
        if sys.stdout.isatty():
            cli.show(None, [line for each in seen for line in _stopped_lines(each)], as_json=False)
        cli.show(None, [_skipped_line(each) for each in skipped], as_json=False)
    return 1 if any(each.stopped for each in seen) else 0


@commands.command("catch-up", panel="Bring up to date")
@cli.json_option
def catch_up(*, as_json: bool) -> int:
    """Apply the log to all read models until nothing is left. It is safe to run while workers run.

    The exit code is 1 if a lane has stopped.
    """
    applied, stopped = asyncio.run(_catch_up(cli.owner_database_url(), as_json=as_json))
    if as_json:
        found = [
            {
                "projection": name,
                "applied": applied[name],
                "stopped": [{"lane": lane, "reason": reason} for lane, reason in sorted(stopped[name].items())],
            }
            for name in applied
        ]
        cli.show({"projections": found}, (), as_json=True)
    return 1 if any(stopped.values()) else 0


@commands.command(cls=cli.CommandWithNames, panel="Verify and rebuild")
@click.argument(
    "names", metavar="[NAME]...", nargs=-1, type=_READ_MODEL, help="Read models to verify. Without a name: all."
)
@cli.json_option
def verify(*, names: Sequence[str], as_json: bool) -> int:
    """Derive read models again next to the live ones, and compare row by row.

    Nothing is changed. The exit code is 1 if a row differs.
    """
    from projections.engine.rebuild.errors import UsageAlreadyRemoved
    from projections.registry import REBUILDABLE

    url = cli.owner_database_url()
    documents: list[dict[str, Any]] = []
    for model in [REBUILDABLE[name] for name in (names or REBUILDABLE)]:
        try:
            compared = asyncio.run(_verify(url, model))
        except UsageAlreadyRemoved as reason:
            # A report on all models names the error; a request for one model fails.
            if names:
                raise
            documents.append({"read_model": model.name, "verified": False, "reason": str(reason)})
            if not as_json:
                cli.show(None, [f"NOT VERIFIED: {reason}"], as_json=False)
            continue
        documents.append({"read_model": model.name, "verified": True, **_comparison(compared)})
        if not as_json:
            cli.show(None, [_comparison_line(model, compared)], as_json=False)
    if as_json:
        cli.show({"read_models": documents}, (), as_json=True)
    return 1 if any(each.get("differences") for each in documents) else 0


@commands.command(cls=cli.CommandWithNames, panel="Verify and rebuild")
@click.argument("name", metavar="NAME", type=_READ_MODEL, help="Read model to rebuild.")
@click.option(
    "--accept-differences",
    is_flag=True,
    show_default=False,
    help="Also switch if the new version differs from the live one. Without it, nothing is switched then.",
)
@cli.json_option
def rebuild(*, name: str, accept_differences: bool, as_json: bool) -> int:
    """Build a read model next to the live one, compare both, and switch to the new one.

    A rebuild that was interrupted continues at the next run. The replaced rows are kept until drop-old. The exit code
    is 1 if the two differ and nothing was switched.
    """
    from projections.engine.rebuild.rebuild import rebuild
    from projections.registry import REBUILDABLE

    url, model = cli.owner_database_url(), REBUILDABLE[name]
    with cli.progress(f"rebuilding {model.name}") as progress:
        made = asyncio.run(rebuild(url, model, progress, accept_differences=accept_differences))
    if made.kept is None:
        outcome = f"nothing was switched; --accept-differences takes version {made.version.number} as it is"
    else:
        outcome = f"version {made.version.number} is live; the replaced rows are in {made.kept} until drop-old"
    cli.show(
        {
            "read_model": model.name,
            "version": made.version.number,
            "switched": made.kept is not None,
            "kept": made.kept,
            **_comparison(made.comparison),
        },
        [_comparison_line(model, made.comparison), f"{model.name}: {outcome}"],
        as_json=as_json,
    )
    return 1 if made.kept is None else 0


@commands.command("drop-old", cls=cli.CommandWithNames, panel="Irreversible")
@click.argument("name", metavar="NAME", type=_READ_MODEL, help="Read model whose replaced rows are removed.")
@cli.yes_option
@cli.json_option
def drop_old(*, name: str, yes: bool, as_json: bool) -> None:
    """Remove what rebuilds of a read model replaced. This cannot be undone."""
    from projections.engine.rebuild.rebuild import drop_old
    from projections.registry import REBUILDABLE

    url = cli.owner_database_url()
    cli.confirm(f"This permanently removes the rows of {name} that rebuilds replaced.", yes=yes)
    dropped = asyncio.run(drop_old(url, REBUILDABLE[name]))
    line = f"{name}: {', '.join(dropped) or 'nothing'} dropped"
    cli.show({"read_model": name, "dropped": dropped}, [line], as_json=as_json)


@commands.command(cls=cli.CommandWithNames, panel="Irreversible")
@click.argument("name", metavar="NAME", type=cli.LazyChoice("projection", _followers), help="Projection that stopped.")
@click.argument("lane", metavar="LANE", type=int, help="Number of the stopped lane.")
@click.argument("position", metavar="POSITION", type=int, help="Position at which it stopped.")
@click.option(
    "--reason",
    required=True,
    metavar="TEXT",
    callback=_not_empty,
    help="Why this position may be left out. It is kept permanently.",
)
@click.option("--by", metavar="NAME", default=_user, show_default="the user of this system", help="Who decided it.")
@cli.yes_option
@cli.json_option
def skip(*, name: str, lane: int, position: int, reason: str, by: str, yes: bool, as_json: bool) -> None:
    """Permanently leave out the position at which a lane has stopped. This cannot be undone.

    Every later rebuild leaves it out too.
    """
    from projections.registry import ASYNC_PROJECTIONS

    url = cli.owner_database_url()
    log = next(projection.log for projection in ASYNC_PROJECTIONS if projection.name == name)
    cli.confirm(f"This permanently leaves position {position} of {log} lane {lane} out of {name}.", yes=yes)
    made = asyncio.run(_skip(url, name, log, lane, position, reason, by))
    line = f"{made.projection}: skipped position {made.position} of {log} lane {made.lane}, which had: {made.problem}"
    cli.show(made._asdict(), [line], as_json=as_json)


def _timeouts() -> "Timeouts":
    from infrastructure.database.connections import Timeouts

    return Timeouts(lock=10, statement=60)


async def _status(url: str) -> "tuple[list[_Progress], list[SkippedPosition]]":
    from infrastructure.database.connections import WORKER_ROLE, connect
    from projections.engine.runner import blocked_by, lags, live_version
    from projections.engine.stopped_lanes import skips, stopped_lanes
    from projections.registry import ASYNC_PROJECTIONS

    seen: list[_Progress] = []
    async with await connect(url, role=WORKER_ROLE, timeouts=_timeouts()) as connection:
        known = await stopped_lanes(connection)
        for projection in ASYNC_PROJECTIONS:
            lanes = await lags(connection, projection)
            behind = [lag for lag in lanes if lag.behind]
            recorded = {lane.lane: lane.reason for lane in known if lane.projection == projection.name}
            stopped: list[_Stopped] = []
            for lag in lanes:
                reason = recorded.get(lag.lane) or await blocked_by(connection, projection, lag)
                if reason:
                    stopped.append(_Stopped(lag.lane, lag.position, reason))
            seen.append(
                _Progress(
                    projection.name,
                    await live_version(connection, projection),
                    projection.log,
                    len([lag for lag in lanes if lag.head]),
                    len(behind),
                    sum(lag.behind for lag in behind),
                    stopped,
                )
            )
        return seen, await skips(connection)


def _cells(each: _Progress) -> tuple[object, ...]:
    return each.projection, each.version, each.log, each.lanes, each.lanes_behind, each.positions_behind


def _status_lines(columns: Sequence[str], seen: Iterable[_Progress]) -> Iterable[str]:
    for cells, each in [(columns, None), *((_cells(each), each) for each in seen)]:
        name, version, log, lanes, behind, lag = cells
        yield f"{name:<20}{version:>8}{log:>12}{lanes:>7}{behind:>8}{lag:>12}"
        if each is not None:
            yield from _stopped_lines(each)


def _stopped_lines(each: _Progress) -> Iterable[str]:
    for stopped in each.stopped:
        yield f"  STOPPED lane {stopped.lane} after {stopped.position}: {stopped.reason}"


def _skipped_line(made: "SkippedPosition") -> str:
    where = f"{made.projection} {made.log} lane {made.lane} position {made.position}"
    return f"  skipped: {where}, by {made.by} at {made.at:%Y-%m-%d %H:%M:%S}Z: {made.reason}"


async def _catch_up(url: str, *, as_json: bool) -> tuple[dict[str, int], dict[str, dict[int, str]]]:
    """Return how many positions were applied and why lanes stopped, by projection. Print each when it is done."""
    from infrastructure.database.connections import WORKER_ROLE, connect
    from projections.registry import ASYNC_PROJECTIONS

    applied: dict[str, int] = {}
    stopped: dict[str, dict[int, str]] = {}
    async with await connect(url, role=WORKER_ROLE, timeouts=_timeouts()) as connection:
        for projection in ASYNC_PROJECTIONS:
            name = projection.name
            applied[name], stopped[name] = await _bring_to_the_end(connection, projection)
            lines = [f"  STOPPED lane {lane}: {reason}" for lane, reason in sorted(stopped[name].items())]
            if not as_json:
                cli.show(None, [f"{name}: {applied[name]} positions applied", *lines], as_json=False)
    return applied, stopped


async def _bring_to_the_end(connection: "Connection", projection: "AsyncProjection[Any]") -> tuple[int, dict[int, str]]:
    from projections.engine.runner import lags, run_projection

    applied = 0
    lag = sum(each.behind for each in await lags(connection, projection))
    with cli.progress(f"applying {projection.name}") as progress:
        while True:
            result = await run_projection(connection, projection, _STEP_SECONDS)
            applied += result.applied
            # Entries that were written meanwhile are applied too.
            progress(applied, max(applied, lag))
            if not result.unfinished:
                return applied, result.stopped | result.delayed


async def _verify(url: str, model: "ReadModel") -> "Comparison":
    from projections.engine.rebuild.rebuild import verify

    with cli.progress(f"verifying {model.name}") as progress:
        return await verify(url, model, progress)


async def _skip(url: str, name: str, log: str, lane: int, position: int, reason: str, by: str) -> "SkippedPosition":
    from infrastructure.database.connections import WORKER_ROLE, connect
    from projections.engine.stopped_lanes import skip

    async with await connect(url, role=WORKER_ROLE, timeouts=_timeouts()) as connection:
        return await skip(connection, name, log, lane, position, reason=reason, by=by)


def _comparison(compared: "Comparison") -> dict[str, Any]:
    first = None if compared.first is None else str(compared.first)
    return {"rows": compared.rows, "differences": compared.differences, "first_difference": first}


def _comparison_line(model: "ReadModel", compared: "Comparison") -> str:
    if compared.equal:
        return f"{model.name}: {compared.rows:,} rows, all as they follow from the log"
    return f"{model.name}: {compared.differences:,} of {compared.rows:,} rows differ; the first: {compared.first}"


def main(arguments: list[str]) -> int:
    """Return 0 on success, 1 for a stopped lane, a difference or a database error, 2 if DATABASE_URL is not set."""
    return cli.run(commands, "projections", arguments, os.environ, cli.explain_owner_error)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
