"""POST /v1/api-keys/verify: decide whether a key may be used. The most frequent request of the API.

It bypasses the framework for speed: msgspec reads the body and writes the response, and group commit records the
decision.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from app.api.api_keys.schemas import permissions_shape
from app.auth.callers import access_request
from app.http.decoding import read_body
from app.http.errors import Problem, invalid
from app.http.messages import RawRequest, RawResponse, clean_user_agent
from app.services import Services
from app.verification.authenticate import authenticate, raise_if_denied, raise_if_invalid
from app.verification.requests import VerificationResult, VerifyKey
from domain.environment import Environment
from domain.fields import NO_KEY
from domain.ids import is_id
from domain.networks import ADDRESS_EXPECTED, parse_address
from domain.secret import contains_secret, digest, parse
from domain.usage.decision import AccessRequest
from domain.usage.events import Code

TOOL_LENGTH_MAX = 200

Tool = Annotated[str, Meta(min_length=1, max_length=TOOL_LENGTH_MAX)]


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    mcp_id: str | None = None
    tool: Tool | None = None
    ip: str | None = None
    user_agent: Annotated[str, Meta(max_length=1_000)] | None = None


class VerifyResponse(Struct, frozen=True, omit_defaults=True):
    """Result of a verification. `remaining`: of the month's quota; absent without a quota and for test keys."""

    valid: bool
    code: Code
    key_id: str | None = None
    organization_id: str | None = None
    name: str | None = None
    environment: Environment | None = None
    permissions: dict[str, Any] | None = None
    expires_at: datetime | None = None
    revision: int | None = None
    event_id: str | None = None
    remaining: int | None = None


class _Response(Struct, frozen=True):
    success: bool
    data: VerifyResponse


_encoder = msgspec.json.Encoder()


async def verify_key(inbound: RawRequest, services: Services) -> RawResponse:
    caller = access_request(inbound, "manage", grant="keys:verify")
    try:
        subject = _access_request(inbound)
    except Problem as problem:
        await raise_if_invalid(
            inbound, services.verification, caller, problem, kind=lambda caller: VerifyKey(caller, None)
        )
    result = await authenticate(inbound, services.verification, VerifyKey(caller, subject))
    raise_if_denied(result, caller)
    return RawResponse(200, _encoder.encode(_Response(success=True, data=_response(result))))


def _access_request(inbound: RawRequest) -> AccessRequest | None:
    refuse_parameters(inbound)
    body = read_body(inbound.body, inbound.header("content-type") or "", Body)
    validate_target(body.mcp_id, body.tool)
    address = None if body.ip is None else parse_address(body.ip)
    if body.ip is not None and address is None:
        raise invalid(ip=ADDRESS_EXPECTED)
    secret = parse(body.key)
    if secret is None:
        return None
    user_agent = body.user_agent
    return AccessRequest(
        digest=digest(secret),
        action="verify",
        mcp_id=body.mcp_id,
        tool=body.tool,
        ip=None if address is None else str(address),
        user_agent=None if user_agent is None else clean_user_agent(user_agent),
        request_id=inbound.request_id,
    )


def refuse_parameters(inbound: RawRequest) -> None:
    if inbound.query:
        raise invalid(query="This route takes no parameters")


def validate_target(mcp_id: str | None, tool: str | None) -> None:
    """Raise 422 if the MCP id or the tool name is malformed."""
    details: dict[str, str] = {}
    if mcp_id is not None and not is_id("mcp", mcp_id):
        details["mcp_id"] = "Must be the id of an MCP, such as mcp_… with 26 characters"
    if tool is not None and mcp_id is None:
        details["tool"] = "Requires mcp_id, because a tool belongs to an MCP"
    if tool is not None and not (tool.isprintable() and tool):
        details["tool"] = "Must consist of printable characters"
    if tool is not None and contains_secret(tool):
        details["tool"] = NO_KEY
    if details:
        raise invalid(details)


def _response(result: VerificationResult) -> VerifyResponse:
    decision = result.subject
    key = decision.key
    if key is None:
        return VerifyResponse(valid=False, code=decision.code, event_id=result.event_id)
    return VerifyResponse(
        valid=decision.accepted,
        code=decision.code,
        key_id=key.id,
        organization_id=key.organization_id,
        name=key.name,
        environment=key.environment,
        permissions=permissions_shape(key.permissions),
        expires_at=key.expires_at,
        revision=key.revision,
        event_id=result.event_id,
        remaining=None if result.quota is None else result.quota.remaining,
    )
