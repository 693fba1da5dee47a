"""`python -m workers`: run the jobs, show the schedule and the status of the jobs, and remove old uses."""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import asyncio
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import rich_click as click

from infrastructure import cli

if TYPE_CHECKING:
    from infrastructure.settings import Settings
    from workers.retention import RemovedDay, Retention
    from workers.status import Status


def _queues() -> Iterable[str]:
    from workers.schedule import QUEUES

    return QUEUES


def _instant(_ctx: click.Context, _param: click.Parameter, text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text}: write 2026-01-31 or 2026-01-31T18:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


_JOB = cli.LazyChoice("job", _queues)


@cli.program
def commands() -> None:
    """Run the jobs, show the schedule and the status of the jobs, and remove old uses.

    The commands use the settings of the workers, such as DATABASE_URL and REDIS_URL.
    """


@commands.command(panel="Run")
def run() -> None:
    """Run jobs in WORKERS processes until a signal ends them."""
    from workers.worker_pool import WorkerPool

    config = _settings()
    _log("workers_started", workers=config.workers)
    WorkerPool(config).start()


@commands.command(panel="Run")
def schedule() -> None:
    """Enqueue each job when it is due. More than one scheduler may run."""
    from workers.scheduler import Scheduler
    from workers.valkey import connect, wait_until_ready

    connection = connect(_settings().redis_url)
    wait_until_ready(connection)
    _log("scheduler_started")
    Scheduler(connection).start()


