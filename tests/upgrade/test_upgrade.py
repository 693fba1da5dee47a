"""Upgrades of the data of earlier commits to the current code.

Each `<commit>.sql.gz` next to this file is the database of a `make run` of that commit; see make_data.py.
"""

import gzip
import json
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from infrastructure.database.connections import connect
from infrastructure.database.migrate import missing
from projections.engine.read_model import ReadModel
from projections.engine.rebuild.rebuild import verify
from projections.engine.rebuild.renew import renew
from projections.engine.rebuild.versions import Progress
from projections.engine.schema import scripts
from projections.registry import REBUILDABLE
from tests.app.serving import Server
from tests.logins import runtime_url_of
from tests.programs import run_program
from tests.waiting import GENEROUS_TIMEOUTS

pytestmark = pytest.mark.anyio

_DUMPS = sorted(Path(__file__).parent.glob("*.sql.gz"))
_ROLES = ("keyledger_app", "keyledger_gate", "keyledger_worker")


@pytest.fixture(params=_DUMPS, ids=[path.name.partition(".")[0] for path in _DUMPS])
def landed_url(request: pytest.FixtureRequest, empty_database_url: str) -> str:
    """The owner's URL of a database as that commit left it. No current code has touched it."""
    path: Path = request.param
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        for role in _ROLES:
            # Roles belong to the server, and a dump of one database leaves them out.
            connection.execute(
                f"do $$ begin if not exists (select from pg_roles where rolname = '{role}')"
                f" then create role {role} nologin; end if; end $$".encode()
            )
        connection.execute("grant keyledger_app to keyledger_worker")
        connection.execute(gzip.decompress(path.read_bytes()))
    return empty_database_url


def _run(url: str, *words: str) -> str:
    """Run an owner's command, which must succeed, and return its output."""
    environment = {"DATABASE_URL": runtime_url_of(url), "KEYLEDGER_MIGRATION_DATABASE_URL": url}
    result = run_program(*words, environment=environment)
    assert result.returncode == 0, f"{result.stdout}\n{result.stderr}"
    return result.stdout


