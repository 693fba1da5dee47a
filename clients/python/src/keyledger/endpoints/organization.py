"""The calls of `client.organization`."""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from keyledger.call import Call, Repeat, data_of, json_body, with_headers
from keyledger.models.organization import Organization

_ORGANIZATION = "/v1/organization"

_organization = data_of(Organization)


def detail() -> Call[Organization]:
    """The organization of the key: what it is called, what its plan allows and how much of that is used."""
    return Call("GET", _ORGANIZATION, _organization)


def change(
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType | None = UNSET,
    settings: Mapping[str, str | int | bool] | UnsetType = UNSET,
    if_match: int | None = None,
) -> Call[Organization]:
    """Change what is given and leave the rest; `settings` are replaced whole. The plan is its owner's to change."""
    body = json_body(name=name, description=description, settings=settings if settings is UNSET else dict(settings))
    headers = with_headers(if_match=if_match)
    return Call("PATCH", _ORGANIZATION, _organization, body=body, headers=headers, repeat=Repeat.UNDER_ONE_KEY)
