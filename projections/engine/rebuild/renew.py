"""Renewal of read models whose derivation has changed since their rows were made."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

from eventstore.queries import SQL as LOG
from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, Connection, connect
from projections.engine.read_model import ReadModel
from projections.engine.rebuild.errors import UsageAlreadyRemoved
from projections.engine.rebuild.queries import SQL
from projections.engine.rebuild.rebuild import drop_old, rebuild
from projections.engine.rebuild.versions import Progress, forget, no_progress

ShowProgress = Callable[[str], AbstractContextManager[Progress]]
"""Shows the progress of what has the given title, as long as the block runs."""


def _show_nothing(_title: str) -> AbstractContextManager[Progress]:
    return nullcontext(no_progress)


async def renew(url: str, models: Iterable[ReadModel], show_progress: ShowProgress = _show_nothing) -> list[str]:
    """Bring every read model to its revision. Return a line for each that was not there yet.

    This is safe to repeat and to run concurrently: a second process waits for the first. After an interruption, the
    next call continues the unfinished version.
    """
    lines: list[str] = []
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        await connection.execute(SQL.renewal_claim)
        for model in sorted(models, key=lambda model: model.name):
            name, target = model.name, model.revision
            revision, making = await _stored(connection, name)
            if revision >= target:
                continue
            if await _log_is_empty(connection):
                await connection.execute(SQL.revision_made, (name, target))
                continue
            if making != target:
                await _drop_unfinished(connection, model)
                await connection.execute(SQL.revision_making, (name, revision, target))
            lines.append(await _renew_one(connection, url, model, show_progress))
    return lines


async def _renew_one(connection: Connection, url: str, model: ReadModel, show_progress: ShowProgress) -> str:
    try:
        with show_progress(f"deriving {model.name} again") as progress:
            result = await rebuild(url, model, progress, accept_differences=True)
    except UsageAlreadyRemoved as reason:
        # The model stays due, and stays correct by its old derivation.
        return f"NOT DERIVED AGAIN: {reason}"
    await connection.execute(SQL.revision_made, (model.name, model.revision))
    await drop_old(url, model)
    return f"{model.name}: derived again, {result.comparison.differences:,} of {result.comparison.rows:,} rows changed"


async def _stored(connection: Connection, name: str) -> tuple[int, int | None]:
    row = await (await connection.execute(SQL.revision, (name,))).fetchone()
    return (1, None) if row is None else (int(row[0]), row[1])


async def _log_is_empty(connection: Connection) -> bool:
    for log in ("lifecycle", "usage"):
        cursor = await connection.execute(LOG.lane_heads, (log,))
        if any(head for _, head in await cursor.fetchall()):
            return False
    return True


async def _drop_unfinished(connection: Connection, model: ReadModel) -> None:
    """Drop an unfinished version of another derivation. Continuing it would mix both derivations."""
    row = await (await connection.execute(SQL.version_begun, (model.name, f"{model.name}_new_"))).fetchone()
    if row is not None:
        await forget(connection, model, str(row[1]))
