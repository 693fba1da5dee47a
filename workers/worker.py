"""A process that runs jobs."""
# pyright: reportUnknownMemberType=false
# (the annotations of rq leave type arguments out)

import os
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from types import FrameType
from typing import Any, cast

import redis
import structlog
from redis.client import Pipeline
from rq import Queue, worker_registration
from rq.exceptions import InvalidJobOperation, StopRequested
from rq.executions import Execution
from rq.job import Job
from rq.serializers import JSONSerializer
from rq.worker import SimpleWorker

from infrastructure.log_format import log_context
from workers.fair_order import FairOrder
from workers.job_metrics import Outcome, record
from workers.job_runner import last_run
from workers.valkey import connect, log_unavailable, wait_until_ready

_TTL_SECONDS = 20  # rq waits 15 s less than this for a job, then sends its heartbeat
_ANSWER_SECONDS = 15.0
"""The default of rq. Setting it changes only later connections, and here one was used before."""

CLOCK = "keyledger_clock_seconds"
"""Field in the entry of a worker: how far the clock of its machine is ahead of the database's clock."""

_log = structlog.get_logger(__name__)


class JobWorker(SimpleWorker):
    """Runs jobs in its own process. Forking for each job costs more than the jobs, and they leave no state behind."""

    parent: int = 0
    _fair_order: FairOrder | None = None

    def share_time(self) -> None:
        """From now on, serve the queue whose jobs took the least time. Without this, earlier queues have precedence."""
        names = [queue.name for queue in self.queues]
        # Random, because if a job kills its worker, the other jobs get their turn after a restart.
        self._fair_order = FairOrder(random.sample(names, len(names)))
        self._arrange(self._fair_order)

    def _arrange(self, fair_order: FairOrder) -> None:
        by_name = {queue.name: queue for queue in self.queues}
        self._ordered_queues = [by_name[name] for name in fair_order.order()]

    def reorder_queues(self, reference_queue: Queue) -> None:
        """Called when a job starts. How long it takes, and therefore which queue is next, is known when it ends."""

    def subscribe(self) -> None:
        """Accept no commands over pub/sub: they stop forked jobs, and cost a thread and a connection."""

    def set_shutdown_requested_date(self) -> None:
        """Called by a signal handler during a job, while Valkey may be unavailable."""

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Let the job finish. The pool and a process supervisor may both request a stop, and the pool ends the wait."""

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        started = monotonic()
        with log_context(job=queue.name, job_id=job.id):
            last_run.begin()
            succeeded = super().perform_job(job, queue, execution)
            seconds = monotonic() - started
            if self._fair_order is not None:
                self._fair_order.charge(queue.name, seconds)
                self._arrange(self._fair_order)
            record(self.connection, queue.name, seconds, _outcome(succeeded=succeeded))
            self._store_clock()
        return succeeded

    def _store_clock(self) -> None:
        if last_run.clock_ahead is not None:
            with suppress(redis.RedisError):
                self.connection.hset(self.key, CLOCK, repr(last_run.clock_ahead.total_seconds()))

    def handle_exception(self, job: Job, *exc_info: object) -> None:
        error = exc_info[1]
        if isinstance(error, redis.ConnectionError | redis.TimeoutError):
            log_unavailable(error)
        elif isinstance(error, InvalidJobOperation | ValueError) and self._was_forgotten():
            # The next tick enqueues the job again, and logs the error again if it was the job's own.
            _log.info("job_lost", job=job.func_name)
        else:
            _log.error("job_failed", job=job.func_name, exc_info=exc_info)

    def _was_forgotten(self) -> bool:
        """Return whether Valkey lost its data while the job ran."""
        return not any(self.connection.exists(execution.key) for execution in self.executions.values())

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        if self.parent and os.getppid() != self.parent:
            # The pool was killed, and a new pool does not know this process.
            raise StopRequested
        super().heartbeat(timeout, pipeline)
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            # Valkey lost its data, and a heartbeat alone does not register a worker.
            with self.connection.pipeline() as registration:
                registration.hset(self.key, mapping=cast("Any", self.serialize()))
                worker_registration.register(self, registration)
                registration.execute()


def _outcome(*, succeeded: bool) -> Outcome:
    if not succeeded:
        return "failed"
    return "succeeded" if last_run.complete else "incomplete"


def work(name: str, redis_url: str, parent: int, queues: Sequence[str]) -> None:
    """Run one worker until it is stopped or loses Valkey.

    The pool then starts another worker, which waits for Valkey.
    """
    # While it waits, there is nothing to finish. rq sets its own handlers when it works.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    connection = connect(redis_url, answer_seconds=_ANSWER_SECONDS)
    wait_until_ready(connection)
    try:
        worker = JobWorker(
            list(queues),
            name=name,
            connection=connection,
            serializer=JSONSerializer,
            worker_ttl=_TTL_SECONDS,
            log_job_description=False,
        )
        worker.parent = parent
        worker.share_time()
        worker.max_connection_wait_time = 1.0
        _log.info("worker_started", pid=os.getpid())
        worker.work(logging_level="WARNING")
    except redis.RedisError as error:
        log_unavailable(error)
