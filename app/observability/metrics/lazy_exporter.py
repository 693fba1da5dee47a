"""Where routes get the figures from, without prometheus-client being imported before its time.

It decides at its import whether it counts into the folder that the processes share. The parent of the processes, which
makes that folder, imports routes to describe them, and its children have whatever it has imported.
"""

import asyncio
import importlib
from pathlib import Path

from app.observability.health.snapshot import State

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""The text format that every Prometheus reads."""


class Exposition:
    """`folder`: where the processes of this server count, None where there is one process that counts by itself."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    async def text(self, state: State) -> bytes:
        # Reads files and formats some hundred lines: nobody who presents a key waits for that.
        return await asyncio.to_thread(_text, self._folder, state)


def _text(folder: Path | None, state: State) -> bytes:
    return importlib.import_module("app.observability.metrics.collect").text(folder, state)
