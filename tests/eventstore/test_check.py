"""`python -m eventstore check` detects damage that only a user with all privileges can do."""

import json
import re
from collections.abc import Callable
from typing import Any, LiteralString, NamedTuple

import psycopg
import pytest

from eventstore.lanes import lane_of
from eventstore.usage_batch import Batch
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from projections.registry import READ_MODELS
from tests import seed
from tests.eventstore.changes import rename
from tests.eventstore.pipelines import append
from tests.programs import run_program
from tests.projections.usage.uses import used
from tests.terminals import on_terminal

pytestmark = pytest.mark.anyio

Superuser = psycopg.AsyncConnection[tuple[object, ...]]


class Log(NamedTuple):
    """An organization (position 1 of its lane), a key (2), another key (3), a change to the first key (4), and two
    uses.
    """

    organization_id: str
    lane: int
    key_id: str
    other_key_id: str
    usage_lane: int


@pytest.fixture
async def log(connections: Pool, connection: Connection) -> Log:
    organization_id = await seed.organization(connections)
    key_id, _ = await seed.key(connections, organization_id)
    other_key_id, _ = await seed.key(connections, organization_id)
    await rename(connections, organization_id, key_id, "New name")
    for sequence in (1, 2):
        batch = Batch("p", sequence, now(), [used(key_id, now(), organization_id=organization_id)])
        await append(connection, batch)
    return Log(organization_id, lane_of(organization_id), key_id, other_key_id, batch.lane)


def run_check(database_url: str) -> tuple[int, str]:
    """Run the check and return its exit code and first line."""
    ran = run_program("eventstore", "check", environment={"DATABASE_URL": database_url})
    assert ran.stderr == ""
    return ran.returncode, ran.stdout.partition("\n")[0]


async def damage(superuser: Superuser, statement: LiteralString, parameters: dict[str, object]) -> None:
    await superuser.execute("set session_replication_role = replica")
    changed = await superuser.execute(statement, parameters)
    assert changed.rowcount == 1


async def test_an_undamaged_log_is_sound(log: Log, database_url: str) -> None:
    assert run_check(database_url) == (0, "sound: 4 events in 3 streams, 2 uses in 2 batches")


def _as_json(word: str, database_url: str) -> tuple[int, dict[str, Any]]:
    environment = {"DATABASE_URL": database_url, "KEYLEDGER_MIGRATION_DATABASE_URL": database_url}
    ran = run_program("eventstore", word, "--json", environment=environment)
    assert ran.stderr == ""
    return ran.returncode, json.loads(ran.stdout)


async def test_json_is_one_document(log: Log, database_url: str, superuser: Superuser) -> None:
    code, document = _as_json("migrate", database_url)
    assert (code, document["applied"]) == (0, [])
    revised = sorted(model.name for model in READ_MODELS if model.revision > 1)
    assert [line.partition(":")[0] for line in document["read_models"]] == revised
    assert _as_json("migrate", database_url)[1]["read_models"] == []
    sound: dict[str, Any] = {
        "ok": True,
        "violations": [],
        "events": 4,
        "streams": 3,
        "uses": 2,
        "batches": 2,
        "schema_compared": True,
    }
    assert _as_json("check", database_url) == (0, sound)
    statement: LiteralString = "delete from events where lane = %(lane)s and position = 4"
    await damage(superuser, statement, {"lane": log.lane})
    code, document = _as_json("check", database_url)
    assert (code, document["ok"]) == (1, False)
    assert document["violations"][0] == f"I1 lifecycle lane {log.lane}: its head is 4, its last position 3"


async def test_the_progress_of_a_check_reaches_the_end_on_a_terminal(log: Log, database_url: str) -> None:
    seen = on_terminal(["eventstore", "check"], {"DATABASE_URL": database_url}, only_errors=True)
    assert (seen.code, seen.piped) == (0, "sound: 4 events in 3 streams, 2 uses in 2 batches\n")
    assert re.search(r"checking the log .*100% 6 of 6 positions, [\d,]+/s", seen.text)


