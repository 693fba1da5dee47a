"""Delays between retries, and a client that many threads share."""

import httpx2
import pytest

from keyledger import Keyledger, Retries, Unavailable, Unreachable
from keyledger.call import Repeat
from keyledger.retries import Attempts
from tests.app.client import concurrently
from tests.app.organizations import Api, Organization

_RETRIES = Retries(attempts=6, first_seconds=0.5, longest_seconds=2.0)


def _pauses(after: float) -> list[float]:
    """Return the delays of one call that is refused until no attempts are left."""
    attempts = Attempts("http://127.0.0.1", _RETRIES, Repeat.FREELY)
    pauses: list[float] = []
    while isinstance(pause := attempts.after_refusal(Unavailable("unavailable", 503, "", retry_after=after)), float):
        pauses.append(pause)
    return pauses


@pytest.mark.parametrize("after", [0.0, 3.0])
def test_delays_grow_up_to_a_limit_vary_and_are_never_shorter_than_retry_after(after: float) -> None:
    many = [_pauses(after) for _ in range(400)]
    assert {len(pauses) for pauses in many} == {5}
    for number, longest in enumerate([0.5, 1.0, 2.0, 2.0, 2.0]):
        column = [pauses[number] - after for pauses in many]
        assert 0 <= min(column) < longest / 10, "full jitter starts at zero"
        assert longest * 0.9 < max(column) <= longest


def test_a_lost_response_is_remembered_if_later_attempts_cannot_connect() -> None:
    attempts = Attempts("http://127.0.0.1", Retries(attempts=2, first_seconds=0), Repeat.FREELY)
    assert attempts.after_no_answer(httpx2.ReadError("cut")) == 0.0
    ended = attempts.after_no_answer(httpx2.ConnectError("refused"))
    assert isinstance(ended, Unreachable)
    assert ended.may_have_happened


def test_threads_share_a_client(api: Api, org: Organization) -> None:
    with Keyledger(api.url, org.manager.secret) as client:
        made = concurrently(range(20), lambda number: client.keys.create(f"Key {number}"))
        assert len({key.id for key in made}) == 20
        assert all(answer.valid for answer in concurrently(made, lambda key: client.verify(key.key)))
