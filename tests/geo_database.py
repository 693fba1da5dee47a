"""A country database that an operator could use: ip-location-db, in the public domain (CC0), from npm."""

from pathlib import Path

from tests.npm import newest

_PACKAGE = "@ip-location-db/geo-whois-asn-country-mmdb"

AMERICAN, SWISS, NOWHERE = "8.8.8.8", "130.59.31.80", "192.0.2.7"
"""Addresses whose countries have not changed for decades. The last one is reserved for documentation."""
AMERICAN_V6 = "2001:4860:4860::8888"


def geo_database() -> Path:
    """Return the path of the database. Skip the test if no npm registry can be reached."""
    (file,) = newest(_PACKAGE).glob("*country.mmdb")
    return file
