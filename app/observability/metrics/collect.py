"""The Prometheus exposition: the counters of all processes, and the current state of the log and the workers.

A source that does not respond has `keyledger_source_up` 0 and no metrics. Other sources are unaffected.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest, multiprocess
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.observability.health.log_status import LogState, WebhooksState
from app.observability.health.snapshot import State
from app.observability.health.worker_status import JobsState
from app.observability.metrics.multiprocess_dir import is_running, process_of


def text(folder: Path | None, state: State) -> bytes:
    """Return the exposition. `folder` contains the counters of all processes; None for a single process."""
    live = CollectorRegistry()
    live.register(_LiveCollector(state.log, state.jobs))
    if folder is None:
        return generate_latest(REGISTRY) + generate_latest(live)
    _drop_dead_processes(folder)
    counted = CollectorRegistry()
    counted.register(_CountedCollector(folder))
    return generate_latest(counted) + generate_latest(live)


def _drop_dead_processes(folder: Path) -> None:
    """Remove the gauges of processes that have ended. Their counters stay, or the sums would decrease."""
    for pid in {process_of(file) for file in folder.glob("gauge_live*.db")}:
        if pid is not None and not is_running(pid):
            with suppress(FileNotFoundError):  # another process is removing them too
                multiprocess.mark_process_dead(pid, path=str(folder))  # pyright: ignore[reportUnknownMemberType]


class _CountedCollector(Collector):
    """The metrics that all processes have counted, in the files of a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def collect(self) -> Iterator[Metric]:
        # A process that is starting has created its files, and gives them their size a moment later.
        files = [str(file) for file in self._folder.glob("*.db") if _size_of(file)]
        yield from multiprocess.MultiProcessCollector.merge(files)  # pyright: ignore[reportUnknownMemberType]


def _size_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


class _LiveCollector(Collector):
    """Metrics of the current state, which is the same in every process."""

    def __init__(self, log: LogState | None, jobs: JobsState | None) -> None:
        self._log = log
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("keyledger_source_up", "Whether the source of the metrics responded.", labels=["source"])
        up.add_metric(["database"], float(self._log is not None))
        up.add_metric(["valkey"], float(self._jobs is not None))
        yield up
        yield from _clocks(self._log, self._jobs)
        if self._log is not None:
            yield from _log_metrics(self._log)
        if self._jobs is not None:
            yield from _job_metrics(self._jobs)


def _clocks(log: LogState | None, jobs: JobsState | None) -> Iterator[Metric]:
    ahead = {"api": None if log is None else log.clock_seconds, "worker": None if jobs is None else jobs.clock_seconds}
    yield _gauge(
        "keyledger_clock_ahead_seconds",
        "Lead of the process's clock over the database's clock; for workers, the largest difference.",
        [((process,), seconds) for process, seconds in ahead.items() if seconds is not None],
        ["process"],
    )


def _log_metrics(log: LogState) -> Iterator[Metric]:
    yield _gauge(
        "keyledger_migrations_missing",
        "Migrations that the database schema still lacks.",
        [((), len(log.missing_migrations))],
    )
    if log.missing_migrations:
        return
    yield _gauge(
        "keyledger_lane_head_position",
        "Last position assigned in a lane of a log.",
        [((head.log, str(head.lane)), head.position) for head in log.heads],
        ["log", "lane"],
    )
    yield _gauge(
        "keyledger_follower_lag_positions",
        "Positions that a read model still has to apply, in all lanes.",
        [((lag.projection, lag.log), lag.positions) for lag in log.followers],
        ["projection", "log"],
    )
    yield _gauge(
        "keyledger_follower_lag_seconds",
        "Age of the oldest position that is not applied yet.",
        [((lag.projection, lag.log), lag.seconds) for lag in log.followers if lag.seconds is not None],
        ["projection", "log"],
    )
    yield _gauge(
        "keyledger_follower_stopped_lanes",
        "Lanes in which a read model has stopped.",
        [((lag.projection, lag.log), _stopped(log, lag.projection, lag.log)) for lag in log.followers],
        ["projection", "log"],
    )
    yield _gauge(
        "keyledger_usage_partitions_ahead_days",
        "Number of days from tomorrow on for which the usage log has partitions.",
        [((), log.partitions_ahead)],
    )
    if log.webhooks is not None:
        yield from _webhook_metrics(log.webhooks)


