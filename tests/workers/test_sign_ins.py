"""Expired data of sign-ins is removed, and no other."""

from datetime import timedelta

import pytest
from freezegun import freeze_time

from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, pool
from tests.waiting import GENEROUS_TIMEOUTS
from workers.jobs.purge_sign_ins import forget

pytestmark = pytest.mark.anyio

ROWS = b"""
insert into sessions (session_id, digest, user_id, organization_id, method, started_at, last_seen_at, expires_at)
values ('ses_over', 'a', 'user_x', 'org_x', 'link', %(at)s, %(at)s, %(at)s),
       ('ses_on', 'b', 'user_x', 'org_x', 'link', %(at)s, %(at)s, %(later)s);
"""
LINKS = b"""
insert into sign_in_links (digest, user_ids, method, created_at, expires_at)
values ('a', '{}', 'link', %(at)s, %(old)s), ('b', '{}', 'link', %(at)s, %(at)s)
"""
RATES = b"insert into sign_in_rates (bucket, full_at) values ('a', %(at)s), ('b', %(later)s)"
FAILURES = b"insert into sign_in_failures (at, reason, user_ids) values (%(oldest)s, 'x', '{}'), (%(at)s, 'x', '{}')"
MAILS = b"""
insert into mail_outbox (mail_id, created_at, due_at, expires_at)
values ('mail_old', %(oldest)s, %(at)s, %(at)s), ('mail_new', %(at)s, %(at)s, %(at)s)
"""
COUNTS = b"""
select (select array_agg(session_id) from sessions), (select count(*) from sign_in_links),
       (select count(*) from sign_in_rates), (select count(*) from sign_in_failures),
       (select array_agg(mail_id) from mail_outbox)
"""


async def test_only_expired_sign_in_data_is_removed(database_url: str) -> None:
    with freeze_time("2026-06-01 12:00:00", real_asyncio=True):
        at = now()
        times = {
            "at": at,
            "later": at + timedelta(hours=1),
            "old": at - timedelta(days=1),
            "oldest": at - timedelta(days=90),
        }
        async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as connections:
            async with connections.connection() as connection:
                await connection.execute(b"set role none")
                for statement in (ROWS, LINKS, RATES, FAILURES, MAILS):
                    await connection.execute(statement, times)
                await connection.execute(b"reset role")
            await forget(connections)
            await forget(connections)
            async with connections.connection() as connection:
                row = await (await connection.execute(COUNTS)).fetchone()
    assert row == (["ses_on"], 1, 1, 1, ["mail_new"])
