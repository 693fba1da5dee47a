"""FLUSHALL during work: waiting mails are sent and waiting anomalies raise alerts, once each, without an operator."""

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
from tests.workers.log_view import eventually, number, wait_for_an_expiry
from tests.workers.mail_server import mail_server
from tests.workers.valkey_view import View
from workers.raise_alert import raise_alert

pytestmark = pytest.mark.anyio

_UNKNOWN = 25
_TRIES = 10


async def test_waiting_mails_and_anomalies_survive_a_flush(
    connections: Pool, start: Start, view: View, tmp_path: Path
) -> None:
    with mail_server() as server:
        mailbox = server.mailbox
        mailbox.refusals = ["451 Later"] * 1_000
        settings = {**hooks.SETTINGS, "SMTP_URL": f"smtp://127.0.0.1:{server.port}", "MAIL_FROM": "keys@example.org"}
        start("run", **settings)
        start("schedule", **settings)
        mailed, alerted = await seed.organization(connections), await seed.organization(connections)
        people = {await seed.member(connections, mailed, "owner"), await seed.member(connections, alerted, "owner")}
        alert = expiry_alert("key_1", mailed, now() + timedelta(days=7), Stage(7, now()), now())
        assert await raise_alert(connections, SystemActor("tests"), alert)

        async def one_was_refused() -> bool:
            async with connections.connection() as connection:
                return await number(connection, b"select max(attempts) from mail_outbox") > 0

        await eventually(one_was_refused)
        subjects = await _flush_while_signals_wait(connections, view, alerted)
        mailbox.refusals.clear()

        async def everything_is_done() -> bool:
            arrived = {address for _, (address,), _ in mailbox.messages}
            return arrived == {f"{user_id}@example.com" for user_id in people} and await _settled(connections)

        await eventually(everything_is_done)
        await wait_for_an_expiry(connections, alerted)  # anything duplicated has had time to run again
        assert await _raised(connections, alerted) == dict.fromkeys(subjects, 1)
        assert len(mailbox.messages) == len(people)
    assert not [log for log in _logs(tmp_path) if "job_failed" in log]


def _logs(folder: Path) -> list[str]:
    return [log.read_text() for log in folder.glob("*.log")]


async def _flush_while_signals_wait(pool: Pool, view: View, organization_id: str) -> list[object]:
    """Return the subjects of expected alerts; the last of them is not raised before Valkey is flushed."""
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

        async def signals_are_recorded(about: tuple[str, str] = (key_id, address)) -> bool:
            return {*about} <= {*await _waiting(pool), *await _raised(pool, organization_id)}

        await eventually(signals_are_recorded)
        view.flush()
        if not {key_id, address} & {*await _raised(pool, organization_id)}:
            return subjects
    pytest.fail("the workers were always faster")


async def _waiting(pool: Pool) -> set[str]:
    async with pool.connection() as connection:
        return {subject for (subject,) in await (await connection.execute(_SIGNALS)).fetchall()}


_SIGNALS = b"select subject from anomaly_signals where kind in ('denied', 'unknown')"


async def _settled(pool: Pool) -> bool:
    """Return whether no signal is left to evaluate."""
    async with pool.connection() as connection:
        return await number(connection, b"select count(*) from anomaly_signals") == 0


async def _raised(pool: Pool, organization_id: str) -> Counter[object]:
    """Return the number of anomaly alerts by key or address."""
    async with pool.connection() as connection:
        recorded = await read_lifecycle(connection, lane_of(organization_id), 0, 100_000)
    raised = [
        each.event
        for each in recorded
        if isinstance(each.event, AlertRaised) and each.record.organization_id == organization_id
    ]
    return Counter(alert.key_id or alert.numbers["address"] for alert in raised)
