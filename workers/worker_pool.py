"""rq's worker pool: starts the configured number of processes, restarts those that end, and stops after their jobs.

Each isolated job has its own additional process.
"""
# pyright: reportUnknownMemberType=false
# (the annotations of rq leave type arguments out)

import os
import time
from multiprocessing.process import BaseProcess

import structlog
from rq.serializers import JSONSerializer
from rq.worker_pool import ForkProcess
from rq.worker_pool import WorkerPool as RqWorkerPool

from infrastructure.settings import Settings
from workers.schedule import ISOLATED_QUEUES, QUEUES, SHARED_QUEUES
from workers.valkey import connect
from workers.worker import work

_WATCH_SECONDS = 0.2
_STOP_WATCH_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class WorkerPool(RqWorkerPool):
    """Runs until SIGTERM or SIGINT."""

    def __init__(self, config: Settings) -> None:
        super().__init__(
            QUEUES,
            connect(config.redis_url),
            num_workers=config.workers + len(ISOLATED_QUEUES),
            serializer=JSONSerializer,
        )
        self._redis_url = config.redis_url
        self._grace_seconds = config.grace_seconds
        self._isolated: dict[str, str] = {}  # the name of its worker, by queue of an isolated job

    def start(self, burst: bool = False, logging_level: str = "WARNING") -> None:  # noqa: ARG002, FBT001, FBT002
        self._burst = burst
        self.status = self.Status.STARTED
        # Set before the first child starts, or a stop request in between would orphan it.
        self._install_signal_handlers()
        while self.status != self.Status.STOPPED:
            self.check_workers()
            time.sleep(_WATCH_SECONDS)
        self._wait_for_the_end()
        _log.info("workers_stopped")

    def get_worker_process(
        self,
        name: str,
        burst: bool,  # noqa: ARG002, FBT001
        _sleep: float = 0,
        logging_level: str = "WARNING",  # noqa: ARG002
    ) -> BaseProcess:
        queues = SHARED_QUEUES
        without = [queue for queue in ISOLATED_QUEUES if self._isolated.get(queue) not in self.worker_dict]
        if without:
            queues = (without[0],)
            self._isolated[without[0]] = name
        return ForkProcess(target=work, args=(name, self._redis_url, os.getpid(), queues), name=f"worker {name}")

    def _wait_for_the_end(self) -> None:
        # Repeated, because a worker may have been started while the request came.
        self.stop_workers()
        # A job that is cut off runs again after the next start.
        deadline = time.monotonic() + self._grace_seconds
        while not self.all_workers_have_stopped() and time.monotonic() < deadline:
            time.sleep(_STOP_WATCH_SECONDS)
        for worker in self.worker_dict.values():
            worker.process.kill()
            worker.process.join()
