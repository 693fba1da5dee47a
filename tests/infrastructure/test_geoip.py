"""Countries of addresses and networks, from a database that operators use."""

from pathlib import Path

import pytest

from infrastructure.geoip import GeoDatabaseUnusable, country_lookup, geolocator
from tests.geo_database import AMERICAN, AMERICAN_V6, NOWHERE, SWISS, geo_database


def test_addresses_and_networks_have_countries() -> None:
    country_of = country_lookup(geo_database())
    assert [country_of(address) for address in (AMERICAN, "8.8.8.0/24", AMERICAN_V6, SWISS)] == ["US", "US", "US", "CH"]


@pytest.mark.parametrize("address", [NOWHERE, "127.0.0.1", "::1", "", "somewhere", "8.8.8.8/24", "300.1.1.1"])
def test_an_address_without_a_country_has_none(address: str) -> None:
    assert country_lookup(geo_database())(address) is None


def test_a_network_without_a_country_is_its_own_location() -> None:
    location_of = geolocator(geo_database())
    assert (location_of("8.8.8.0/24"), location_of("192.0.2.0/24")) == ("US", "192.0.2.0/24")
    assert geolocator(None)("8.8.8.0/24") == "8.8.8.0/24"
    assert country_lookup(None)(AMERICAN) is None


def test_a_database_for_one_address_family_has_no_country_for_the_other() -> None:
    only_v4 = geo_database().with_name("geo-whois-asn-country-ipv4.mmdb")
    country_of = country_lookup(only_v4)
    assert (country_of(SWISS), country_of(AMERICAN_V6)) == ("CH", None)


def test_an_invalid_file_is_refused_immediately(tmp_path: Path) -> None:
    (tmp_path / "empty.mmdb").touch()
    for file in (tmp_path / "empty.mmdb", tmp_path / "missing.mmdb", tmp_path, Path(__file__)):
        with pytest.raises(GeoDatabaseUnusable, match="cannot be read"):
            country_lookup(file)
