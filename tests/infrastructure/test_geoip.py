"""Countries of addresses and networks, from a database that operators use."""

from pathlib import Path

import pytest

from infrastructure.geoip import GeoDatabaseUnusable, country_lookup, geolocator
from tests.geo_database import AMERICAN, AMERICAN_V6, NOWHERE, SWISS, geo_database


def test_addresses_and_networks_lie_in_countries() -> None:
    country_of = country_lookup(geo_database())
    assert [country_of(place) for place in (AMERICAN, "8.8.8.0/24", AMERICAN_V6, SWISS)] == ["US", "US", "US", "CH"]


@pytest.mark.parametrize("place", [NOWHERE, "127.0.0.1", "::1", "", "somewhere", "8.8.8.8/24", "300.1.1.1"])
def test_what_lies_nowhere_has_no_country(place: str) -> None:
    assert country_lookup(geo_database())(place) is None


def test_where_no_country_is_known_a_network_is_a_place_by_itself() -> None:
    place_of = geolocator(geo_database())
    assert (place_of("8.8.8.0/24"), place_of("192.0.2.0/24")) == ("US", "192.0.2.0/24")
    assert geolocator(None)("8.8.8.0/24") == "8.8.8.0/24"
    assert country_lookup(None)(AMERICAN) is None


def test_a_database_of_addresses_of_one_kind_answers_for_the_other_too() -> None:
    only_v4 = geo_database().with_name("geo-whois-asn-country-ipv4.mmdb")
    country_of = country_lookup(only_v4)
    assert (country_of(SWISS), country_of(AMERICAN_V6)) == ("CH", None)


def test_a_file_that_is_none_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.mmdb").touch()
    for file in (tmp_path / "empty.mmdb", tmp_path / "missing.mmdb", tmp_path, Path(__file__)):
        with pytest.raises(GeoDatabaseUnusable, match="cannot be read"):
            country_lookup(file)
