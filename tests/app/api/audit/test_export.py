"""GET /v1/audit/export"""

import asyncio
import codecs
import contextlib
import csv
import io
import json
from collections.abc import AsyncIterator
from itertools import count
from typing import Any

import httpx2
import psycopg
import pytest
from msgspec import structs

from app.api.audit.export import COLUMNS, PAGE, stream_export
from app.api.audit.schemas import AUDIT_EVENT_EXAMPLE, AuditEvent
from app.http.csv_rows import escape_formula
from tests.app.client import Response
from tests.app.organizations import Api, Organization

EXPORT = "/v1/audit/export"


def export(org: Organization, **params: object) -> Response:
    answer = org.client.get(EXPORT, params)
    assert answer.status == 200, answer.content
    return answer


def lines(answer: Response) -> tuple[list[Any], Any]:
    """Return the events, and the last line."""
    *events, end = [json.loads(line) for line in answer.content.decode().splitlines()]
    return events, end


def rows(answer: Response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


def listed(org: Organization, **params: object) -> list[Any]:
    """Return the events of the list, oldest first."""
    found: list[Any] = org.client.get("/v1/audit/events", {"per_page": 100, **params}).data
    return found[::-1]


@pytest.fixture(scope="module")
def org(api: Api) -> Organization:
    org = api.organization()
    for number in range(5):
        key = org.key(name=f"Key {number}", metadata={"a": 'comma, "quote" and\nline'})
        org.client.delete(key.path)
    return org


def test_each_line_contains_an_event_of_the_list(org: Organization) -> None:
    answer = export(org, format="jsonl")
    events, end = lines(answer)
    assert events == listed(org)
    assert end == {"end": True, "events": 12}
    assert answer.headers["content-type"] == "application/jsonl"
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-log.jsonl"'
    assert "content-length" not in answer.headers, "the export is sent while it is read"


def test_json_lines_are_the_default_format(org: Organization) -> None:
    assert export(org).content == export(org, format="jsonl").content


def test_each_row_contains_an_event_of_the_list(org: Organization) -> None:
    answer = export(org, format="csv")
    header, *found, end = rows(answer)
    assert tuple(header) == COLUMNS
    assert end == ["end", "12"]
    assert [dict(zip(header, row, strict=True)) for row in found] == [
        {
            "position": str(event["position"]),
            "id": event["id"],
            "timestamp": event["timestamp"],
            "event": event["event"],
            "actor_type": event["actor"]["type"],
            "actor_id": event["actor"]["id"],
            "actor_email": "",
            "resource_type": event["resource"]["type"],
            "resource_id": event["resource"]["id"],
            "ip": event["ip"] or "",
            "user_agent": event["user_agent"] or "",
            "data": json.dumps(event["data"], separators=(",", ":"), ensure_ascii=False),
            "hash": event["hash"],
            "previous_hash": event["previous_hash"] or "",
        }
        for event in listed(org)
    ]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"


def test_excel_gets_csv_with_a_byte_order_mark(org: Organization) -> None:
    answer, plain = export(org, format="excel"), export(org, format="csv")
    assert answer.content == codecs.BOM_UTF8 + plain.content
    assert answer.headers["content-type"] == plain.headers["content-type"]
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-log.csv"'


@pytest.mark.parametrize("start", ["=", "+", "-", "@"])
def test_no_cell_starts_a_formula(api: Api, start: str) -> None:
    """A spreadsheet would run formulas, and any caller can set a user agent."""
    org = api.organization()
    formula = f'{start}HYPERLINK("http://192.0.2.1")'
    org.client.request("POST", "/v1/api-keys", {"name": "Key"}, headers={"User-Agent": formula})
    (cell,) = [row[COLUMNS.index("user_agent")] for row in rows(export(org, format="csv"))[-2:-1]]
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert "HYPERLINK" in cell
    assert all(cell[:1] not in {"=", "+", "-", "@"} for row in rows(export(org, format="csv")) for cell in row)


def test_from_is_inclusive_and_to_exclusive(org: Organization) -> None:
    whole = listed(org)
    since, until = whole[3]["timestamp"], whole[8]["timestamp"]
    events, end = lines(export(org, **{"from": since}, to=until))
    assert (events, end) == (whole[3:8], {"end": True, "events": 5})
    assert lines(export(org, to="2001-01-01T00:00:00Z")) == ([], {"end": True, "events": 0})


_fills = count(1)


def _fill(api: Api, org: Organization, events: int) -> None:
    """Insert events directly, which is faster than creating them over HTTP.

    Their positions are far above those of other events in the lane, which other organizations may share.
    """
    api.database.rows(
        "insert into events (lane, position, stream_id, version, event_id, type, organization_id, occurred_at, body)"
        " select lane, %s + i, 'made_' || organization_id || i, 1, 'evt_' || organization_id || i, type,"
        "        organization_id, occurred_at, body"
        " from events, generate_series(1, %s) as i"
        " where organization_id = %s and type = 'organization.created'",
        1_000_000 * next(_fills),
        events,
        org.id,
    )


def test_an_export_of_several_pages_is_complete_and_in_order(api: Api) -> None:
    org = api.organization()
    neighbour = api.organization()
    neighbour.key()
    events = 2 * PAGE - 2
    _fill(api, org, events)
    found, end = lines(export(org))
    assert end == {"end": True, "events": events + 2}
    positions = [event["position"] for event in found]
    assert positions == sorted(positions)
    assert len(set(positions)) == events + 2


def test_a_key_revoked_during_an_export_gets_no_further_page(api: Api) -> None:
    org = api.organization()
    many = 60 * PAGE  # more than the connection buffers while the client does not read
    _fill(api, org, many)
    reader = org.key(permissions={"mcps": "*", "manage": ["audit:read"]})
    content = b""
    with (
        contextlib.suppress(httpx2.RemoteProtocolError),
        httpx2.stream("GET", f"{api.url}{EXPORT}", headers={"Authorization": f"Bearer {reader.secret}"}) as answer,
    ):
        assert answer.status_code == 200
        for part in answer.iter_raw():
            if not content:
                assert org.client.delete(reader.path).status == 200
            content += part
    assert content.count(b"\n") < many - PAGE
    assert b'"end"' not in content


def test_an_interrupted_export_has_no_last_line() -> None:
    """If the service fails during an export, the output has no last line and the connection is not closed cleanly."""

    async def broken() -> AsyncIterator[list[AuditEvent]]:
        yield [EVENT]
        raise psycopg.OperationalError

    async def read() -> bytes:
        content = b""
        try:
            async for part in stream_export("jsonl", [EVENT], broken()):
                content += part
        except psycopg.OperationalError:
            return content
        raise AssertionError("an interrupted export must not end normally")

    content = asyncio.run(read())
    assert [json.loads(line)["position"] for line in content.splitlines()] == [1, 1]
    assert b'"end"' not in content


EVENT = structs.replace(AUDIT_EVENT_EXAMPLE, position=1)


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_a_cell_that_starts_like_a_formula_is_escaped(start: str) -> None:
    assert escape_formula(f"{start}1+1") == f"'{start}1+1"


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"format": "xml"}, "format"),
        ({"from": "yesterday"}, "from"),
        ({"type": "api_key.created"}, "type"),
        ({"per_page": "3"}, "per_page"),
    ],
)
def test_an_invalid_parameter_is_named(org: Organization, params: dict[str, str], field: str) -> None:
    refused = org.client.get(EXPORT, params)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {field})
