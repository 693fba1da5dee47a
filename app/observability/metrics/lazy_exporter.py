"""Access to the metrics for routes without importing prometheus-client too early.

At import, prometheus-client decides whether it counts in the shared folder. The parent process, which creates that
folder, also imports the routes to describe them, and its children inherit all imported modules.
"""

import asyncio
import importlib
from pathlib import Path

from app.observability.health.snapshot import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The text format that every Prometheus version reads."""


class Exposition:
    """`folder` contains the counters of all processes of this server; None for a single process."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def text(self, state: State) -> bytes:
        # The thread reads files and formats some hundred lines, which must not delay the verification of keys.
        return await asyncio.to_thread(_text, self._folder, state)


def _text(folder: Path | None, state: State) -> bytes:
    return importlib.import_module("app.observability.metrics.collect").text(folder, state)
