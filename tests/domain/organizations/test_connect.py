import pytest
from msgspec.structs import replace

from domain.organizations.commands import ChangeOrganization
from domain.organizations.connect import mcp_url, validate
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import OrganizationCreated, OrganizationDetailsChanged
from domain.refusal import Invalid
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER
from tests.given import given

CREATED = OrganizationCreated(ORGANIZATION_ID, "Acme", "acme", "free", NOW, OWNER)
CHANGE = ChangeOrganization(by_owner=False)
EXPECTED = "must be an https URL such as https://gateway.example/{slug}/mcp, or an http URL of this machine"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("https://gateway.example/{slug}/mcp", "https://gateway.example/acme/mcp"),
        ("https://{slug}.gateway.example:8443/mcp?of={slug}", "https://acme.gateway.example:8443/mcp?of=acme"),
        ("https://gateway.example", "https://gateway.example"),
        ("http://127.0.0.1:9000/mcp", "http://127.0.0.1:9000/mcp"),
        ("http://[::1]/mcp", "http://[::1]/mcp"),
        ("http://localhost/{slug}", "http://localhost/acme"),
    ],
)
def test_the_url_is_shown_with_the_slug_of_the_organization(value: str, shown: str) -> None:
    settings = {"connect.mcp_url": value}
    assert list(validate(settings)) == []
    assert mcp_url(settings, "acme") == shown


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (True, EXPECTED),
        ("", EXPECTED),
        ("gateway.example/mcp", EXPECTED),
        ("https://", EXPECTED),
        ("https://[::1/mcp", EXPECTED),
        ("https://gateway.example:99999/mcp", EXPECTED),
        ("http://gateway.example/mcp", EXPECTED),
        ("http://{slug}/mcp", EXPECTED),
        ("ftp://gateway.example/mcp", EXPECTED),
        ("javascript:alert(1)", EXPECTED),
        ("https://gateway.example/{org}/mcp", "must not contain braces, except in {slug}"),
        ("https://gateway.example/a b", "must not contain blanks, control characters or backslashes"),
        ("https://gateway.example/\u202e", "must not contain blanks, control characters or backslashes"),
        ("https://gateway.example\\@other.example/", "must not contain blanks, control characters or backslashes"),
        ("https://user:pw@gateway.example/", "must not contain a user or a password, because every member sees it"),
        ("https://gateway.example/mcp#", "must not contain a fragment"),
    ],
)
def test_an_unsuitable_url_is_refused_and_never_shown(value: str | bool, problem: str) -> None:  # noqa: FBT001
    settings = {"connect.mcp_url": value}
    given(ORGANIZATION, CREATED).when(replace(CHANGE, settings=settings)).then_refused(
        Invalid, settings=f"connect.mcp_url {problem}"
    )
    assert mcp_url(settings, "acme") is None


def test_without_the_setting_there_is_no_url() -> None:
    assert mcp_url({"theme": "dark"}, "acme") is None


def test_an_unknown_setting_of_connect_is_refused() -> None:
    given(ORGANIZATION, CREATED).when(replace(CHANGE, settings={"connect.url": "https://a.example"})).then_refused(
        Invalid, settings="connect.url is no setting; there is connect.mcp_url"
    )


def test_settings_from_before_a_rule_do_not_prevent_other_changes() -> None:
    stored = OrganizationDetailsChanged("Acme", "", {"connect.mcp_url": 1})
    given(ORGANIZATION, CREATED, stored).when(replace(CHANGE, name="Acme Ltd")).then(replace(stored, name="Acme Ltd"))
