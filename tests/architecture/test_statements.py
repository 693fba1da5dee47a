"""Every statement is valid for the schema, and none reads a whole table that grows."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psycopg
import pytest
from psycopg import sql

from infrastructure.database.connections import APP_ROLE, AUTH_ROLE, WORKER_ROLE, Role
from infrastructure.database.statements import read_statements
from projections.registry import READ_MODELS
from tests.architecture.conftest import ROOT

_LOG = {
    "events",
    "usage_events",
    "usage_batches",
    "usage_removals",
    "usage_removal_lanes",
    "usage_removal_bills",
    "billed_uses",
    "used_secrets",
    "streams",
    "idempotency_keys",
}
_FEW_ROWS = {"webhook_attempt_totals"}
"""Tables with one row for each result of an attempt."""

GROWING = _LOG | {table for model in READ_MODELS for table in (*model.tables, *model.underivable)} - _FEW_ROWS
"""Tables that grow while the service runs; a partition counts as its table."""

WHOLE_TABLE = {
    "eventstore/queries.sql": {"streams_all", "usage_sizes_wrong"},
    "eventstore/retention.sql": {"removed", "removals_wrong", "removal_sums_wrong"},
    "projections/read_models/invitations/list/check.sql": {"addresses_astray"},
    "projections/read_models/keys/list/check.sql": {"key_counts_all"},
    "projections/read_models/keys/state/check.sql": {"key_secrets_all"},
    "projections/read_models/mcps/health/check.sql": {"mcp_health_all"},
    "projections/read_models/members/list/check.sql": {"users_astray"},
    "projections/read_models/organizations/billed_usage/check.sql": {"lanes_differing"},
    "projections/read_models/organizations/list/queries.sql": {"page_after"},
    "projections/read_models/usage/check.sql": {
        "lanes_differing",
        "keys_differing",
        "mcps_differing",
        "key_days_differing",
        "refusals_differing",
        "organization_days_differing",
        "latencies_differing",
    },
    "projections/read_models/usage/organization_batches/check.sql": {"batches_differing"},
    "projections/read_models/usage/organization_hours/check.sql": {
        "days_differing",
        "totals_differing",
        "refusals_differing",
    },
}
"""Statements of `python -m eventstore check` and of the operator's list of organizations. They read whole tables and
serve no request."""

ROLES: tuple[Role, ...] = (APP_ROLE, AUTH_ROLE, WORKER_ROLE)

CONTROL = {"begin", "begin_reading", "begin_writing", "begin_as_auth", "commit", "rollback"}

_PLACEHOLDER = re.compile(r"%(?:\((\w+)\))?([sb%])")


def statements() -> Iterator[tuple[str, str, str]]:
    """Yield the file, name and text of every named statement."""
    for path in sorted((*ROOT.glob("eventstore/*.sql"), *ROOT.glob("projections/**/*.sql"))):
        if re.fullmatch(r"schema(_\d+_\w+)?\.sql", path.name):
            continue
        for name, text in read_statements(path).items():
            if name not in CONTROL:
                yield str(path.relative_to(ROOT)), name, text


def numbered(text: str) -> str:
    """Return the statement with the server's placeholders instead of the driver's."""
    numbers: dict[str, int] = {}

    def replacement(found: re.Match[str]) -> str:
        if found[2] == "%":
            return "%"
        name = found[1] or f"#{len(numbers)}"
        return f"${numbers.setdefault(name, len(numbers) + 1)}"

    return _PLACEHOLDER.sub(replacement, text)


FOR_THE_OWNER = {"revision_making", "revision_made"}
"""Statements that only `python -m eventstore migrate` executes, with the login that owns the schema."""

ALL = list(statements())


@pytest.fixture(scope="module")
def connection(postgres: Any, migrated_template: str) -> Iterator[psycopg.Connection]:  # noqa: ANN401 -- embedded
    """A migrated database with a partition, as its owner sees it."""
    name = sql.Identifier(f"statements_{Path(__file__).stem}")
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute(sql.SQL("create database {} template {}").format(name, sql.Identifier(migrated_template)))
    url = postgres.url_of(name.as_string().strip('"'))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select usage_partition_ensure('2026-01-01')")
        connection.execute("set enable_seqscan = off")
        connection.execute("set plan_cache_mode = force_generic_plan")
        yield connection
    with psycopg.connect(postgres.url, autocommit=True) as owner:
        owner.execute(sql.SQL("drop database {} with (force)").format(name))


def test_every_statement_is_valid_for_the_schema(connection: psycopg.Connection, subtests: pytest.Subtests) -> None:
    for file, name, text in ALL:
        with subtests.test(f"{file}:{name}"):
            able = [role for role in ROLES if _plan(connection, text, role) is not None]
            assert bool(able) != (name in FOR_THE_OWNER), "either no role can execute it, or a role can that should not"
            assert _plan(connection, text, None)


def test_no_statement_reads_a_whole_table_that_grows(connection: psycopg.Connection, subtests: pytest.Subtests) -> None:
    """Check under the policy of every role that may execute the statement, since policies can prevent an index
    condition.
    """
    for file, name, text in ALL:
        with subtests.test(f"{file}:{name}"):
            if name in WHOLE_TABLE.get(file, ()):
                assert _scanned(_plan(connection, text, None)), "no longer needs to be an exception"
            else:
                assert {role: _scanned(_plan(connection, text, role)) for role in ROLES} == {role: [] for role in ROLES}


def test_the_exceptions_exist() -> None:
    known = {(file, name) for file, name, _ in ALL}
    assert {(file, name) for file, names in WHOLE_TABLE.items() for name in names} <= known


def test_a_statement_without_an_index_is_detected(connection: psycopg.Connection) -> None:
    assert _scanned(_plan(connection, "select 1 from events where body = %b", None)) == ["events"]


def _plan(connection: psycopg.Connection, text: str, role: Role | None) -> dict[str, Any] | None:
    """Return the plan of a statement for a role (None: the owner), or None if the role lacks the privilege."""
    with connection.transaction(force_rollback=True):
        if role is not None:
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        try:
            row = connection.execute(f"explain (generic_plan, format json) {numbered(text)}".encode()).fetchone()
        except psycopg.errors.InsufficientPrivilege:
            return None
    assert row is not None
    plan: dict[str, Any] = row[0][0]["Plan"]
    return plan


def _scanned(plan: dict[str, Any] | None) -> list[str]:
    """Return the growing tables that the plan reads from end to end."""
    return [] if plan is None else sorted({_table(node) for node in _nodes(plan) if _reads_all(node)} & GROWING)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in cast("list[dict[str, Any]]", plan.get("Plans", [])):
        yield from _nodes(inner)


def _table(node: dict[str, Any]) -> str:
    return re.sub(r"_\d{8}$", "", str(node.get("Relation Name", "")))


def _reads_all(node: dict[str, Any]) -> bool:
    """Return whether nothing narrows the scan: neither an index condition nor, above a bitmap, that of the scan below
    it.
    """
    if "Scan" not in node["Node Type"] or "Relation Name" not in node:
        return False
    return not any("Index Cond" in inner or "TID Cond" in inner for inner in _nodes(node))
