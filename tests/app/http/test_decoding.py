"""Errors for invalid values: the name of the field and the expected value."""

from datetime import date, datetime
from typing import Annotated, Literal

import pytest
from msgspec import Meta, Struct, field

from app.http.decoding import Instant, read_body, read_query
from app.http.errors import Problem


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    size: float = 0
    kinds: tuple[Literal["round", "square"], ...] = ()


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    name: Annotated[str, Meta(min_length=1, max_length=3)] = "x"
    color: Literal["red", "green"] | None = None
    which: Literal["*"] | tuple[str, ...] = ()
    number: Annotated[int, Meta(ge=1, le=9)] | None = None
    loud: bool = False
    at: Instant | None = None
    day: date | None = None
    parts: dict[str, Part] = field(default_factory=dict[str, Part])
    first: Part | None = field(default=None, name="from")


@pytest.mark.parametrize(
    ("body", "name", "remedy"),
    [
        ('{"name": 5}', "name", "Must be a string, not a whole number"),
        ('{"name": ""}', "name", "Must have at least 1 character"),
        ('{"name": "four"}', "name", "Must have at most 3 characters"),
        ('{"color": "blue"}', "color", "Must be one of green, red"),
        ('{"which": "all"}', "which", "Must be * or an array"),
        ('{"which": {}}', "which", "Must be a string or an array, not an object"),
        ('{"number": "5"}', "number", "Must be a whole number or null, not a string"),
        ('{"number": 0}', "number", "Must be at least 1"),
        ('{"number": 10}', "number", "Must be at most 9"),
        ('{"loud": "yes"}', "loud", "Must be true or false, not a string"),
        ('{"at": "tomorrow"}', "at", "Must be an instant (RFC 3339), such as 2030-01-31T00:00:00Z"),
        ('{"at": "2030-01-31T00:00:00"}', "at", "Must have a time zone, such as the Z in 2030-01-31T00:00:00Z"),
        ('{"day": "31.1.2030"}', "day", "Must be a date, such as 2030-01-31"),
        ('{"parts": []}', "parts", "Must be an object, not an array"),
        ('{"parts": {"a": {"size": true}}}', "parts[...].size", "Must be a fraction, not true or false"),
        ('{"parts": {"a": {"kinds": ["round", "oval"]}}}', "parts[...].kinds[1]", "Must be one of round, square"),
        ('{"from": {"kinds": ["oval"]}}', "from.kinds[0]", "Must be one of round, square"),
        ('{"from": {"weight": 1}}', "from.weight", "Unknown field"),
    ],
)
def test_an_invalid_field_is_refused_with_the_expected_value(body: str, name: str, remedy: str) -> None:
    with pytest.raises(Problem) as refused:
        read_body(body.encode(), "application/json", Body)
    assert (refused.value.code, refused.value.details) == ("validation_error", {name: remedy})


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    number: Annotated[int, Meta(ge=1, le=100)] | None = None
    color: Literal["red", "green"] | None = None
    since: Instant | None = field(default=None, name="from")


@pytest.mark.parametrize(
    ("query", "name", "remedy"),
    [
        ("number=many", "number", "Must be a whole number"),
        ("number=1e1", "number", "Must be a whole number"),
        ("number=5.0", "number", "Must be a whole number"),
        ("number=-0", "number", "Must be at least 1"),
        ("number=101", "number", "Must be at most 100"),
        ("color=RED", "color", "Must be one of green, red"),
        ("from=1700000000", "from", "Must be an instant (RFC 3339), such as 2030-01-31T00:00:00Z"),
        ("from=yesterday", "from", "Must be an instant (RFC 3339), such as 2030-01-31T00:00:00Z"),
    ],
)
def test_an_invalid_parameter_is_refused_with_the_expected_value(query: str, name: str, remedy: str) -> None:
    """All parameters are texts, so the message does not mention the type of the value."""
    with pytest.raises(Problem) as refused:
        read_query(query.encode(), Query)
    assert (refused.value.code, refused.value.details) == ("validation_error", {name: remedy})


def test_valid_parameters_are_decoded() -> None:
    read = read_query(b"number=10&color=red&from=2030-01-31T00:00:00Z", Query)
    assert (read.number, read.color, read.since) == (10, "red", datetime.fromisoformat("2030-01-31T00:00:00Z"))
