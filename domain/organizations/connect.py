"""The URL under which MCP clients reach an organization: the setting `connect.mcp_url`.

`{"connect.mcp_url": "https://gateway.example/{slug}/mcp"}` names a gateway in front of this service. `{slug}` stands
for the slug of the organization, so that one text fits every organization of a gateway.
"""

from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from domain.fields import has_control
from domain.networks import is_loopback_host

PREFIX = "connect."
MCP_URL = "connect.mcp_url"

_SLUG = "{slug}"
_EXPECTED = "must be an https URL such as https://gateway.example/{slug}/mcp, or an http URL of this machine"


def mcp_url(settings: Mapping[str, object], slug: str) -> str | None:
    """Return the URL to show to people who configure an MCP client, or None if no valid one is set."""
    value = settings.get(MCP_URL)
    if not isinstance(value, str) or _problem_of(value) is not None:
        return None
    return value.replace(_SLUG, slug)


def validate(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield one sentence for each problem of the settings whose names start with `connect.`."""
    for name, value in settings.items():
        if name.startswith(PREFIX):
            problem = _problem_of(value) if name == MCP_URL else f"is no setting; there is {MCP_URL}"
            if problem is not None:
                yield f"{name} {problem}"


def _problem_of(value: object) -> str | None:
    address = value.replace(_SLUG, "slug") if isinstance(value, str) else ""
    if "{" in address or "}" in address:
        return "must not contain braces, except in {slug}"
    if has_control(address) or any(character.isspace() for character in address) or "\\" in address:
        return "must not contain blanks, control characters or backslashes"
    if not _has_safe_transport(address):
        return _EXPECTED
    if "@" in address:
        return "must not contain a user or a password, because every member sees it"
    return "must not contain a fragment" if "#" in address else None


def _has_safe_transport(address: str) -> bool:
    """Return whether this is a URL with encryption, or one that does not leave the machine."""
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback_host(host)))
