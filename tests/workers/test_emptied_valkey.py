"""FLUSHALL in the middle: mails that wait are sent and anomalies that wait are told, once each, without a hand."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from domain.actor import SystemActor
from domain.alerts.events import AlertRaised
from domain.alerts.expiry_stages import Stage, expiry_alert
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from tests import seed
from tests.projections.usage.uses import append, used
from tests.workers import hooks
from tests.workers.conftest import Start
from tests.workers.log_view import an_expiry_is_recorded, eventually, number
from tests.workers.mail_server import mail_server
from tests.workers.valkey_view import View
from workers.raise_alert import raise_alert

pytestmark = pytest.mark.anyio

_UNKNOWN = 25
_TRIES = 10


async def test_mails_and_anomalies_that_wait_outlast_it(
    connections: Pool, start: Start, view: View, tmp_path: Path
) -> None:
    with mail_server() as server:
        mailbox = server.mailbox
        mailbox.refusals = ["451 Later"] * 1_000
        settings = {**hooks.SETTINGS, "SMTP_URL": f"smtp://127.0.0.1:{server.port}", "MAIL_FROM": "keys@example.org"}
        start("run", **settings)
        start("schedule", **settings)
        mailed, told = await seed.organization(connections), await seed.organization(connections)
        people = {await seed.member(connections, mailed, "owner"), await seed.member(connections, told, "owner")}
        alert = expiry_alert("key_1", mailed, now() + timedelta(days=7), Stage(7, now()), now())
        assert await raise_alert(connections, SystemActor("tests"), alert)

        async def one_was_refused() -> bool:
            async with connections.connection() as connection:
                return await number(connection, b"select max(attempts) from mail_outbox") > 0

        await eventually(one_was_refused)
        signs = await _emptied_while_signs_wait(connections, view, told)
        mailbox.refusals.clear()

        async def everything_is_told() -> bool:
            arrived = {address for _, (address,), _ in mailbox.messages}
            return arrived == {f"{user_id}@example.com" for user_id in people} and await _settled(connections)

        await eventually(everything_is_told)
        await an_expiry_is_recorded(connections, told)  # and whatever was to come twice had its turn once more
        assert await _raised(connections, told) == dict.fromkeys(signs, 1)
        assert len(mailbox.messages) == len(people)
    assert not [log for log in _logs(tmp_path) if "job_failed" in log]


def _logs(folder: Path) -> list[str]:
    return [log.read_text() for log in folder.glob("*.log")]


async def _emptied_while_signs_wait(pool: Pool, view: View, organization_id: str) -> list[object]:
    """What alerts have to be about, the last of them not raised yet when Valkey forgot everything."""
    subjects: list[object] = []
    for _ in range(_TRIES):
        key_id, _ = await seed.key(pool, organization_id)
        address = f"192.0.2.{len(subjects)}"
        at = now()
        unknown = [used(None, at, code="unauthorized") for _ in range(_UNKNOWN)]
        uses = [msgspec.structs.replace(use, organization_id=organization_id, ip=address) for use in unknown]
        async with pool.connection() as connection:
            over = [used(key_id, at, code="revoked_key", organization_id=organization_id) for _ in range(2)]
            await append(connection, "p", at, [*over, *uses])
        subjects += [key_id, address]

        async def they_are_noted(about: tuple[str, str] = (key_id, address)) -> bool:
            return {*about} <= {*await _waiting(pool), *await _raised(pool, organization_id)}

        await eventually(they_are_noted)
        view.forget_everything()
        if not {key_id, address} & {*await _raised(pool, organization_id)}:
            return subjects
    pytest.fail("workers were always faster")


async def _waiting(pool: Pool) -> set[str]:
    async with pool.connection() as connection:
        return {subject for (subject,) in await (await connection.execute(_SIGNS)).fetchall()}


_SIGNS = b"select subject from anomaly_signals where kind in ('denied', 'unknown')"


async def _settled(pool: Pool) -> bool:
    """Nothing is left to be judged."""
    async with pool.connection() as connection:
        return await number(connection, b"select count(*) from anomaly_signals") == 0


async def _raised(pool: Pool, organization_id: str) -> Counter[object]:
    """Anomalies, by the key or the address."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    raised = [
        each.event
        for each in recorded
        if isinstance(each.event, AlertRaised) and each.record.organization_id == organization_id
    ]
    return Counter(alert.key_id or alert.numbers["address"] for alert in raised)
