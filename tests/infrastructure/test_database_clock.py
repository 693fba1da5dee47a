"""The clock is corrected by the database's clock, regardless of the latency of the database."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from freezegun import freeze_time

from infrastructure.clock import correct_by, correction, now, own_now
from infrastructure.database.clock import DIFFERENCE_MAX, apply_reading, difference, differs, read_clock
from infrastructure.database.connections import connect

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def uncorrected() -> Iterator[None]:
    yield
    correct_by(timedelta(0))


@pytest.mark.parametrize(
    ("database", "ahead"),
    [
        (NOON, 0 * SECOND),
        (NOON + SECOND, 0 * SECOND),
        (NOON + 3 * SECOND, 0 * SECOND),
        (NOON - 5 * SECOND, 5 * SECOND),
        (NOON + 10 * SECOND, -7 * SECOND),
    ],
)
def test_latency_is_subtracted_from_the_difference(database: datetime, ahead: timedelta) -> None:
    assert difference(NOON, database, NOON + 3 * SECOND) == ahead


def test_a_correction_that_explains_the_next_reading_is_unchanged() -> None:
    apply_reading(NOON, NOON - 600 * SECOND, NOON)
    assert correction() == -600 * SECOND
    apply_reading(NOON, NOON - 599 * SECOND, NOON + 2 * SECOND)
    assert correction() == -600 * SECOND
    apply_reading(NOON, NOON, NOON)
    assert correction() == 0 * SECOND


@pytest.mark.anyio
async def test_processes_on_one_machine_agree(database_url: str) -> None:
    async with await connect(database_url, role=None) as connection:
        assert await read_clock(connection) == timedelta(0)
    assert now() - own_now() < SECOND
    assert not differs()


@pytest.mark.anyio
@pytest.mark.parametrize("ahead", [timedelta(minutes=10), -timedelta(days=3)])
async def test_a_wrong_clock_is_detected_and_corrected(database_url: str, ahead: timedelta) -> None:
    actual = own_now()
    async with await connect(database_url, role=None) as connection:
        with freeze_time(actual + ahead, real_asyncio=True):
            found = await read_clock(connection)
            assert actual <= now() <= actual + 60 * SECOND
            assert differs()
    assert ahead - 60 * SECOND <= found <= ahead
    assert abs(found) > DIFFERENCE_MAX
