"""A month of history for a demo organization: its figures, its states, its incident, and that the log is sound."""

import asyncio
import json
import random
from base64 import b64encode
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import psycopg
import pytest
import redis

from app.admin.demo_data.command import create
from app.admin.demo_data.create import create_demo_data
from app.admin.demo_data.dice import Dice
from app.admin.demo_data.keys import FATES, LEAKED_NAME, Ids, plan_keys
from app.admin.demo_data.northwind import FOREIGN, PEOPLE, SERVERS
from app.admin.organizations import create_organization
from domain.plans.plan import PLANS
from domain.refusal import Conflict
from embedded.postgres import PostgreSQL
from eventstore.check import check
from infrastructure.cli import NotPossible
from infrastructure.database.connections import WORKER_ROLE, connect, pool
from infrastructure.setting import API
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.engine.rebuild.rebuild import verify
from projections.registry import INLINE_CHECKS, REBUILDABLE, USAGE_CHECKS
from tests.databases import new_database
from tests.programs import run_program
from tests.waiting import GENEROUS_TIMEOUTS, stretched

pytestmark = pytest.mark.anyio

_END = datetime(2026, 3, 20, 15, tzinfo=UTC)
_FEW_USES = 2_000
_Rows = list[tuple[Any, ...]]


class _History(NamedTuple):
    """A database with the demo data, and the report of the command."""

    url: str
    report: Mapping[str, Any]

    def rows(self, query: str, *parameters: object) -> _Rows:
        with psycopg.connect(self.url) as connection:
            return connection.execute(query.encode(), parameters).fetchall()

    def value(self, query: str, *parameters: object) -> Any:  # noqa: ANN401 -- of any column
        return self.rows(query, *parameters)[0][0]


def _environment(url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": url,
        "KEYLEDGER_MASTER_KEY": b64encode(bytes(32)).decode(),
        "REDIS_URL": "redis://127.0.0.1:9",
    }


def _config(url: str, **settings: str) -> Settings:
    return Settings.from_environment({**_environment(url), **settings}, API)


@pytest.fixture(scope="module")
def history(postgres: PostgreSQL, migrated_template: str) -> Iterator[_History]:
    """The complete history, created by the command, and shared by tests that only read it."""
    with new_database(postgres, template=migrated_template) as url:
        words = ("demo-data", "--until", f"{_END:%Y-%m-%dT%H:%MZ}", "--json")
        ran = run_program("app", *words, environment=_environment(url), seconds=stretched(600))
        assert (ran.returncode, ran.stderr) == (0, "")
        yield _History(url, json.loads(ran.stdout))


@contextmanager
def _small_history(postgres: PostgreSQL, template: str) -> Generator[_History]:
    """A history with few uses, whose secrets come from the seed too."""
    with new_database(postgres, template=template) as url:
        secrets = random.Random(1).randbytes  # noqa: S311 -- of a test database
        made = asyncio.run(create_demo_data(_config(url), ends_at=_END, uses=_FEW_USES, secrets=secrets))
        assert made is not None
        yield _History(url, made._asdict())


@pytest.fixture(scope="module")
def small_history(postgres: PostgreSQL, migrated_template: str) -> Iterator[_History]:
    with _small_history(postgres, migrated_template) as made:
        yield made


def test_the_history_has_the_promised_figures(history: _History) -> None:
    created = history.report["created"]
    assert (created["keys"], created["mcps"], created["uses"]) == (300, 8, 40_000)
    assert history.value("select count(*) from key_list") == 300
    assert history.value("select count(*) from mcp_list") == 8
    assert history.value("select count(*) from usage_events where kind = 'used'") == 40_000
    assert history.value("select sum(total_requests) from key_usage") > 35_000
    assert history.value("select count(*) from alert_list") == created["alerts"]
    roles = dict(history.rows("select role, count(*) from member_list group by role"))
    assert (roles.keys(), sum(roles.values())) == (
        {"owner", "admin", "member", "auditor", "viewer"},
        created["members"],
    )
    assert created["members"] == len(PEOPLE) - 1, "one of them left"
    assert history.report["sign_in_link"].startswith("http://")
    assert history.value("select count(*) from sign_in_links") == 1


