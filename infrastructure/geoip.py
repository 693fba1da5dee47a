"""Location of an address: its country from a database on this machine, or only its network.

The database is a file of countries in MaxMind's format, such as `geo-whois-asn-country` of the project ip-location-db,
which is in the public domain (CC0). No external service is used.
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
    """Return a function that maps a network to its country, or to the network itself if that is unknown."""
    country_of = country_lookup(database)
    return lambda network: country_of(network) or network


@cache
def country_lookup(database: Path | None) -> CountryOf:
    """Return a function that maps an address or network to its country: two letters (ISO 3166-1), None if unknown.

    The file is opened once in a process, so a process must be restarted to use another file. Raise
    `GeoDatabaseUnusable`.
    """
    if database is None:
        return _unknown
    try:
        reader = maxminddb.open_database(str(database))  # pyright: ignore[reportUnknownMemberType]
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise GeoDatabaseUnusable(f"cannot be read: {error}") from None
    return lambda address: _country(reader, address)


def _unknown(_address: str) -> None:
    return None


def _country(reader: maxminddb.Reader, address: str) -> str | None:
    try:
        found: object = reader.get(ip_network(address).network_address)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    record = cast("dict[str, Any]", found)
    code = record.get("country_code") or cast("dict[str, Any]", record.get("country") or {}).get("iso_code")
    return code if isinstance(code, str) and len(code) == 2 else None  # noqa: PLR2004 -- letters
