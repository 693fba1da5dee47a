"""Hot requests whose parts fail, and what remains of them."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from app.http.access_log import GONE, RequestLog
from app.http.errors import Problem
from app.http.host import HostRule
from app.http.messages import ProblemResponse, RawRequest, RawResponse
from app.observability.metrics.recorder import Recorder
from app.observability.tracing.tracing import NoTracing
from app.process.draining import Draining
from app.server.connection import Connection, TimeLimits
from app.server.exchange import Exchange
from app.server.hot_routes import HotRoutes, by_target
from app.verification.authenticate import KeyQuestion
from app.verification.hot_route import HotRoute
from app.verification.requests import Authenticate, VerificationResult
from app.verification.verification import Verification
from domain.usage.decision import UNKNOWN_KEY, AccessRequest
from infrastructure.clock import now

pytestmark = pytest.mark.anyio

REQUEST = b"GET /hot HTTP/1.1\r\nHost: a\r\n\r\n"
REFUSED = b"GET /refused HTTP/1.1\r\nHost: a\r\n\r\n"
FAILING = b"GET /failing HTTP/1.1\r\nHost: a\r\n\r\n"
RESULT = VerificationResult(UNKNOWN_KEY, UNKNOWN_KEY, now(), None)


class Queue:
    """Holds receivers until the test gives them a result."""

    def __init__(self) -> None:
        self.receivers: list[Any] = []

    def enqueue(self, _item: object, receiver: object) -> None:
        self.receivers.append(receiver)


class Recorded(Recorder):
    def __init__(self) -> None:
        super().__init__()
        self.statuses: list[int] = []

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        super().request(method, route, status, seconds)
        self.statuses.append(status)


def ask(inbound: RawRequest) -> KeyQuestion:
    return KeyQuestion(inbound, Authenticate(AccessRequest(digest=b"", action="check")))


def refuse(_inbound: RawRequest) -> KeyQuestion:
    raise Problem("unauthorized")


def fail(_question: KeyQuestion, _result: VerificationResult) -> RawResponse:
    raise LookupError("a defect")


def respond(problem: Problem, _path: str, _accept: str | None, _request_id: str) -> RawResponse:
    return RawResponse(problem.status, b"{}")


async def no_application(_scope: object, _receive: object, _send: object) -> None:
    raise LookupError("only hot routes are requested")


class Served:
    def __init__(self, problem_response: ProblemResponse) -> None:
        self.queue = Queue()
        self.recorder = Recorded()
        self.draining = Draining(1)
        self.state = ServerState()
        self.answered: list[str] = []
        hot = HotRoutes(
            routes=by_target(
                HotRoute("GET", path, any_method=False, ask=asked, answer=answer)
                for path, asked, answer in (
                    ("/hot", ask, self._succeed),
                    ("/failing", ask, fail),
                    ("/refused", refuse, fail),
                )
            ),
            verification=Verification(cast("Any", self.queue)),
            draining=self.draining,
            log=RequestLog(self.recorder, "notable", {"/hot", "/failing", "/refused"}),
            traces=NoTracing(),
            trusted_proxies=(),
            problem_response=problem_response,
            host=HostRule(),
        )
        config = Config(no_application, interface="asgi3", log_config=None, ws="none", proxy_headers=False)
        self.new_connection = partial(Connection, config, self.state, {}, hot, TimeLimits(60, 30))

    def _succeed(self, question: KeyQuestion, _result: VerificationResult) -> RawResponse:
        self.answered.append(question.inbound.path)
        return RawResponse(200, b"{}")


@asynccontextmanager
async def serving(problem_response: ProblemResponse = respond) -> AsyncGenerator[tuple[Served, Callable[[], Any]]]:
    served = Served(problem_response)
    server = await asyncio.get_running_loop().create_server(served.new_connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return reader, writer

    try:
        yield served, connect
    finally:
        for writer in writers:
            writer.close()
        await until(lambda: not served.state.connections)
        server.close()


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 -- the condition has no event
            await asyncio.sleep(0.01)


async def test_a_request_that_fails_does_not_affect_the_others_of_its_batch() -> None:
    async with serving() as (served, connect):
        streams = [await connect() for _ in range(2)]
        for (_, writer), sent in zip(streams, (FAILING, REQUEST), strict=True):
            writer.write(sent)
        await until(lambda: len(served.queue.receivers) == 2)
        for receiver in served.queue.receivers:
            receiver.set_result(RESULT)
        lines = [await reader.readline() for reader, _ in streams]
        assert lines == [b"HTTP/1.1 500 Internal Server Error\r\n", b"HTTP/1.1 200 OK\r\n"]
        assert served.draining.active == 0


async def test_an_error_response_that_cannot_be_made_ends_only_its_connection() -> None:
    def broken(*_: object) -> RawResponse:
        raise LookupError("a defect of the error response")

    async with serving(broken) as (served, connect):
        streams = [await connect() for _ in range(2)]
        for (_, writer), sent in zip(streams, (FAILING, REQUEST), strict=True):
            writer.write(sent)
        await until(lambda: len(served.queue.receivers) == 2)
        for receiver in served.queue.receivers:
            receiver.set_result(RESULT)
        with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
            await streams[0][0].readexactly(1)
        assert await streams[1][0].readline() == b"HTTP/1.1 200 OK\r\n"
        assert served.draining.active == 0
        assert sorted(served.recorder.statuses) == [200, 500]


async def test_the_result_of_a_client_that_has_left_is_counted() -> None:
    async with serving() as (served, connect):
        _, writer = await connect()
        writer.write(REQUEST)
        await until(lambda: len(served.queue.receivers) == 1)
        assert served.draining.active == 1
        writer.close()
        await until(lambda: served.recorder.statuses == [GONE])
        (receiver,) = served.queue.receivers
        assert not receiver.done(), "its result is still counted"
        assert served.draining.active == 0
        receiver.set_result(RESULT)
        assert served.answered == ["/hot"]
        assert receiver.done()
        assert served.recorder.statuses == [GONE]


async def test_nothing_remains_of_a_closed_connection() -> None:
    async with serving() as (served, connect):
        streams = [await connect() for _ in range(5)]
        for _, writer in streams:
            writer.write(REQUEST * 3)
        await until(lambda: len(served.queue.receivers) == 5)
        while served.queue.receivers:
            served.queue.receivers.pop().set_result(RESULT)
        await until(lambda: len(served.queue.receivers) == 5)
        for _, writer in streams:
            writer.close()
        await until(lambda: not served.state.connections)
        served.queue.receivers.clear()
        await asyncio.sleep(0)
        gc.collect()
        assert not [each for each in gc.get_objects() if isinstance(each, Exchange | Connection)]


async def test_a_stopping_process_asks_the_client_to_close() -> None:
    async with serving() as (served, connect):
        reader, writer = await connect()
        writer.write(REQUEST + REQUEST)
        await until(lambda: len(served.queue.receivers) == 1)
        served.draining.began = True
        served.queue.receivers[0].set_result(RESULT)
        received = await reader.read()
        assert b"\r\nconnection: close\r\n" in received
        assert received.count(b"HTTP/1.1 200 OK") == 1


async def test_many_requests_of_one_connection_do_not_delay_the_others() -> None:
    """They are refused immediately, so nothing of them waits for a batch."""
    async with serving() as (served, connect):
        (_, first), (second, other) = await connect(), await connect()
        await until(lambda: len(served.state.connections) == 2)
        first.write(REFUSED * 5_000)
        other.write(REFUSED)
        assert await second.readline() == b"HTTP/1.1 401 Unauthorized\r\n"
        assert len(served.recorder.statuses) < 2_500
