"""One process that carries out jobs."""
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

_TTL_SECONDS = 20  # rq waits for a job for 15 s less, then sends its heartbeat
_ANSWER_SECONDS = 15.0
"""As rq would have it. It changes only connections that are made later, and here one was used before."""

CLOCK = "keyledger_clock_seconds"
"""In the entry of a worker: how far the clock of its machine is ahead of the database's."""

_log = structlog.get_logger(__name__)


class JobWorker(SimpleWorker):
    """Runs jobs in its own process: to fork for each costs more than the jobs, and they leave nothing behind."""

    parent: int = 0
    _fair_order: FairOrder | None = None

    def share_time(self) -> None:
        """From now on, look next at the queue whose jobs took the least time. Without it, order is precedence."""
        names = [queue.name for queue in self.queues]
        # Not always in the same order: where a job kills its worker, the others have their turn after a restart.
        self._fair_order = FairOrder(random.sample(names, len(names)))
        self._arrange(self._fair_order)

    def _arrange(self, fair_order: FairOrder) -> None:
        by_name = {queue.name: queue for queue in self.queues}
        self._ordered_queues = [by_name[name] for name in fair_order.order()]

    def reorder_queues(self, reference_queue: Queue) -> None:
        """Is called as a job begins. What it costs, and so whose turn is next, is known when it ends."""

    def subscribe(self) -> None:
        """Takes no commands over pub/sub: they stop forked jobs, and cost a thread and a connection."""

    def set_shutdown_requested_date(self) -> None:
        """Is called by a signal handler in the middle of a job, and Valkey may be away."""

    def request_force_stop(self, signum: int, frame: FrameType | None) -> None:
        """Let the job finish: the pool and whatever supervises it may both ask to stop, and the pool ends the wait."""

    def perform_job(self, job: Job, queue: Queue, execution: Execution) -> bool:
        began = monotonic()
        with log_context(job=queue.name, job_id=job.id):
            last_run.begin()
            succeeded = super().perform_job(job, queue, execution)
            seconds = monotonic() - began
            if self._fair_order is not None:
                self._fair_order.charge(queue.name, seconds)
                self._arrange(self._fair_order)
            record(self.connection, queue.name, seconds, _outcome(succeeded=succeeded))
            self._tell_clock()
        return succeeded

    def _tell_clock(self) -> None:
        if last_run.clock_ahead is not None:
            with suppress(redis.RedisError):
                self.connection.hset(self.key, CLOCK, repr(last_run.clock_ahead.total_seconds()))

    def handle_exception(self, job: Job, *exc_info: object) -> None:
        error = exc_info[1]
        if isinstance(error, redis.ConnectionError | redis.TimeoutError):
            log_unavailable(error)
        elif isinstance(error, InvalidJobOperation | ValueError) and self._was_forgotten():
            # The next tick enqueues it anew, and shows it again if the error was the job's own.
            _log.info("job_lost", job=job.func_name)
        else:
            _log.error("job_failed", job=job.func_name, exc_info=exc_info)

    def _was_forgotten(self) -> bool:
        """Whether Valkey lost its data while the job ran."""
        return not any(self.connection.exists(execution.key) for execution in self.executions.values())

    def heartbeat(self, timeout: int | None = None, pipeline: Pipeline | None = None) -> None:
        if self.parent and os.getppid() != self.parent:
            # The pool was killed, and whoever starts another one does not know of this process.
            raise StopRequested
        super().heartbeat(timeout, pipeline)
        if pipeline is None and not self.connection.sismember(self.redis_workers_keys, self.key):
            # Valkey lost its data, and a heartbeat alone does not say who is here.
            with self.connection.pipeline() as registration:
                registration.hset(self.key, mapping=cast("Any", self.serialize()))
                worker_registration.register(self, registration)
                registration.execute()


def _outcome(*, succeeded: bool) -> Outcome:
    if not succeeded:
        return "failed"
    return "succeeded" if last_run.complete else "incomplete"


def work(name: str, redis_url: str, parent: int, queues: Sequence[str]) -> None:
    """One worker, until it is asked to stop or loses Valkey: then the pool starts another one, which waits for it."""
    # While it waits there is nothing to finish. rq sets handlers of its own when it works.
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
