"""Graceful shutdown: running requests finish after the process is asked to stop, by SIGTERM or SIGINT.

Until they have finished, new requests are served too, readiness is 503, and every response asks the
client to close its connection. A process without running requests closes its port immediately. A load balancer must
therefore stop sending before the signal, for example by a pause before it (docs/deployment.md).
"""

import asyncio

import structlog

_STEP_SECONDS = 0.05

_log = structlog.get_logger(__name__)


class Draining:
    """`active`: number of requests in progress. `began`: whether the process was asked to stop.

    `ended`: set when no request is in progress after that, at the latest after the grace period.
    """

    def __init__(self, grace_seconds: float) -> None:
        self.active = 0
        self.began = False
        self.ended = asyncio.Event()
        self._grace_seconds = grace_seconds
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Start to drain. Further calls do nothing."""
        # A supervisor may signal the whole process group, and then the parent process signals its children again.
        if not self.began:
            self.began = True
            self._task = asyncio.get_running_loop().create_task(self._drain(), name="draining")

    async def _drain(self) -> None:
        _log.info("shutdown_started", active_requests=self.active, grace_seconds=self._grace_seconds)
        deadline = asyncio.get_running_loop().time() + self._grace_seconds
        while self.active and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110 -- runs only once per process
            await asyncio.sleep(_STEP_SECONDS)
        if self.active:
            _log.warning("shutdown_requests_aborted", active_requests=self.active)
        self.ended.set()
