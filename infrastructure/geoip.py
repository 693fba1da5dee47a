"""Where an address lies: a country, from a database on this machine, or nothing more than its network.

The database is a file in MaxMind's format that names countries, such as the `geo-whois-asn-country` one of the project
ip-location-db, which is in the public domain (CC0). Nobody outside is asked.
"""

from collections.abc import Callable
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import maxminddb

CountryOf = Callable[[str], str | None]
Locate = Callable[[str], str]


class GeoDatabaseUnusable(ValueError):
    """The file cannot be read as a database of countries."""


def geolocator(database: Path | None) -> Locate:
    """What tells the place of a network: its country where that is known, else the network itself."""
    country_of = country_lookup(database)
    return lambda network: country_of(network) or network


@cache
def country_lookup(database: Path | None) -> CountryOf:
    """What tells the country of an address or network: two letters (ISO 3166-1), None where it is not known.

    The file is opened once in a process: one that is to use another file is started again. Raises
    `GeoDatabaseUnusable`.
    """
    if database is None:
        return _unknown
    try:
        reader = maxminddb.open_database(str(database))  # pyright: ignore[reportUnknownMemberType]
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise GeoDatabaseUnusable(f"cannot be read: {error}") from None
    return lambda place: _country(reader, place)


def _unknown(_place: str) -> None:
    return None


def _country(reader: maxminddb.Reader, place: str) -> str | None:
    try:
        found: object = reader.get(ip_network(place).network_address)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    record = cast("dict[str, Any]", found)
    code = record.get("country_code") or cast("dict[str, Any]", record.get("country") or {}).get("iso_code")
    return code if isinstance(code, str) and len(code) == 2 else None  # noqa: PLR2004 -- letters
