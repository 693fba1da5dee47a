"""Refusals of a key by reason and day."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.check import check_usage
from projections.read_models.usage.key_details import details_by_day, details_by_hour
from projections.read_models.usage.key_report import key_report
from projections.read_models.usage.report import Denial
from projections.read_models.usage.span import Span
from tests.architecture.conftest import ROOT
from tests.projections.usage.uses import append, some_of_everything, used

pytestmark = pytest.mark.anyio

KEY, OTHER = "key_a", "key_b"
AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
SPAN = Span((AT - timedelta(days=2)).date(), AT.date())


async def test_refusals_are_counted_by_reason_and_day(connection: Connection) -> None:
    yesterday = AT - timedelta(days=1)
    await append(connection, "p", yesterday, [used(KEY, yesterday, code="rate_limited")])
    refused = [used(KEY, AT, code=code) for code in ("rate_limited", "ip_not_permitted", "rate_limited")]
    ignored = [used(KEY, AT), used(KEY, AT, action="manage", code="forbidden"), used(OTHER, AT, code="forbidden")]
    await append(connection, "p", AT, [*refused, *ignored])
    await run_projection(connection, USAGE, 10)
    assert (await key_report(connection, KEY, SPAN)).denials == [
        Denial("rate_limited", 3),
        Denial("ip_not_permitted", 1),
    ]
    days = await details_by_day(connection, KEY, SPAN)
    assert {start: details.denied for start, details in days.items()} == {
        SPAN.since: {},
        yesterday.date(): {"rate_limited": 1},
        AT.date(): {"rate_limited": 2, "ip_not_permitted": 1},
    }


async def test_days_are_the_sums_of_their_hours(connection: Connection) -> None:
    dice = random.Random(3)  # noqa: S311 -- no secret
    for _ in range(6):
        at = AT - timedelta(hours=dice.randrange(60))
        await append(connection, "p", at, some_of_everything(dice, [KEY, OTHER], at, 40))
    await run_projection(connection, USAGE, 10)
    days, hours = await details_by_day(connection, KEY, SPAN), await details_by_hour(connection, KEY, SPAN)
    assert any(details.denied for details in days.values())
    assert any(details.calls for details in days.values())
    for date, day in days.items():
        within = [details for hour, details in hours.items() if hour.date() == date]
        assert day.calls == sum(details.calls for details in within)
        for reason in {reason for details in [day, *within] for reason in details.denied}:
            assert day.denied.get(reason) == sum(details.denied.get(reason, 0) for details in within)


async def test_the_check_finds_a_wrong_reason(connection: Connection, owner: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT, code="rate_limited")])
    await run_projection(connection, USAGE, 10)
    assert await check_usage(owner) == []
    await owner.execute(b"update key_refusal_days set denied = 2")
    assert await check_usage(owner) == ["I8 key key_a on 2026-03-04: 1 refusals by tool, 2 by reason"]


async def test_the_days_of_an_older_database_are_derived_from_its_hours(
    connection: Connection, owner: Connection
) -> None:
    dice = random.Random(7)  # noqa: S311 -- no secret
    for turn in range(3):
        at = AT - timedelta(hours=20 * turn)
        await append(connection, "p", at, some_of_everything(dice, [KEY, OTHER], at, 40))
    await run_projection(connection, USAGE, 10)
    counted = (await key_report(connection, KEY, SPAN)).denials
    assert counted
    script = (ROOT / "projections/read_models/usage/schema_0003_refusals.sql").read_bytes()
    (derive,) = [part for part in script.split(b";") if b"insert into key_refusal_days" in part]
    await owner.execute(b"delete from key_refusal_days")
    await owner.execute(derive)
    assert (await key_report(connection, KEY, SPAN)).denials == counted
    assert await check_usage(owner) == []
