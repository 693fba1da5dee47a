import os
import signal
import threading
import time
from pathlib import Path

import redis

from embedded.valkey import Valkey


def _client(server: Valkey) -> redis.Redis:
    return redis.Redis.from_url(server.url, decode_responses=True)  # pyright: ignore[reportUnknownMemberType]


def test_written_data_survives_a_stop(tmp_path: Path) -> None:
    with Valkey(tmp_path / "data") as server, _client(server) as client:
        client.set("kept", "yes")
        address = server.url
        server.stop()
        server.start()
        assert server.url == address
        assert client.get("kept") == "yes"


def test_a_killed_server_starts_again_on_its_stale_socket(tmp_path: Path) -> None:
    with Valkey(tmp_path / "data") as server, _client(server) as client:
        server.kill()
        server.start()
        assert client.ping() is True  # pyright: ignore[reportUnknownMemberType]


def test_the_socket_gets_a_short_path_if_that_of_the_folder_is_too_long(tmp_path: Path) -> None:
    with Valkey(tmp_path / ("x" * 100) / "a b" / "data") as server, _client(server) as client:
        assert client.ping() is True  # pyright: ignore[reportUnknownMemberType]
        short = Path(server.url.removeprefix("unix://")).parent
        assert short.exists()
    assert not short.exists()


def test_jobs_are_never_evicted_and_every_write_is_logged(valkey: Valkey) -> None:
    with _client(valkey) as client:
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}  # pyright: ignore[reportUnknownMemberType]
        assert client.config_get("appendonly") == {"appendonly": "yes"}  # pyright: ignore[reportUnknownMemberType]


def test_each_test_gets_an_empty_valkey(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:  # pyright: ignore[reportUnknownMemberType]
        assert client.dbsize() == 0  # pyright: ignore[reportUnknownMemberType]


def test_a_paused_server_is_waited_for_at_start_and_stopped_cleanly(tmp_path: Path) -> None:
    server = Valkey(tmp_path / "data")
    server.launch()
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    starting = threading.Thread(target=server.start)
    starting.start()
    time.sleep(1)
    assert starting.is_alive()
    os.kill(server.process.pid, signal.SIGCONT)
    starting.join()
    os.kill(server.process.pid, signal.SIGSTOP)
    server.stop()
    assert server.process.returncode == 0


def test_a_server_of_an_earlier_process_is_stopped_before_another_starts(tmp_path: Path) -> None:
    left = Valkey(tmp_path / "data")
    left.start()
    with Valkey(tmp_path / "data") as server, _client(server) as client:
        assert client.ping() is True  # pyright: ignore[reportUnknownMemberType]
    assert left.process is not None
    assert left.process.wait() == 0
