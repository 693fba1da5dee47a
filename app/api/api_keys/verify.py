"""POST /v1/api-keys/verify: decide whether a key may be used. The most frequent request of the API.

It bypasses the framework for speed: msgspec reads the body and writes the response, and group commit records the
decision.
"""

from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from app.api import examples
from app.api.api_keys.schemas import PERMISSIONS_EXAMPLE, GrantedPermissions, to_permissions
from app.api.schemas import id_pattern
from app.auth.bearer import is_foreign
from app.auth.callers import access_request
from app.http.decoding import read_body, refuse_parameters
from app.http.errors import Problem, invalid
from app.http.messages import RawRequest, RawResponse, clean_user_agent
from app.route import Route
from app.services import Services
from app.verification.authenticate import KeyQuestion, answer, ask, ask_invalid
from app.verification.requests import VerificationResult, VerifyKey
from app.verification.unknown_secrets import verified_by
from domain.environment import Environment
from domain.fields import CONTAINS_API_KEY
from domain.ids import is_id
from domain.networks import ADDRESS_EXPECTED, parse_address
from domain.secret import contains_secret, digest, parse, parse_foreign
from domain.usage.decision import AccessRequest
from domain.usage.events import Code

TOOL_LENGTH_MAX = 200

Tool = Annotated[str, Meta(min_length=1, max_length=TOOL_LENGTH_MAX)]
TargetTool = Annotated[Tool, Meta(description="The tool of the MCP server to be used. Requires `mcp_id`.")]
TargetMcp = Annotated[
    str,
    Meta(
        description="The MCP server to be used. Without it, the response only shows whether the key is valid at all.",
        extra_json_schema={"pattern": id_pattern("mcp")},
    ),
]


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    key: Annotated[
        str,
        Meta(description="The complete secret, as the client presented it.", extra_json_schema={"format": "password"}),
    ]
    mcp_id: TargetMcp | None = None
    tool: TargetTool | None = None
    ip: (
        Annotated[
            str,
            Meta(
                description="The address that the key was presented from: one IPv4 or IPv6 address, without a port "
                "and without the brackets of IPv6. The use records the canonical form."
            ),
        ]
        | None
    ) = None
    user_agent: (
        Annotated[str, Meta(max_length=1_000, description="The User-Agent of the client that presented the key.")]
        | None
    ) = None


class VerifyResponse(Struct, frozen=True, omit_defaults=True):
    """Result of a verification. `remaining`: of the month's quota; absent without a quota and for test keys."""

    valid: bool
    code: Code
    key_id: str | None = None
    organization_id: str | None = None
    name: str | None = None
    environment: Environment | None = None
    permissions: GrantedPermissions | None = None
    expires_at: datetime | None = None
    revision: int | None = None
    event_id: str | None = None
    remaining: int | None = None


class _Response(Struct, frozen=True):
    success: bool
    data: VerifyResponse


_encoder = msgspec.json.Encoder()


def _answer(question: KeyQuestion, result: VerificationResult, services: Services) -> RawResponse:
    """Return the decision for an accepted caller, or raise the denial of the caller."""
    answer(question, services.verification, result)
    request = question.request
    if question.subject_origins and isinstance(request, VerifyKey) and request.subject is not None:
        known = result.subject.key is not None
        services.verification.unknown_secrets.count(question.subject_origins, request.subject.digest, known=known)
    # The verdict on a secret that was not looked up is that of an exceeded rate limit: `unauthorized` could be wrong.
    response = VerifyResponse(valid=False, code="rate_limited") if question.is_limited else _response(result)
    return RawResponse(200, _encoder.encode(_Response(success=True, data=response)))


@Route(
    "POST",
    "/v1/api-keys/verify",
    access="keys:verify",
    tag="Verification",
    summary="Verify a key",
    description="Decide whether the key in the body may be used. The status is 200 for every well-formed request; "
    "`valid` and `code` contain the decision. The use is recorded before the response is sent, and the decision uses "
    "no state older than the request.",
    example=VerifyResponse(
        valid=True,
        code="valid",
        key_id=examples.KEY_ID,
        organization_id=examples.ORGANIZATION_ID,
        name="My agent",
        environment="live",
        permissions=PERMISSIONS_EXAMPLE,
        revision=3,
        event_id=examples.EVENT_ID,
    ),
    body_example={"key": examples.SECRET, "mcp_id": examples.MCP_ID, "tool": "get_page"},
    body_schema={"dependentRequired": {"tool": ["mcp_id"]}},
    direct=True,
    body=Body,
    response=VerifyResponse,
    answer=_answer,
)
def verify_key(inbound: RawRequest, services: Services) -> KeyQuestion:
    verification = services.verification
    caller = access_request(inbound, "manage", grant="keys:verify")
    try:
        subject = _access_request(inbound)
    except Problem as problem:
        return ask_invalid(inbound, verification, caller, problem, kind=lambda caller: VerifyKey(caller, None))
    if subject is None or not subject.is_foreign:
        return ask(inbound, verification, VerifyKey(caller, subject))
    # Only a look-up can recognize the text as a secret. After too many unknown ones, it is not looked up.
    origins = verified_by(caller.digest, inbound.ip, subject.ip)
    if verification.unknown_secrets.wait_seconds(origins, subject.digest):
        return replace(ask(inbound, verification, VerifyKey(caller, None)), is_limited=True)
    return replace(ask(inbound, verification, VerifyKey(caller, subject)), subject_origins=origins)


def _access_request(inbound: RawRequest) -> AccessRequest | None:
    refuse_parameters(inbound.query)
    body = read_body(inbound.body, inbound.header("content-type") or "", Body)
    validate_target(body.mcp_id, body.tool)
    address = None if body.ip is None else parse_address(body.ip)
    if body.ip is not None and address is None:
        raise invalid(ip=ADDRESS_EXPECTED)
    secret = parse(body.key) or parse_foreign(body.key)
    if secret is None:
        return None
    user_agent = body.user_agent
    return AccessRequest(
        digest=digest(secret),
        action="verify",
        mcp_id=body.mcp_id,
        tool=body.tool,
        is_foreign=is_foreign(secret),
        ip=None if address is None else str(address),
        user_agent=None if user_agent is None else clean_user_agent(user_agent),
        request_id=inbound.request_id,
    )


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
        details["tool"] = CONTAINS_API_KEY
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
        permissions=to_permissions(key.permissions),
        expires_at=key.expires_at,
        revision=key.revision,
        event_id=result.event_id,
        remaining=None if result.quota is None else result.quota.remaining,
    )