@commands.command(panel="Irreversible")
@click.option(
    "--dry-run", is_flag=True, show_default=False, help="List the days that would be removed, and change nothing."
)
@cli.yes_option
@cli.json_option
def retention(*, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Export and remove the days of uses that no plan keeps any longer. This cannot be undone.

    The days are exported to KEYLEDGER_USAGE_EXPORT_DIR first. The exit code is 1 if a day must stay, or if its file
    could not be written.
    """
    from workers.retention import Retention, preview

    config = _settings()
    rules = Retention.from_settings(config)
    kept = "permanently" if rules.usage_days is None else f"for {rules.usage_days} days"
    heading = [f"uses are kept {kept}"]
    if rules.why_nothing_leaves is not None:
        heading.append(f"nothing leaves: {rules.why_nothing_leaves}")
    if dry_run:
        days = asyncio.run(preview(config.database_url, rules))
        lines = [f"would leave: {each.day}, {each.events:,} uses" for each in days]
        total = f"{_total(days)}; nothing was changed"
        _show_days(rules, days, [*heading, *lines, total], as_json=as_json, dry_run=True)
        return
    if rules.why_nothing_leaves is None:
        fate = "without an export" if rules.folder is None else f"after an export to {rules.folder}"
        cli.confirm(f"This permanently removes uses older than {rules.usage_days} days, {fate}.", yes=yes)
    removed: list[RemovedDay] = []
    try:
        with cli.progress("removing uses", "days") as progress:
            _remove(config.database_url, rules, removed, progress)
    except BaseException:
        # The days that were removed before the error are reported too.
        if not as_json:
            cli.show(None, [*heading, *map(_removed_line, removed)], as_json=False)
        raise
    lines = [*heading, *map(_removed_line, removed), f"{_total(removed)} left"]
    _show_days(rules, removed, lines, as_json=as_json, dry_run=False)


@commands.command("replay-anomalies", panel="Inspect")
@click.option(
    "--from",
    "begin",
    metavar="TIME",
    callback=_instant,
    required=True,
    help="Begin of the period (RFC 3339), such as 2026-01-31. A time without an offset is in UTC.",
)
@click.option(
    "--to",
    "end",
    metavar="TIME",
    callback=_instant,
    show_default="now",
    help="End of the period, which is not part of it.",
)
@click.option("--organization", metavar="ID", show_default="all", help="Only the uses of this organization.")
@click.option(
    "--threshold",
    "written",
    multiple=True,
    metavar="NAME=VALUE",
    help="Use this threshold instead of the organization's, such as volume_ratio=5. It may be repeated.",
)
@cli.json_option
def replay_anomalies(
    *, begin: datetime, end: datetime | None, organization: str | None, written: Sequence[str], as_json: bool
) -> None:
    """Show which alerts the anomaly rules would have raised in a period of the usage log.

    Nothing is written. The current thresholds apply, unless others are given.
    """
    from infrastructure.clock import now
    from infrastructure.geoip import geolocator
    from workers.anomaly_replay import ReplayPeriod, format_alert, parse_thresholds, replay

    config = _settings()
    try:
        thresholds = parse_thresholds(written)
    except ValueError as error:
        raise cli.NotPossible(str(error)) from None
    period = ReplayPeriod(begin, end or now(), organization)
    if period.begin >= period.end:
        raise cli.NotPossible(f"--from {period.begin.isoformat()} is not before --to {period.end.isoformat()}")
    with cli.progress("replaying the log", "signals") as progress:
        alerts = asyncio.run(replay(config.database_url, period, geolocator(config.geo_database), thresholds, progress))
    rows = [
        (f"{each.at.astimezone(UTC):%Y-%m-%d %H:%M}Z", each.severity, each.type, each.organization_id, each.subject)
        for each in alerts
    ]
    listing = cli.Listing(("time", "severity", "type", "organization", "subject"), rows)
    cli.show({"alerts": alerts}, map(format_alert, alerts), as_json=as_json, listing=listing)
    cli.note(f"{len(alerts)} {'alert' if len(alerts) == 1 else 'alerts'} would have been raised; nothing was")


@commands.command(panel="Inspect")
@cli.json_option
def status(*, as_json: bool) -> int:
    """Show queues, schedule, last runs, workers, failed jobs, and read models that lag behind.

    The exit code is 1 if Valkey or PostgreSQL does not respond. The report then contains the rest.
    """
    from infrastructure.clock import now
    from workers.status import lines, status
    from workers.valkey import connect

    config = _settings()
    seen = asyncio.run(status(config.database_url, connect(config.redis_url), now()))
    if as_json or not sys.stdout.isatty():
        cli.show(seen, lines(seen), as_json=as_json)
    else:
        _draw_status(seen)
    return 1 if seen.problems else 0


@commands.command("retry-failed", cls=cli.CommandWithNames, panel="Failed jobs")
@click.argument("job", metavar="[JOB]", required=False, type=_JOB, help="Only failures of this job. Without it: all.")
@cli.json_option
def retry_failed(*, job: str | None, as_json: bool) -> None:
    """Run failed jobs again."""
    from workers.failed_jobs import retry
    from workers.valkey import connect

    tried = retry(connect(_settings().redis_url), [job] if job else list(_queues()))
    line = f"tried again: {', '.join(tried)}" if tried else "nothing had failed"
    cli.show({"retried": tried}, [line], as_json=as_json)


@commands.command("forget-failed", cls=cli.CommandWithNames, panel="Failed jobs")
@click.argument("job", metavar="[JOB]", required=False, type=_JOB, help="Only failures of this job. Without it: all.")
@cli.yes_option
@cli.json_option
def forget_failed(*, job: str | None, yes: bool, as_json: bool) -> None:
    """Remove failed jobs from the list of status, with their errors. This cannot be undone."""
    from workers.failed_jobs import forget
    from workers.valkey import connect

    config = _settings()
    which = f"the failures of {job}" if job else "all failed jobs"
    cli.confirm(f"This permanently removes {which} and their errors from the list.", yes=yes)
    forgotten = forget(connect(config.redis_url), [job] if job else list(_queues()))
    cli.show({"forgotten": forgotten}, [f"{forgotten} forgotten"], as_json=as_json)


def _settings() -> "Settings":
    """Return the settings, after the log lines of this process are set up."""
    from infrastructure.setting import WORKERS, InvalidSetting
    from infrastructure.settings import Settings

    _configure_logging()
    try:
        return Settings.from_environment(os.environ, WORKERS)
    except InvalidSetting as error:
        raise cli.NotPossible(str(error)) from None


def _configure_logging() -> None:
    import logging

    from infrastructure.log_format import configure_logging
    from workers.valkey import ConnectionErrorFilter

    configure_logging()
    for name in ("rq.worker", "rq.worker_pool", "rq.cron", "rq.job", "rq.queue"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(ConnectionErrorFilter())
    # The job that needs the database reports that it is unavailable.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def _log(event: str, **fields: object) -> None:
    import structlog

    structlog.get_logger("workers").info(event, **fields)


def _remove(url: str, rules: "Retention", removed: "list[RemovedDay]", progress: cli.Progress) -> None:
    """Remove the days that are old enough, and add each to `removed` as soon as it has left."""
    from workers.retention import remove_expired

    asyncio.run(remove_expired(url, rules, on_removed=removed.append, progress=progress))


def _removed_line(left: "RemovedDay") -> str:
    return f"left: {left.day}, {left.events:,} uses, {left.export or 'without a file'}"


def _total(days: "Sequence[RemovedDay]") -> str:
    return f"{len(days)} days, {sum(each.events for each in days):,} uses"


def _show_days(
    rules: "Retention", days: "Sequence[RemovedDay]", lines: Iterable[str], *, as_json: bool, dry_run: bool
) -> None:
    document = {
        "usage_days": rules.usage_days,
        "nothing_leaves_because": rules.why_nothing_leaves,
        "dry_run": dry_run,
        "days": [
            {"day": each.day, "uses": each.events, "export": None if each.export is None else str(each.export)}
            for each in days
        ],
    }
    cli.show(document, lines, as_json=as_json)


def _draw_status(seen: "Status") -> None:
    from workers.status import problem_lines, schedule_listing, summary_lines

    cli.show(None, problem_lines(seen), as_json=False)
    if seen.jobs is not None:
        cli.show(None, (), as_json=False, listing=schedule_listing(seen.jobs))
    cli.show(None, summary_lines(seen), as_json=False)


def _explain(error: Exception, _environment: Mapping[str, str]) -> str | None:
    import redis

    if isinstance(error, redis.RedisError):
        return f"REDIS_URL: {type(error).__name__}: Valkey does not answer"
    return cli.explain_database_error(error)


def main(arguments: list[str]) -> int:
    """Return 0 after an orderly stop, and 2 with a one-line message if a setting is invalid."""
    return cli.run(commands, "workers", arguments, os.environ, _explain)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
