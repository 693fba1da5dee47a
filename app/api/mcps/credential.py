"""Write-only fields of a request body that contain the credential of an MCP."""

from typing import Annotated

from msgspec import Meta, Struct

from app.http.errors import invalid
from domain.mcps.events import AuthType
from gateway.upstream import ApiKey, Basic, Bearer, Credential, NoCredential, Query, check_credential

_API_KEY_HEADER = "X-API-Key"

CredentialText = Annotated[str, Meta(min_length=1, max_length=8_192)]


class CredentialFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    auth_type: Annotated[AuthType, Meta(description="The authentication to the server.")] | None = None
    auth_token: (
        Annotated[
            CredentialText,
            Meta(
                description="For `bearer`, `api_key` and `query`. Stored encrypted, and never returned.",
                extra_json_schema={"format": "password"},
            ),
        ]
        | None
    ) = None
    auth_header: (
        Annotated[CredentialText, Meta(description="For `api_key`: the header for the token. Default: `X-API-Key`.")]
        | None
    ) = None
    auth_parameter: (
        Annotated[
            CredentialText,
            Meta(
                description="For `query`: the query parameter for the token, such as `apiKey`. It is added to the URL "
                "only when the server is called, and is part of no URL that is stored or returned."
            ),
        ]
        | None
    ) = None
    auth_username: Annotated[CredentialText, Meta(description="For `basic`.")] | None = None
    auth_password: (
        Annotated[
            CredentialText,
            Meta(
                description="For `basic`. Stored encrypted, and never returned.",
                extra_json_schema={"format": "password"},
            ),
        ]
        | None
    ) = None

    @property
    def given(self) -> dict[str, str]:
        """Return the parts of a credential that the body contains, by field."""
        fields = {
            "auth_token": self.auth_token,
            "auth_header": self.auth_header,
            "auth_parameter": self.auth_parameter,
            "auth_username": self.auth_username,
            "auth_password": self.auth_password,
        }
        return {name: value for name, value in fields.items() if value is not None}


def assembled(auth_type: AuthType, given: dict[str, str]) -> Credential:
    """Return the credential that the fields form. Raise 422 for missing, superfluous or invalid parts."""
    required, optional = _FIELDS[auth_type]
    details = {name: f"Required for auth_type {auth_type}" for name in required if name not in given}
    details |= {name: f"Not used with auth_type {auth_type}" for name in given if name not in required + optional}
    credential = _made(auth_type, given)
    details = details or check_credential(credential)
    if details:
        raise invalid(details)
    return credential


def parts(credential: Credential) -> dict[str, str]:
    """Return the parts of a stored credential, so that one of them can be replaced."""
    match credential:
        case NoCredential():
            return {}
        case Bearer(token):
            return {"auth_token": token}
        case ApiKey(header, value):
            return {"auth_header": header, "auth_token": value}
        case Query(parameter, value):
            return {"auth_parameter": parameter, "auth_token": value}
        case Basic(username, password):
            return {"auth_username": username, "auth_password": password}


def _made(auth_type: AuthType, given: dict[str, str]) -> Credential:
    match auth_type:
        case "none":
            return NoCredential()
        case "bearer":
            return Bearer(given.get("auth_token", ""))
        case "api_key":
            return ApiKey(given.get("auth_header", _API_KEY_HEADER), given.get("auth_token", ""))
        case "query":
            return Query(given.get("auth_parameter", ""), given.get("auth_token", ""))
        case "basic":
            return Basic(given.get("auth_username", ""), given.get("auth_password", ""))


_FIELDS: dict[AuthType, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "none": ((), ()),
    "bearer": (("auth_token",), ()),
    "api_key": (("auth_token",), ("auth_header",)),
    "query": (("auth_parameter", "auth_token"), ()),
    "basic": (("auth_username", "auth_password"), ()),
}
"""The required and the optional fields. Errors list them in this order."""
