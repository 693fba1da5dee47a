"""The time limit for a body that arrives in parts."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from app.http import body as edge
from app.http.errors import Problem

pytestmark = pytest.mark.anyio


def _parts(*bodies: bytes, pause_seconds: float) -> Callable[[], Coroutine[Any, Any, Any]]:
    """Return ASGI's `receive` for a client that waits before each part except the first."""
    left = list(enumerate(bodies, start=1))

    async def receive() -> Any:  # noqa: ANN401 -- one of ASGI's messages
        number, body = left.pop(0)
        await asyncio.sleep(pause_seconds if number > 1 else 0)
        return {"type": "http.request", "body": body, "more_body": number < len(bodies)}

    return receive


async def test_the_parts_of_a_body_are_joined() -> None:
    assert await edge.read_body(_parts(b"a", b"b", b"c", pause_seconds=0), {}) == b"abc"


async def test_a_body_that_does_not_arrive_in_time_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.05)
    with pytest.raises(Problem, match="not complete after") as refused:
        await edge.read_body(_parts(b"a", b"b", pause_seconds=5), {})
    assert refused.value.status == 400
