"""Supervision of background tasks: the process ends when a task ends that must run as long as the process does.

Otherwise the process would continue to serve requests without doing its work. The server replaces an ended process
(`app/server/processes.py`).
"""

import asyncio
import os
from collections.abc import Iterable

import structlog

EXIT_CODE = 70
"""EX_SOFTWARE of sysexits.h."""

_log = structlog.get_logger(__name__)


def end_process_with(tasks: Iterable[asyncio.Task[None]]) -> None:
    """End this process as soon as one of `tasks` ends without having been cancelled."""
    for task in tasks:
        task.add_done_callback(_end_process)


def _end_process(task: asyncio.Task[None]) -> None:
    if task.cancelling():  # the process is shutting down
        return
    error = None if task.cancelled() else task.exception()
    _log.critical("background_task_ended", task=task.get_name(), exc_info=error)
    # Exit without clean-up, which could wait for the very task that has ended.
    os._exit(EXIT_CODE)