def test_the_keys_are_in_every_state(history: _History) -> None:
    statuses = dict(history.rows("select status, count(*) from key_list group by status"))
    revoked = FATES["revoked"] + FATES["of the leaver"] + FATES["leaked"]
    ended = {"expired": FATES["expired"], "disabled": FATES["disabled"], "revoked": revoked}
    assert statuses == {**ended, "active": 300 - sum(ended.values())}

    def number(condition: str, *parameters: object) -> int:
        return int(history.value(f"select count(*) from key_list where {condition}", *parameters))  # noqa: S608

    soon = _END + timedelta(days=14)
    assert number("status = 'active' and expires_at < %s", soon) == FATES["expiring"]
    assert number("secrets_end_at is not null") == FATES["rotating"]
    unused = "not exists (select from key_usage u where u.key_id = key_list.key_id and u.last_used is not null)"
    assert number(unused) >= FATES["never used"]
    idle = "exists (select from key_usage u where u.key_id = key_list.key_id and u.last_used < %s)"
    assert number(idle, _END - timedelta(days=90)) == FATES["long idle"]
    for condition in ("expires_at is null", "all_mcps", "environment = 'test'"):
        assert number(condition) >= 20, condition
    states = [json.loads(bytes(row[0])) for row in history.rows("select state from key_state")]
    keys = [state["key"] for state in states]
    assert len([key for key in keys if key["rate_limit"]]) >= 20
    assert len([key for key in keys if key["allowed_ips"]]) >= 20
    assert any(not key["name"].isascii() for key in keys)
    assert any(len(key["name"]) > 90 for key in keys)


def test_the_leaked_key_is_used_elsewhere_reported_and_revoked(history: _History) -> None:
    (key_id,) = history.rows("select key_id from key_list where name = %s", LEAKED_NAME)[0]
    state = json.loads(bytes(history.value("select state from key_state where key_id = %s", key_id)))
    assert (state["status"], state["reason"]) == ("revoked", "compromised")
    revoked_at = datetime.fromisoformat(state["revoked_at"])
    uses = history.rows(
        "select occurred_at, code from usage_events where key_id = %s and kind = 'used'"
        " and convert_from(body, 'UTF8')::json ->> 'ip' like %s order by occurred_at",
        key_id,
        f"{FOREIGN}.%",
    )
    assert len(uses) > 200
    assert {code for at, code in uses if at >= revoked_at} == {"revoked_key"}
    assert {"valid", "tool_not_permitted", "mcp_not_permitted"} == {code for at, code in uses if at < revoked_at}
    alerts = history.rows(
        "select type, severity, raised_at, acknowledged_at from alert_list where key_id = %s order by raised_at", key_id
    )
    assert [kind for kind, *_ in alerts] == [
        "api_key.new_location",
        "api_key.denied_burst",
        "api_key.unusual_volume",
        "api_key.denied_burst",
    ]
    assert uses[0][0] < alerts[0][2] < uses[0][0] + timedelta(minutes=1)
    assert all(acknowledged_at is not None for *_, acknowledged_at in alerts)
    others = history.rows("select distinct key_id from usage_events where body like %s::bytea", f'%"{FOREIGN}.%')
    assert others == [(key_id,)], "no other use comes from that network"


def test_the_month_has_working_days_and_quiet_weekends(history: _History) -> None:
    days = dict(
        history.rows(
            "select (occurred_at at time zone 'UTC')::date, count(*) from usage_events"
            " where occurred_at > %s group by 1",
            _END - timedelta(days=30),
        )
    )
    whole = sorted(days)[1:-1]
    assert len(whole) == 29
    work = [days[day] for day in whole if day.weekday() < 5]
    weekend = [days[day] for day in whole if day.weekday() >= 5]
    assert min(work) > 1.5 * max(weekend)
    assert len(history.rows("select distinct mcp_id, tool from usage_events where kind = 'completed'")) > 20
    assert history.value("select count(*) from usage_events where kind = 'completed' and code = 'error'") > 100
    assert history.value("select max(occurred_at) from usage_events") < _END


def test_alerts_webhooks_and_servers_have_different_states(history: _History) -> None:
    assert history.value("select count(*) from alert_list where acknowledged_at is null") >= 3
    assert history.value("select count(*) from alert_list where acknowledged_at is not null") >= 50
    deliveries = dict(history.rows("select status, count(*) from webhook_deliveries group by status"))
    assert deliveries.keys() == {"delivered", "failed", "pending"}
    assert history.value("select count(*) from webhook_endpoint_health where failing_since is not null") == 1
    assert history.value("select count(*) from webhook_list where status = 'disabled'") == 1
    assert history.value("select max(created_at) from webhook_deliveries") < _END
    health = dict(history.rows("select health, count(*) from mcp_health group by health"))
    assert health == {"healthy": len(SERVERS) - 1, "unhealthy": 1}
    assert history.value("select count(*) from anomaly_signals") == 0, "no worker reports the history again"


