"""`python -m workers`: run the jobs, show the schedule and the status of the jobs, and remove old uses."""

import argparse
import asyncio
import logging
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec
import psycopg
import redis
import structlog

from infrastructure.clock import now
from infrastructure.database.connections import describe
from infrastructure.database.errors import StorageError
from infrastructure.geoip import geolocator
from infrastructure.log_format import configure_logging
from infrastructure.setting import WORKERS, InvalidSetting
from infrastructure.settings import Settings
from workers.anomaly_replay import ReplayPeriod, format_alert, parse_thresholds, replay
from workers.failed_jobs import forget, retry
from workers.retention import RemovedDay, Retention, preview, remove_expired
from workers.schedule import QUEUES
from workers.scheduler import Scheduler
from workers.status import lines, status
from workers.valkey import ConnectionErrorFilter, connect, wait_until_ready
from workers.worker_pool import WorkerPool

_log = structlog.get_logger("workers")


def _run(config: Settings) -> None:
    _log.info("workers_started", workers=config.workers)
    WorkerPool(config).start()


def _schedule(config: Settings) -> None:
    connection = connect(config.redis_url)
    wait_until_ready(connection)
    _log.info("scheduler_started")
    Scheduler(connection).start()


def _retention(config: Settings, *, dry_run: bool) -> int:
    """Return 0 if no expired uses remain, and 1 if a day must stay or its file could not be written."""
    retention = Retention.from_settings(config)
    kept = "for ever" if retention.usage_days is None else f"for {retention.usage_days} days"
    print(f"uses are kept {kept}")
    if retention.why_nothing_leaves is not None:
        print(f"nothing leaves: {retention.why_nothing_leaves}")
    if dry_run:
        would = asyncio.run(preview(config.database_url, retention))
        for day, events, _ in would:
            print(f"would leave: {day}, {events:,} uses")
        print(f"{len(would)} days, {sum(left.events for left in would):,} uses; nothing was changed")
        return 0
    left = asyncio.run(remove_expired(config.database_url, retention, on_removed=_print_removed))
    print(f"{len(left)} days, {sum(each.events for each in left):,} uses left")
    return 0


def _status(config: Settings, *, as_json: bool) -> int:
    """Return 1 if Valkey or PostgreSQL does not respond."""
    seen = asyncio.run(status(config.database_url, connect(config.redis_url), now()))
    if as_json:
        print(msgspec.json.format(msgspec.json.encode(seen)).decode())
    else:
        for line in lines(seen):
            print(line)
    return 1 if seen.problems else 0


def _retry(config: Settings, names: Sequence[str]) -> int:
    tried = retry(connect(config.redis_url), names)
    print(f"tried again: {', '.join(tried)}" if tried else "nothing had failed")
    return 0


def _forget(config: Settings, names: Sequence[str]) -> int:
    print(f"{forget(connect(config.redis_url), names)} forgotten")
    return 0


def _replay(config: Settings, options: argparse.Namespace) -> int:
    """Return 2 if a threshold or the period is invalid."""
    try:
        given = parse_thresholds(options.threshold)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    stretch = ReplayPeriod(options.begin, options.end or now(), options.organization)
    if stretch.begin >= stretch.end:
        print(f"--from {stretch.begin.isoformat()} is not before --to {stretch.end.isoformat()}", file=sys.stderr)
        return 2
    said = asyncio.run(replay(config.database_url, stretch, geolocator(config.geo_database), given))
    for alert in said:
        print(msgspec.json.encode(alert).decode() if options.json else format_alert(alert))
    print(f"{len(said)} {'alert' if len(said) == 1 else 'alerts'} would have been raised; nothing was", file=sys.stderr)
    return 0


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: write 2026-01-31 or 2026-01-31T18:00:00Z") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _print_removed(left: RemovedDay) -> None:
    print(f"left: {left.day}, {left.events:,} uses, {left.export or 'without a file'}", flush=True)


def _configure_logging() -> None:
    configure_logging()
    for name in ("rq.worker", "rq.worker_pool", "rq.cron", "rq.job", "rq.queue"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.WARNING)
        logger.addFilter(ConnectionErrorFilter())
    # The job that needs the database reports that it is unavailable.
    logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


def main(arguments: list[str]) -> int:
    """Return 0 after an orderly stop, and 2 with a one-line message if a setting is invalid."""
    parser = argparse.ArgumentParser(prog="python -m workers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="WORKERS processes that carry out jobs")
    commands.add_parser("schedule", help="the clock of the jobs; a second one does no harm")
    removing = commands.add_parser("retention", help="export and remove uses that are older than any plan keeps them")
    removing.add_argument("--dry-run", action="store_true", help="say what would leave, and change nothing")
    replaying = commands.add_parser(
        "replay-anomalies", help="what the rules would have said of a stretch of the log, by the thresholds of now"
    )
    replaying.add_argument("--from", dest="begin", type=_instant, required=True, help="RFC 3339, such as 2026-01-31")
    replaying.add_argument("--to", dest="end", type=_instant, help="before this instant; without it: up to now")
    replaying.add_argument("--organization", help="only of this one")
    replaying.add_argument("--threshold", action="append", default=[], metavar="NAME=VALUE", help="instead of its own")
    replaying.add_argument("--json", action="store_true", help="a line of JSON for each alert")
    standing = commands.add_parser("status", help="queues, schedule and last runs, workers, failed jobs, followers")
    standing.add_argument("--json", action="store_true", help="the same for programs")
    retrying = commands.add_parser("retry-failed", help="offer jobs that failed once more")
    forgetting = commands.add_parser("forget-failed", help="remove jobs that failed from the list of status")
    for parsing in (retrying, forgetting):
        parsing.add_argument("job", metavar="JOB", nargs="?", choices=QUEUES, help=f"{', '.join(QUEUES)}; none: all")
    options = parser.parse_args(arguments)
    _configure_logging()
    try:
        return _carry_out(options, Settings.from_environment(os.environ, WORKERS))
    except InvalidSetting as error:
        print(error, file=sys.stderr)
        return 2
    except psycopg.Error as error:
        print(f"DATABASE_URL: {describe(error)}", file=sys.stderr)
    except redis.RedisError as error:
        print(f"REDIS_URL: {type(error).__name__}: Valkey does not answer", file=sys.stderr)
    except (StorageError, OSError) as error:
        print(error, file=sys.stderr)
    return 1


def _carry_out(options: argparse.Namespace, config: Settings) -> int:
    match options.command:
        case "run":
            _run(config)
        case "schedule":
            _schedule(config)
        case "retention":
            return _retention(config, dry_run=options.dry_run)
        case "replay-anomalies":
            return _replay(config, options)
        case "status":
            return _status(config, as_json=options.json)
        case command:
            return (_retry if command == "retry-failed" else _forget)(config, [options.job] if options.job else QUEUES)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
