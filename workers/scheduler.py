"""rq's cron scheduler, made safe to run twice, to lose Valkey and to run without workers."""
# pyright: reportUnknownMemberType=false
# (the annotations of rq leave type arguments out)

import time
from contextlib import suppress
from datetime import datetime
from time import monotonic

import redis
import structlog
from rq import Queue
from rq.cron import CronJob, CronScheduler
from rq.exceptions import SchedulerNotFound, StopRequested
from rq.serializers import JSONSerializer
from rq.utils import now

from infrastructure.log_throttle import LogThrottle
from workers.lateness import LATE_SECONDS_MIN, publish, unfinished
from workers.schedule import SCHEDULE
from workers.valkey import Valkey, log_unavailable, wait_until_ready

FAILURE_KEPT_SECONDS = 600

_TICK_SECONDS_MAX = 10  # no longer, or a restarted scheduler would not start with every job
_PAUSE_SECONDS_MAX = 1.0

_log = structlog.get_logger(__name__)


class Scheduler(CronScheduler):
    """Enqueues each job of the schedule when it is due, until SIGTERM or SIGINT.

    Two schedulers enqueue no more than one: the first to claim a tick enqueues the job. A queue has at most one waiting
    job, which does the work of all ticks since. Nothing is lost with Valkey's data, because the next tick comes within
    a second.
    """

    def __init__(self, connection: Valkey) -> None:
        super().__init__(connection)
        self._started = monotonic()
        self._late: set[str] = set()
        self._news = LogThrottle()
        self._seconds = {scheduled.name: scheduled.every for scheduled in SCHEDULE}
        self._seconds_max = {scheduled.name: scheduled.seconds_max for scheduled in SCHEDULE}
        for scheduled in SCHEDULE:
            self.register(scheduled.run, queue_name=scheduled.name, interval=scheduled.every)

    def start(self) -> None:
        self._install_signal_handlers()
        try:
            while True:
                try:
                    self.enqueue_jobs()
                    publish(self.connection)
                    self._log_lateness()
                    self.save()
                    self.heartbeat()
                except redis.RedisError as error:
                    log_unavailable(error)
                    wait_until_ready(self.connection)
                time.sleep(min(self.calculate_sleep_interval(), _PAUSE_SECONDS_MAX))
        except StopRequested:
            _log.info("scheduler_stopped")
        finally:
            with suppress(redis.RedisError, SchedulerNotFound):
                self.register_death()

    def _log_lateness(self) -> None:
        """Log each late job once a minute, and when it is on time again. Operators can alert on these lines."""
        if monotonic() - self._started < LATE_SECONDS_MIN:
            return  # jobs that were not scheduled before this start are still catching up
        for job in unfinished(self.connection):
            if job.is_late:
                self._late.add(job.job)
                if self._news(job.job):
                    _log.error("job_late", job=job.job, seconds=round(job.seconds), late_after=job.late_after)
            elif job.job in self._late:
                self._late.remove(job.job)
                self._news.forget_one(job.job)
                _log.info("job_on_time", job=job.job)

    def enqueue_jobs(self) -> list[CronJob]:
        at = now()
        due = [job for job in self.get_jobs() if job.should_run() or self._clock_went_back(job, at)]
        for job in due:
            job.set_enqueue_time(at)
            self._enqueue(job, at)
        return due

    def _enqueue(self, job: CronJob, at: datetime) -> None:
        """Enqueue `job`, unless another scheduler did so for this tick or an earlier tick still waits."""
        seconds = min(self._seconds[job.queue_name], _TICK_SECONDS_MAX)
        tick = int(at.timestamp()) // seconds
        claim = f"keyledger:tick:{job.queue_name}:{tick}"
        if not self.connection.set(claim, self.name, nx=True, ex=2 * _TICK_SECONDS_MAX):
            return
        queue = Queue(job.queue_name, connection=self.connection, serializer=JSONSerializer)
        if queue.count == 0:
            seconds_max = self._seconds_max[job.queue_name]
            queue.enqueue_call(job.func_name, timeout=seconds_max, result_ttl=0, failure_ttl=FAILURE_KEPT_SECONDS)

    def _clock_went_back(self, job: CronJob, at: datetime) -> bool:
        """Return whether the clock went back. Without this check, a job would pause until the clock has caught up."""
        due = job.next_enqueue_time
        return due is not None and (due - at).total_seconds() > self._seconds[job.queue_name]
