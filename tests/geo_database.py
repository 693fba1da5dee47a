"""A database of countries as an operator would use it: ip-location-db's, in the public domain (CC0), from npm."""

from pathlib import Path

from tests.npm import newest

_PACKAGE = "@ip-location-db/geo-whois-asn-country-mmdb"

AMERICAN, SWISS, NOWHERE = "8.8.8.8", "130.59.31.80", "192.0.2.7"
"""Addresses that have been where they are for decades; the last one is for documentation."""
AMERICAN_V6 = "2001:4860:4860::8888"


def geo_database() -> Path:
    """Skips the test where no npm registry can be reached."""
    (file,) = newest(_PACKAGE).glob("*country.mmdb")
    return file