def _webhook_metrics(webhooks: WebhooksState) -> Iterator[Metric]:
    """Yield the metrics of webhooks.

    An unreachable endpoint of a customer delays only its own messages and must not page the operator.
    """
    kinds = (("answering", webhooks.answering), ("failing", webhooks.failing))
    yield _gauge(
        "keyledger_webhook_waiting_messages",
        "Messages waiting for delivery (50,000 means at least), by whether the last delivery succeeded.",
        [((kind,), of.messages) for kind, of in kinds],
        ["webhook"],
    )
    yield _gauge(
        "keyledger_webhook_late_seconds",
        "Delay of the oldest message that is due; 0: none is due.",
        [((kind,), of.seconds) for kind, of in kinds],
        ["webhook"],
    )
    attempts = CounterMetricFamily(
        "keyledger_webhook_attempts",
        "Attempts to send a message. delivered: a 2xx response; refused: another response; unanswered: no response.",
        labels=["outcome"],
    )
    for outcome, number in webhooks.outcomes._asdict().items():
        attempts.add_metric([outcome], number)
    yield attempts


def _stopped(log: LogState, projection: str, of: str) -> int:
    return sum((lane.projection, lane.log) == (projection, of) for lane in log.stopped)


def _job_metrics(jobs: JobsState) -> Iterator[Metric]:
    queue = ["queue"]
    yield _gauge("keyledger_queue_waiting_jobs", "Waiting jobs.", [((q.name,), q.waiting) for q in jobs.queues], queue)
    yield _gauge(
        "keyledger_queue_failed_jobs",
        "Failed jobs whose records are still stored.",
        [((q.name,), q.failed) for q in jobs.queues],
        queue,
    )
    yield _gauge("keyledger_workers", "Running worker processes.", [((), jobs.workers)])
    yield _gauge("keyledger_schedulers", "Running schedulers.", [((), jobs.schedulers)])
    if jobs.worker_heartbeat is not None:
        yield _gauge(
            "keyledger_worker_last_heartbeat_timestamp_seconds",
            "Time of the last heartbeat of any worker.",
            [((), jobs.worker_heartbeat)],
        )
    if jobs.scheduler_heartbeat is not None:
        yield _gauge(
            "keyledger_scheduler_last_tick_timestamp_seconds",
            "Time of the last tick of any scheduler.",
            [((), jobs.scheduler_heartbeat)],
        )
    done = CounterMetricFamily("keyledger_jobs", "Finished jobs, by outcome.", labels=["job", "outcome"])
    seconds = CounterMetricFamily("keyledger_jobs_seconds", "Total duration of the jobs.", labels=["job"])
    for tally in jobs.tally:
        done.add_metric([tally.name, "succeeded"], tally.succeeded)
        done.add_metric([tally.name, "incomplete"], tally.incomplete)
        done.add_metric([tally.name, "failed"], tally.failed)
        seconds.add_metric([tally.name], tally.seconds)
    yield done
    yield seconds
    dropped = CounterMetricFamily(
        "keyledger_worker_log_lines_dropped", "Log lines of workers and schedulers that could not be written."
    )
    dropped.add_metric([], jobs.log_lines_dropped)
    yield dropped
    yield _gauge(
        "keyledger_job_unfinished_seconds",
        "Time since the last successful run of the job.",
        [((job.name,), job.unfinished) for job in jobs.due],
        ["job"],
    )
    yield _gauge(
        "keyledger_job_late_after_seconds",
        "Time without a successful run after which the job is late: three periods, at least 30 s.",
        [((job.name,), job.late_after) for job in jobs.due],
        ["job"],
    )


def _gauge(
    name: str, meaning: str, values: Iterable[tuple[tuple[str, ...], float]], labels: list[str] | None = None
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, meaning, labels=labels or [])
    for of, value in values:
        family.add_metric(of, value)
    return family