DAMAGES: dict[str, tuple[LiteralString, Callable[[Log], str]]] = {
    "a gap": (
        "delete from events where lane = %(lane)s and position = 3",
        lambda log: f"I1 lifecycle lane {log.lane}: expected position 3, found 4",
    ),
    "a missing last event": (
        "delete from events where lane = %(lane)s and position = 4",
        lambda log: f"I1 lifecycle lane {log.lane}: its head is 4, its last position 3",
    ),
    "a head set back": (
        "update lane_heads set head = 3 where log = 'lifecycle' and lane = %(lane)s",
        lambda log: f"I1 lifecycle lane {log.lane}: its head is 3, its last position 4",
    ),
    "a wrong version": (
        (
            "update events set version = 3, body = convert_to("
            "replace(convert_from(body, 'utf8'), '\"version\":2', '\"version\":3'), 'utf8')"
            " where lane = %(lane)s and position = 4"
        ),
        lambda log: f"I2 stream {log.key_id} version 3: follows version 1",
    ),
    "a broken chain": (
        (
            "update events set body = convert_to(regexp_replace(convert_from(body, 'utf8'), '\"previous\":\"....',"
            " '\"previous\":\"0000'), 'utf8') where lane = %(lane)s and position = 4"
        ),
        lambda log: f"I2 stream {log.key_id} version 2: does not name the hash of the one before",
    ),
    "an edited body": (
        (
            "update events set body = convert_to(replace(convert_from(body, 'utf8'), 'Deploy', 'Devour'), 'utf8')"
            " where lane = %(lane)s and position = 2"
        ),
        lambda log: f"I2 stream {log.key_id} version 2: does not name the hash of the one before",
    ),
    "an edited last body": (
        (
            "update events set body = convert_to(replace(convert_from(body, 'utf8'), 'New name', 'Old name'), 'utf8')"
            " where lane = %(lane)s and position = 4"
        ),
        lambda log: f"I4 key_state {log.key_id}: differs from the log",
    ),
    "an unreadable body": (
        (
            "update events set body = convert_to(replace(convert_from(body, 'utf8'), 'previous', 'lost'), 'utf8')"
            " where lane = %(lane)s and position = 2"
        ),
        lambda log: (
            f"I2 lifecycle lane {log.lane} position 2: "
            "these bytes are no record: Object missing required field `previous`"
        ),
    ),
    "an edited column": (
        "update events set occurred_at = occurred_at - interval '1 hour' where lane = %(lane)s and position = 2",
        lambda log: f"I2 stream {log.key_id} version 1: differs from the columns of its row",
    ),
    "another organization's event": (
        "update events set organization_id = 'org_x' where lane = %(lane)s and position = 2",
        lambda log: f"I2 stream {log.key_id} version 1: differs from the columns of its row",
    ),
    "a stream row that differs": (
        "update streams set version = 9 where stream_id = %(key_id)s",
        lambda log: (
            f"I2 stream {log.key_id}: the table says ('api_key', '{log.organization_id}', 9), "
            f"the log ('api_key', '{log.organization_id}', 2)"
        ),
    ),
    "a state that differs": (
        (
            "update key_state set state = convert_to(replace(convert_from(state, 'utf8'), 'active', 'revoked'), 'utf8')"
            " where key_id = %(key_id)s"
        ),
        lambda log: f"I4 key_state {log.key_id}: differs from the log",
    ),
    "a missing state": (
        "delete from key_state where key_id = %(key_id)s",
        lambda log: f"I4 key_state {log.key_id}: is missing",
    ),
    "a missing secret": (
        "delete from key_secrets where key_id = %(key_id)s",
        lambda log: f"I4 key_secrets: version 1 of {log.key_id} is missing or leads elsewhere",
    ),
    "a secret that belongs to another key": (
        "update key_secrets set key_id = %(other_key_id)s where key_id = %(key_id)s",
        lambda log: f"I4 key_secrets: version 1 of {log.key_id} is missing or leads elsewhere",
    ),
    "an extra secret": (
        "insert into key_secrets values ('abc', %(key_id)s, %(organization_id)s, 7)",
        lambda log: f"I4 key_secrets: 2 lead to {log.key_id}, and the log gave it 1",
    ),
    "a list row that differs": (
        "update key_list set status = 'revoked' where key_id = %(key_id)s",
        lambda log: f"I4 key_list {log.key_id}: differs from the log",
    ),
    "a guard that differs": (
        "update organization_guard set keys_active = 1",
        lambda log: f"I4 organization_guard {log.organization_id}: differs from the log",
    ),
    "a missing use": (
        "delete from usage_events where batch_no = 1",
        lambda log: f"I8 usage lane {log.usage_lane} batch 1: says 1 events, holds 0",
    ),
    "an extra use": (
        (
            "insert into usage_events select lane, batch_no, 1, occurred_at, 'evt', kind, action, code,"
            " organization_id, key_id, caller_key_id, mcp_id, tool, secret_version, call_id, latency_ms, billed, body"
            " from usage_events where batch_no = 2"
        ),
        lambda log: f"I8 usage lane {log.usage_lane} batch 2: says 1 events, holds 2",
    ),
    "a wrong size": (
        "update usage_batches set size = 3 where batch_no = 2",
        lambda log: f"I8 usage lane {log.usage_lane} batch 2: says 3 events, holds 1",
    ),
    "a missing batch": (
        "delete from usage_batches where batch_no = 1",
        lambda log: f"I1 usage lane {log.usage_lane}: expected position 1, found 2",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
async def test_each_damage_is_reported(log: Log, superuser: Superuser, database_url: str, name: str) -> None:
    statement, expected_message = DAMAGES[name]
    await damage(superuser, statement, log._asdict())
    assert run_check(database_url) == (1, f"VIOLATION {expected_message(log)}")


async def test_a_removed_event_is_detected_even_if_the_later_ones_are_renumbered(
    log: Log, superuser: Superuser, database_url: str
) -> None:
    await damage(superuser, "delete from events where lane = %(lane)s and position = 3", log._asdict())
    await damage(superuser, "update events set position = 3 where lane = %(lane)s and position = 4", log._asdict())
    await damage(superuser, "update lane_heads set head = 3 where log = 'lifecycle' and lane = %(lane)s", log._asdict())
    code, line = run_check(database_url)
    assert (code, line.split(":")[0]) == (1, f"VIOLATION I2 stream {log.other_key_id}")