async def test_data_of_a_landed_commit_can_be_upgraded_and_served(
    landed_url: str, redis_url: str, tmp_path: Path
) -> None:
    _run(landed_url, "eventstore", "migrate")
    assert "up to date" in _run(landed_url, "eventstore", "migrate"), "a second run applies nothing"
    assert _run(landed_url, "eventstore", "check").startswith("sound")
    async with await connect(landed_url, role=None, timeouts=GENEROUS_TIMEOUTS) as connection:
        assert await missing(connection, scripts()) == []
        applied = await (await connection.execute(b"select name, checksum from schema_migrations")).fetchall()
    assert sorted(applied) == sorted((script.name, script.checksum) for script in scripts()), "no script was removed"
    for name, model in REBUILDABLE.items():
        compared = await verify(landed_url, model)
        assert compared.equal, f"{name}: {compared.first}"
    server = Server(landed_url, redis_url, tmp_path / "api.log", {"KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "15"})
    server.start()
    try:
        _assert_data_is_served(server, landed_url)
    finally:
        server.stop()
    assert _run(landed_url, "eventstore", "check").startswith("sound")


def _assert_data_is_served(server: Server, url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("set row_security = off")
        row = connection.execute("select organization_id, count(*) from key_list group by 1").fetchone()
    assert row is not None
    secret = _management_key(server, row[0])
    status, listed = _get(server, "/v1/api-keys?per_page=100", secret)
    assert status == 200, listed
    assert len(listed["data"]) == row[1] + 1
    states = {key["status"] for key in listed["data"]}
    assert states == {"active", "disabled", "revoked"}
    for path in ("/v1/mcps", "/v1/usage", "/v1/audit/events", "/v1/alerts", "/v1/webhooks", "/v1/organization/members"):
        assert _get(server, path, secret)[0] == 200, path
    for key in listed["data"]:
        assert _get(server, f"/v1/api-keys/{key['id']}", secret)[0] == 200
        assert _get(server, f"/v1/api-keys/{key['id']}/activity", secret)[0] == 200
        assert _get(server, f"/v1/api-keys/{key['id']}/usage", secret)[0] == 200


def _management_key(server: Server, organization_id: str) -> str:
    environment = {"DATABASE_URL": runtime_url_of(server.database_url), "KEYLEDGER_MASTER_KEY": server.master_key}
    words = ("app", "admin", "create-management-key", "--organization", organization_id)
    result = run_program(*words, environment=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def _get(server: Server, path: str, secret: str) -> tuple[int, dict[str, list[dict[str, str]]]]:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {secret}\r\n\r\n"
    response, body = server.exchange(request.encode(), seconds=60)
    return response.status, json.loads(body)


def _at_revision(name: str, revision: int) -> ReadModel:
    return replace(REBUILDABLE[name], revision=revision)


async def test_a_read_model_with_a_new_revision_is_derived_again(landed_url: str) -> None:
    _run(landed_url, "eventstore", "migrate")
    with psycopg.connect(landed_url, autocommit=True) as connection:
        # Simulate an earlier `apply` that wrote other names, in an inline read model and an asynchronous one.
        connection.execute("set row_security = off")
        changed = connection.execute("update key_list set name = 'as it was derived before'").rowcount
        connection.execute("update key_usage set total_requests = total_requests + 1")
    changed_models = [_at_revision(name, REBUILDABLE[name].revision + 1) for name in ("key_list", "usage")]
    shown: list[str] = []
    reached: list[tuple[int, int]] = []

    def show_progress(title: str) -> AbstractContextManager[Progress]:
        shown.append(title)
        return nullcontext(lambda done, of: reached.append((done, of)))

    lines = await renew(landed_url, changed_models, show_progress)
    assert f"key_list: derived again, {changed:,} of" in lines[0]
    assert lines[1].startswith("usage: derived again, ")
    assert shown == ["deriving key_list again", "deriving usage again"]
    assert reached[-1][0] == reached[-1][1] > 0
    assert await renew(landed_url, changed_models) == []
    for model in changed_models:
        assert (await verify(landed_url, model)).equal
    with psycopg.connect(landed_url) as connection:
        schemas = connection.execute(r"select nspname from pg_namespace where nspname ~ '_(old|new)_\d+$'").fetchall()
    assert schemas == [], "no replaced schema is left"


async def test_search_terms_are_derived_again_by_the_upgrade(landed_url: str) -> None:
    with psycopg.connect(landed_url, autocommit=True) as connection:
        connection.execute("set row_security = off")
        connection.execute("delete from key_terms where term like 'q:%'")
        assert connection.execute("update key_list set name_key = 'as it was folded before'").rowcount
    _run(landed_url, "eventstore", "migrate")
    compared = await verify(landed_url, REBUILDABLE["key_list"])
    assert compared.equal, compared.first


async def test_a_rebuild_of_another_revision_is_not_resumed(
    landed_url: str,
) -> None:
    _run(landed_url, "eventstore", "migrate")

    next_revision = REBUILDABLE["key_list"].revision + 1

    class Interrupted(Exception):
        pass

    def interrupt(done: int, _of: int) -> None:
        if done:
            raise Interrupted

    with pytest.raises(Interrupted):
        await renew(landed_url, [_at_revision("key_list", next_revision)], lambda _title: nullcontext(interrupt))
    with psycopg.connect(landed_url, autocommit=True) as connection:
        (old,) = connection.execute("select place from checkpoints where place ~ '^key_list_new'").fetchone() or ("",)
        connection.execute(sql.SQL("delete from {}").format(sql.Identifier(old, "key_list")))
    (line,) = await renew(landed_url, [_at_revision("key_list", next_revision + 1)])
    assert "derived again, 0 of" in line
    assert (await verify(landed_url, REBUILDABLE["key_list"])).equal


async def test_a_new_database_starts_with_the_newest_revision(database_url: str) -> None:
    assert await renew(database_url, [_at_revision("key_list", 7)]) == []
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select model, revision from read_model_revisions").fetchall() == [("key_list", 7)]
