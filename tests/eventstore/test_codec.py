"""Stored bytes never change; only the code that reads them does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

from domain.actor import UserActor
from domain.keys.events import KeyDetailsChanged
from eventstore.codec import SCHEMAS, UPCASTERS, decode_event, decode_record, encode, encode_data, schema_of, wire_name
from eventstore.errors import Corruption
from eventstore.recorded import Origin, Record

TYPE = "api_key.details_changed"
EVENT = KeyDetailsChanged(name="New", description="", metadata={})
RECORD = Record(
    id="evt_1",
    type=TYPE,
    schema=1,
    stream_id="key_1",
    version=2,
    organization_id="org_1",
    occurred_at=datetime(2026, 3, 1, tzinfo=UTC),
    origin=Origin(UserActor("user_1")),
    previous="ab",
    data=encode_data(EVENT),
)


@pytest.fixture
def earlier_versions() -> Iterator[None]:
    """Simulate two earlier versions: one with `title`, and one without a description."""

    def renamed(value: dict[str, Any]) -> dict[str, Any]:
        return {"name": value["title"], "metadata": value["metadata"], "type": value["type"]}

    def described(value: dict[str, Any]) -> dict[str, Any]:
        return {**value, "description": f"Formerly {value['name']}"}

    UPCASTERS[TYPE, -1], UPCASTERS[TYPE, 0] = renamed, described
    yield
    del UPCASTERS[TYPE, -1], UPCASTERS[TYPE, 0]


def test_an_encoded_record_can_be_decoded() -> None:
    assert (wire_name(EVENT), schema_of(TYPE)) == (TYPE, 1)
    record = decode_record(encode(RECORD))
    assert record == RECORD
    assert decode_event(record) == EVENT
    assert encode(record) == encode(RECORD)


def test_an_old_version_is_upcast_and_its_bytes_are_unchanged(earlier_versions: None) -> None:
    stored = Raw(b'{"metadata":{},"title":"Old","type":"api_key.details_changed"}')
    body = encode(replace(RECORD, schema=-1, data=stored))
    record = decode_record(body)
    assert decode_event(record) == KeyDetailsChanged(name="Old", description="Formerly Old", metadata={})
    assert bytes(record.data) == bytes(stored)
    assert encode(record) == body


def test_the_current_version_is_not_upcast(earlier_versions: None) -> None:
    assert SCHEMAS.get(TYPE, 1) == 1
    assert decode_event(RECORD) == EVENT


def test_an_unknown_type_is_corruption() -> None:
    with pytest.raises(Corruption, match=r"event evt_1 has the unknown type api_key\.forgotten"):
        decode_event(replace(RECORD, type="api_key.forgotten"))


@pytest.mark.parametrize("schema", [2, 0])
def test_an_unknown_schema_version_is_corruption(schema: int) -> None:
    with pytest.raises(Corruption):
        decode_event(replace(RECORD, schema=schema))


@pytest.mark.parametrize("body", [b"", b"{}", b"not json", encode(RECORD)[:-1]])
def test_undecodable_bytes_are_corruption(body: bytes) -> None:
    with pytest.raises(Corruption):
        decode_record(body)


def test_data_that_does_not_match_its_type_is_corruption() -> None:
    with pytest.raises(Corruption, match="evt_1"):
        decode_event(replace(RECORD, data=Raw(b'{"type":"api_key.details_changed","name":5}')))
