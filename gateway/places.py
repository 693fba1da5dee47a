"""Where a network lies: a country, from a database on this machine, or nothing more than the network itself.

The database is a file in MaxMind's format that names countries, such as the `geo-whois-asn-country` one of the project
ip-location-db, which is in the public domain (CC0). Nobody outside is asked.
"""

from collections.abc import Callable
from functools import cache
from ipaddress import ip_network
from pathlib import Path
from typing import Any, cast

import maxminddb

Locate = Callable[[str], str]


class GeoDatabaseUnusable(ValueError):
    """It can not be read as a database of countries."""


@cache
def locator(database: Path | None) -> Locate:
    """What tells the place of a network: two letters (ISO 3166-1) where the database knows, else the network.

    It is opened once in a process: workers that are to use another file are started again. Raises
    `GeoDatabaseUnusable`.
    """
    if database is None:
        return _itself
    try:
        reader = maxminddb.open_database(str(database))  # pyright: ignore[reportUnknownMemberType]
    except (OSError, ValueError, maxminddb.InvalidDatabaseError) as error:
        raise GeoDatabaseUnusable(f"can not be read: {error}") from None
    return lambda network: _country(reader, network) or network


def _itself(network: str) -> str:
    return network


def _country(reader: maxminddb.Reader, network: str) -> str | None:
    try:
        found: object = reader.get(ip_network(network).network_address)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    record = cast("dict[str, Any]", found)
    code = record.get("country_code") or cast("dict[str, Any]", record.get("country") or {}).get("iso_code")
    return code if isinstance(code, str) and len(code) == 2 else None  # noqa: PLR2004 -- letters
