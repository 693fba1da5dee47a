"""The calls of `client.mcps`."""

from typing import Literal, TypeAlias
from urllib.parse import quote

from msgspec import UNSET, UnsetType

from keyledger.call import Call, Repeat, data_of, json_body, list_of, page_of, query_of, set_fields, with_headers
from keyledger.endpoints.keys import Environment
from keyledger.models.mcps import DeletedMcp, ListedMcp, Mcp, McpDetail, McpProbe, NamedMcp
from keyledger.models.page import Page
from keyledger.secret import Secret, revealed

AuthType: TypeAlias = Literal["none", "bearer", "api_key", "basic", "query"]
McpStatus: TypeAlias = Literal["active", "inactive"]
McpStatusFilter: TypeAlias = Literal["active", "inactive", "all"]
Health: TypeAlias = Literal["healthy", "unhealthy", "unknown"]

_MCPS = "/v1/mcps"
_TEST_MS = 10_000
_MARGIN_SECONDS = 10.0

_mcp = data_of(McpDetail)
_mcps = page_of(ListedMcp)
_names = list_of(NamedMcp)
_changed = data_of(Mcp)
_deleted = data_of(DeletedMcp)
_probe = data_of(McpProbe)


def create_mcp(
    name: str,
    endpoint_url: str,
    *,
    description: str | None = None,
    environment: Environment | None = None,
    health_checks: bool | None = None,
    auth_type: AuthType | None = None,
    auth_token: str | Secret | None = None,
    auth_header: str | None = None,
    auth_parameter: str | None = None,
    auth_username: str | None = None,
    auth_password: str | Secret | None = None,
    idempotency_key: str | None = None,
) -> Call[McpDetail]:
    """Register an MCP server. Its credential is encrypted immediately and never shown again.

    `health_checks=False`: for a service that is not an MCP server and is registered only for gateways.
    """
    fields = set_fields(
        name=name,
        endpoint_url=endpoint_url,
        description=description,
        environment=environment,
        health_checks=health_checks,
        auth_type=auth_type,
        auth_token=None if auth_token is None else revealed(auth_token),
        auth_header=auth_header,
        auth_parameter=auth_parameter,
        auth_username=auth_username,
        auth_password=None if auth_password is None else revealed(auth_password),
    )
    headers = with_headers(idempotency_key=idempotency_key)
    return Call("POST", _MCPS, _mcp, body=json_body(**fields), headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def list_mcps(
    *,
    status: McpStatusFilter | None = None,
    health: Health | None = None,
    include: Literal["tools"] | None = None,
    page: int | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[ListedMcp]]:
    """List the MCPs of the organization, newest first, active and inactive. `per_page`: 1 to 100.

    `include="tools"`: with the names and descriptions of their tools.
    """
    query = query_of(status=status, health=health, include=include, page=page, cursor=cursor, per_page=per_page)
    return Call("GET", _MCPS, _mcps, query)


def list_mcp_names() -> Call[tuple[NamedMcp, ...]]:
    """List all MCPs of the organization by name, with only their id, name, environment and status."""
    return Call("GET", f"{_MCPS}/names", _names)


def get_mcp(mcp_id: str) -> Call[McpDetail]:
    """Return one MCP."""
    return Call("GET", _path(mcp_id), _mcp)


def update_mcp(
    mcp_id: str,
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType | None = UNSET,
    endpoint_url: str | UnsetType = UNSET,
    environment: Environment | UnsetType = UNSET,
    status: McpStatus | UnsetType = UNSET,
    health_checks: bool | UnsetType = UNSET,
    auth_type: AuthType | UnsetType = UNSET,
    auth_token: str | Secret | UnsetType = UNSET,
    auth_header: str | UnsetType = UNSET,
    auth_parameter: str | UnsetType = UNSET,
    auth_username: str | UnsetType = UNSET,
    auth_password: str | Secret | UnsetType = UNSET,
    if_match: int | None = None,
) -> Call[Mcp]:
    """Update the given fields and keep the others, including credentials. No key reaches an inactive MCP."""
    body = json_body(
        name=name,
        description=description,
        endpoint_url=endpoint_url,
        environment=environment,
        status=status,
        health_checks=health_checks,
        auth_type=auth_type,
        auth_token=UNSET if auth_token is UNSET else revealed(auth_token),
        auth_header=auth_header,
        auth_parameter=auth_parameter,
        auth_username=auth_username,
        auth_password=UNSET if auth_password is UNSET else revealed(auth_password),
    )
    return Call(
        "PATCH",
        _path(mcp_id),
        _changed,
        body=body,
        headers=with_headers(if_match=if_match),
        repeat=Repeat.WITH_IDEMPOTENCY_KEY,
    )


def test_mcp(mcp_id: str, *, timeout_ms: int | None = None) -> Call[McpProbe]:  # noqa: PT028 -- not a pytest test
    """Test whether the server responds, and return what it offers. `timeout_ms`: 1,000 to 60,000, by default 10,000.

    The call is retried if no response arrived, because a test changes nothing.
    """
    seconds = (timeout_ms or _TEST_MS) / 1000 + _MARGIN_SECONDS
    body = None if timeout_ms is None else json_body(timeout=timeout_ms)
    return Call("POST", f"{_path(mcp_id)}/test", _probe, body=body, timeout_seconds=seconds)


def delete_mcp(mcp_id: str, *, if_match: int | None = None) -> Call[DeletedMcp]:
    """Delete an MCP. No key reaches it from now on."""
    headers = with_headers(if_match=if_match)
    return Call("DELETE", _path(mcp_id), _deleted, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def _path(mcp_id: str) -> str:
    return f"{_MCPS}/{quote(mcp_id, safe='')}"
