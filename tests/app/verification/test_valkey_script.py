"""A script call gets its own answer or an error, whatever happens to its connection."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import redis
from redis.exceptions import RedisError, ResponseError

from app.verification.valkey_script import ValkeyScript
from embedded.valkey import Valkey
from tests.interrupting import INTERRUPTING, MOMENTS, Moment, cancelled_everywhere

pytestmark = INTERRUPTING

CONNECT_SECONDS = 20.0
ECHO = "return ARGV[1]"


def echo(url: str, script: str = ECHO) -> ValkeyScript:
    return ValkeyScript(url, script, CONNECT_SECONDS)


@asynccontextmanager
async def answering(*replies: bytes, closes: bool = False) -> AsyncGenerator[str]:
    """Yield the URL of a server that answers the first commands of each connection with +OK, and a call with `replies`.

    `closes`: it closes the connection after each call.
    """

    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        while received := await reader.read(1 << 16):
            if b"EVAL" not in received:
                writer.write(b"+OK\r\n" * received.count(b"*"))
                continue
            for reply in replies:
                writer.write(reply)
                await writer.drain()
                await asyncio.sleep(0.01)
            if closes:
                break
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)


async def test_concurrent_calls_get_their_own_answers(redis_url: str) -> None:
    script = echo(redis_url)
    texts = [f"text {number}" for number in range(20)]
    for _ in range(3):
        answers = await asyncio.gather(*[script.run(0, [text]) for text in texts])
        assert answers == [text.encode() for text in texts]
    script.disconnect()


async def test_calls_one_after_the_other_share_a_connection(redis_url: str) -> None:
    with cast("Any", redis.Redis).from_url(redis_url) as client:
        before = client.info("stats")["total_connections_received"]
        script = echo(redis_url)
        for number in range(5):
            assert await script.run(0, [f"{number}"]) == f"{number}".encode()
        assert client.info("stats")["total_connections_received"] == before + 1
        script.disconnect()


async def test_the_database_user_and_password_of_the_url_are_used(redis_url: str) -> None:
    with cast("Any", redis.Redis).from_url(redis_url) as client:
        client.execute_command("ACL", "SETUSER", "limits", "on", ">pass@word", "~*", "+@all")
        client.execute_command("SELECT", "0")
        try:
            separator = "&" if "?" in redis_url else "?"
            script = echo(
                f"{redis_url}{separator}db=3&username=limits&password=pass%40word",
                "return redis.call('SET', KEYS[1], 'x')",
            )
            await script.run(1, ["where"])
            assert "limits" in {each["user"] for each in client.client_list()}
            script.disconnect()
            client.execute_command("SELECT", "3")
            assert client.execute_command("EXISTS", "where") == 1
        finally:
            client.execute_command("ACL", "DELUSER", "limits")


async def test_a_connection_that_valkey_closed_is_replaced(redis_url: str, valkey: Valkey) -> None:
    script = echo(redis_url)
    await script.run(0, ["before"])
    valkey.kill()
    valkey.start()
    assert await script.run(0, ["after"]) == b"after"
    script.disconnect()


async def test_an_error_of_the_script_is_raised_and_the_connection_stays_usable(redis_url: str) -> None:
    script = echo(redis_url, "if ARGV[1] == 'fail' then return redis.error_reply('ERR no') end return ARGV[1]")
    with pytest.raises(ResponseError, match="no"):
        await script.run(0, ["fail"])
    assert await script.run(0, ["works"]) == b"works"
    script.disconnect()


@pytest.mark.parametrize(
    "replies",
    [
        (b":1\r\n:2\r\n",),
        (b"not a reply\r\n",),
        (b"$2000000\r\n", b"x" * 2_000_002),
        (b"-ERR broken\r\n",),
    ],
    ids=["two replies", "no reply", "huge", "error"],
)
async def test_a_broken_reply_is_an_error(replies: tuple[bytes, ...]) -> None:
    async with answering(*replies) as url:
        script = echo(url)
        with pytest.raises(RedisError):
            await script.run(0, ["text"])
        script.disconnect()


async def test_a_reply_in_pieces_is_one_answer() -> None:
    async with answering(b"*2\r\n:1", b"2\r\n$3\r", b"\nabc\r\n") as url:
        script = echo(url)
        assert await script.run(0, ["text"]) == [12, b"abc"]
        script.disconnect()


async def test_a_server_that_closes_within_a_reply_is_an_error() -> None:
    async with answering(b"*2\r\n:1\r\n", closes=True) as url:
        script = echo(url)
        with pytest.raises(RedisError):
            await script.run(0, ["text"])
        script.disconnect()


async def test_a_late_second_reply_is_not_the_answer_of_the_next_call() -> None:
    async with answering(b":1\r\n", b":2\r\n") as url:
        script = echo(url)
        for _ in range(3):
            assert await script.run(0, ["text"]) == 1
            await asyncio.sleep(0.1)
        script.disconnect()


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_call_that_is_cancelled_while_connecting_affects_no_other(redis_url: str, moment: Moment) -> None:
    awaits = 0
    async for at in cancelled_everywhere(lambda: _connect_and_run(redis_url), moment):
        script = echo(redis_url)
        assert await script.run(0, [f"{at}"]) == f"{at}".encode()
        script.disconnect()
        awaits += 1
    assert awaits >= 3


async def _connect_and_run(url: str) -> None:
    script = echo(url)
    await script.run(0, ["text"])
    script.disconnect()