async def test_the_log_is_sound(history: _History) -> None:
    async with await connect(history.url, role=None, timeouts=GENEROUS_TIMEOUTS) as connection:
        report = await check(connection, INLINE_CHECKS, USAGE_CHECKS)
    assert report.ok, report.lines
    first_differences = {name: (await verify(history.url, model)).first for name, model in REBUILDABLE.items()}
    assert first_differences == dict.fromkeys(REBUILDABLE)


def test_every_change_is_in_the_order_of_time(history: _History) -> None:
    instants = [row[0] for row in history.rows("select occurred_at from events order by position")]
    assert instants == sorted(instants)
    assert instants[-1] < _END


def test_equal_arguments_give_equal_histories(
    small_history: _History, postgres: PostgreSQL, migrated_template: str
) -> None:
    with _small_history(postgres, migrated_template) as again:
        for query in (
            "select key_id, name, prefix, status, created_at, expires_at from key_list order by key_id",
            "select * from member_list order by user_id",
            "select batch_no, occurred_at, convert_from(body, 'UTF8') from usage_events order by batch_no, ordinal",
            "select stream_id, occurred_at, convert_from(body, 'UTF8')::json ->> 'data' from events order by position",
            "select event, status, created_at, failures from webhook_deliveries order by position, webhook_id",
            "select * from key_usage order by key_id",
        ):
            assert again.rows(query) == small_history.rows(query)


def test_another_seed_gives_another_history() -> None:
    ids = Ids({person.address: "user" for person in PEOPLE}, {server.path: server.path for server in SERVERS})
    one, other = ([key.name for key in plan_keys(Dice(seed), bytes, ids, _END)] for seed in (1, 2))
    assert len(one) == len(set(one)) == len(other) == 300
    assert one != other


async def test_a_second_run_adds_nothing(small_history: _History) -> None:
    query = "select log, lane, head from lane_heads order by log, lane"
    before = small_history.rows(query)
    assert await create_demo_data(_config(small_history.url), ends_at=_END, uses=_FEW_USES) is None
    assert small_history.rows(query) == before
    ran = await asyncio.to_thread(run_program, "app", "demo-data", environment=_environment(small_history.url))
    assert (ran.returncode, ran.stdout) == (0, "The demo organization northwind exists already; nothing added.\n")


async def test_other_organizations_stay_unchanged(database_url: str) -> None:
    async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as connections:
        theirs, _ = await create_organization(
            commands_on(connections), PLANS, "Theirs", "northwind", "team", "owner@their.example"
        )
    with pytest.raises(Conflict, match="northwind is not a demo"):
        await create_demo_data(_config(database_url), ends_at=_END, uses=_FEW_USES)
    made = await create_demo_data(_config(database_url), ends_at=_END, uses=_FEW_USES, slug="nordwind")
    assert made is not None
    history = _History(database_url, {})
    of_theirs = history.rows("select type from events where organization_id = %s order by position", theirs)
    assert of_theirs == [("organization.created",), ("team.member_added",)]
    members = "select count(*) from member_list where organization_id = %s"
    assert history.value(members, made.organization_id) == made.members


def test_a_history_that_ends_in_the_future_is_refused(database_url: str) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    with pytest.raises(NotPossible, match="--until is in the future"):
        create(_config(database_url), slug="northwind", seed=1, until=tomorrow, mcp_url=None, yes=True)


def test_it_is_refused_while_workers_run(database_url: str, redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:  # pyright: ignore[reportUnknownMemberType]
        client.sadd("rq:workers", "rq:worker:one")
        client.hset("rq:worker:one", "last_heartbeat", "2026-03-20T15:00:00.000000Z")
    with pytest.raises(NotPossible, match=r"Workers are running\. Stop them"):
        create(_config(database_url, REDIS_URL=redis_url), slug="northwind", seed=1, until=None, mcp_url=None, yes=True)
    assert _History(database_url, {}).value("select count(*) from events") == 0
