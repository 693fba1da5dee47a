"""GET /v1/auth/check: decide for a gateway, such as nginx, Caddy, Traefik, Envoy and HAProxy.

The key is in the caller's own headers. The response is a status with headers for the upstream. `mcp_id` or
`organization_id` is required: without either, the gateway would admit the keys of every organization.

Every method is handled like GET, because Envoy asks with the method of the request that it checks.
"""

from typing import Annotated
from urllib.parse import quote

import structlog
from msgspec import Meta, Struct
from msgspec.structs import replace

from app.api.api_keys.verify import TargetMcp, TargetTool, validate_target
from app.api.schemas import AlwaysTrue, id_pattern
from app.auth.callers import access_request
from app.handlers import encode_success
from app.http.decoding import read_query
from app.http.errors import Problem, invalid
from app.http.messages import RawRequest, RawResponse
from app.route import Route
from app.services import Services
from app.verification.authenticate import KeyQuestion, answer, ask, ask_invalid
from app.verification.requests import Authenticate, VerificationResult
from domain.ids import is_id
from infrastructure.log_throttle import LogOnce

_PRINTABLE = "".join(chr(c) for c in range(ord(" "), ord("~") + 1) if chr(c) != "%")


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    """A key of an organization other than `organization_id` is unknown. The MCP must be in the key's organization."""

    mcp_id: TargetMcp | None = None
    organization_id: (
        Annotated[
            str,
            Meta(
                description="The organization whose keys are admitted. A key of another organization is unknown.",
                extra_json_schema={"pattern": id_pattern("org")},
            ),
        ]
        | None
    ) = None
    tool: TargetTool | None = None


class KeyMayDo(Struct, frozen=True):
    """The response to a gateway, which uses only its status and headers."""

    valid: AlwaysTrue


_log = structlog.get_logger(__name__)
_is_new = LogOnce(keys_max=1_000)

_VALID = KeyMayDo(valid=True)
_CONTENT = encode_success(_VALID)


def _answer(question: KeyQuestion, result: VerificationResult, services: Services) -> RawResponse:
    if result.caller.code == "mcp_not_permitted" and result.caller.lacks_mcp:
        _warn_about_mcp(question.request.caller.mcp_id)
    key = answer(question, services.verification, result)
    headers = {
        "X-Key-Id": key.id,
        "X-Key-Name": _header_text(key.name),
        "X-Organization-Id": key.organization_id,
        "X-Key-Environment": key.environment,
    }
    return RawResponse(200, _CONTENT, headers)


@Route(
    "GET",
    "/v1/auth/check",
    access="any key",
    tag="Verification",
    summary="Check the caller's key",
    description="The same decision for a gateway (nginx `auth_request`, Caddy and Traefik forward-auth, Envoy "
    "`ext_authz`, HAProxy). `mcp_id` or `organization_id` is required: without either, keys of every organization "
    "would be admitted. Every method is handled like `GET`, because some gateways ask with that of the original "
    "request.",
    example=_VALID,
    errors=("mcp_not_permitted", "tool_not_permitted", "environment_mismatch", "not_found"),
    headers={
        "X-Key-Id": "The id of the key.",
        "X-Key-Name": "The name of the key, with characters percent-encoded that a header cannot contain.",
        "X-Organization-Id": "The id of the key's organization.",
        "X-Key-Environment": "Live or test.",
    },
    direct=True,
    any_method=True,
    query=Query,
    response=KeyMayDo,
    answer=_answer,
)
def check_key(inbound: RawRequest, services: Services) -> KeyQuestion:
    key_only = access_request(inbound, "check")
    try:
        query = _query(inbound)
    except Problem as problem:
        return ask_invalid(inbound, services.verification, key_only, problem)
    presented = replace(key_only, mcp_id=query.mcp_id, tool=query.tool, organization_id=query.organization_id)
    return ask(inbound, services.verification, Authenticate(presented))


def _warn_about_mcp(mcp_id: str | None) -> None:
    """Log that the configuration of a gateway is wrong: clients only see that their keys are not permitted."""
    if mcp_id is not None and _is_new(mcp_id):
        _log.warning("gateway_names_unknown_mcp", mcp_id=mcp_id)


def _query(inbound: RawRequest) -> Query:
    inbound.refuse_unread()
    query = read_query(inbound.query, Query)
    validate_target(query.mcp_id, query.tool)
    if query.organization_id is not None and not is_id("org", query.organization_id):
        problem = "Must be the id of an organization, such as org_… with 26 characters"
        raise invalid(organization_id=problem)
    if query.mcp_id is None and query.organization_id is None:
        problem = "Required: mcp_id or organization_id. Without either, keys of every organization would be admitted"
        raise invalid(mcp_id=problem)
    return query


def _header_text(name: str) -> str:
    """Return the name percent-encoded: it may contain characters that a header value cannot (RFC 9110 §5.5)."""
    return quote(name, safe=_PRINTABLE)
