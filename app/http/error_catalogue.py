"""Catalogue of error codes: the meaning, the usual cause and the remedy of each.

Each entry is the only definition of the texts for its code. The API's responses, the pages behind `type` and the
OpenAPI document use it. `tests/app/http/test_errors.py` compares the codes and their statuses with the contract.
"""

from collections.abc import Mapping
from typing import NamedTuple


class ErrorCode(NamedTuple):
    """An error code. `details` is an example of what an error with this code may contain.

    The texts mark code with backticks. `meaning` and `remedy` together are the default message of an error.
    """

    status: int
    title: str
    meaning: str
    cause: str
    remedy: str
    details: Mapping[str, object] | None = None

    @property
    def message(self) -> str:
        """Return what happened and what to do, as plain text."""
        return f"{self.meaning} {self.remedy}".replace("`", "")


ERRORS: dict[str, ErrorCode] = {
    "unauthorized": ErrorCode(
        401,
        "Unauthorized",
        meaning="The request contains no valid API key or session.",
        cause="The header is missing or misspelled. The key was cut off when it was copied, or it belongs to another "
        "installation. Two headers contain different keys. Or the session or the link has expired or was already "
        "ended. `keyledger doctor <key>` checks whether a key is complete without sending it anywhere.",
        remedy="Send the complete key as `Authorization: Bearer pk_live_…` or `X-API-Key`. In a browser, sign in.",
    ),
    "expired_key": ErrorCode(
        401,
        "Expired key",
        meaning="This key has expired.",
        cause="The key was created with `expires_at` or `expires_in_days`, and this time has passed. Alerts announce "
        "an expiry 30, 14, 7 and 1 days before.",
        remedy="Create a new key. An expired key cannot be extended.",
    ),
    "revoked_key": ErrorCode(
        401,
        "Revoked key",
        meaning="This key has been revoked, or this secret was replaced by a rotation.",
        cause="A person or a program revoked the key, its creator left the organization, or the overlap of a rotation "
        "has ended.",
        remedy="Use the secret that the rotation returned, or create a new key. Revocation is permanent.",
    ),
    "disabled_key": ErrorCode(
        401,
        "Disabled key",
        meaning="This key is disabled.",
        cause="A person or a program disabled it, for example during an investigation.",
        remedy="Ask a manager of the keys to enable it with `POST /v1/api-keys/{id}/enable`.",
    ),
    "forbidden": ErrorCode(
        403,
        "Forbidden",
        meaning="The caller is not allowed to do this.",
        cause="A management grant or the role of the owner is missing, the endpoint accepts only signed-in users, the "
        "request would give more permissions than the caller has, or a request with a session has no valid CSRF token.",
        remedy="Use a key or a role with the grants in `details.required`. The message names any other reason.",
        details={"required": ["keys:write"]},
    ),
    "mcp_not_permitted": ErrorCode(
        403,
        "MCP not permitted",
        meaning="This key cannot use this MCP server, or the server is inactive.",
        cause="The server is not in `permissions.mcps` of the key, or its status is `inactive`.",
        remedy="Add the server to the permissions of the key, or set the server to `active`.",
    ),
    "tool_not_permitted": ErrorCode(
        403,
        "Tool not permitted",
        meaning="This key can use the MCP server, but not this tool.",
        cause="A pattern in `permissions.tools` denies the tool, or no pattern allows it. A denial takes precedence.",
        remedy="Change the rule for this server in the permissions of the key, or call a tool that it allows.",
    ),
    "environment_mismatch": ErrorCode(
        403,
        "Environment mismatch",
        meaning="A test key requested a live MCP server, or a live key requested a test server.",
        cause="A key for all MCP servers can use only the servers of its own environment.",
        remedy="Use a key of the other environment, or list the server by its id in the permissions of the key.",
    ),
    "ip_not_permitted": ErrorCode(
        403,
        "Address not permitted",
        meaning="This key cannot be used from this IP address.",
        cause="The address is in none of the networks in `allowed_ips`. If the service is behind a proxy that "
        "`KEYLEDGER_TRUSTED_PROXIES` does not contain, the address is that of the proxy.",
        remedy="Add the network to `allowed_ips` of the key, or send the request from one of its networks.",
    ),
    "key_limit_reached": ErrorCode(
        403,
        "Key limit reached",
        meaning="The plan does not allow more API keys.",
        cause="Active and disabled keys count; revoked and expired keys do not. `details` contains the limit and the "
        "number of keys. `GET /v1/api-keys?unused_for_days=90` lists unused keys.",
        remedy="Revoke a key, or change the plan.",
        details={"limit": 10, "used": 10, "plan": "pro"},
    ),
    "mcp_limit_reached": ErrorCode(
        403,
        "MCP limit reached",
        meaning="The plan does not allow more MCP servers.",
        cause="Inactive servers count too. `details` contains the limit and the number of servers.",
        remedy="Delete a server, or change the plan.",
        details={"limit": 15, "used": 15, "plan": "pro"},
    ),
    "member_limit_reached": ErrorCode(
        403,
        "Member limit reached",
        meaning="The plan does not allow more members.",
        cause="Members count when they accept an invitation; open invitations do not count. So an invitation can be "
        "sent and then fail to be accepted. `details` contains the limit and the number of members.",
        remedy="Remove a member, or change the plan.",
        details={"limit": 5, "used": 5, "plan": "pro"},
    ),
    "not_found": ErrorCode(
        404,
        "Not found",
        meaning="Not found, or not visible to the caller.",
        cause="The id is misspelled, belongs to another organization, or belongs to something that was deleted. The "
        "response is the same in all these cases.",
        remedy="Look up the id in the list of the resource.",
    ),
    "method_not_allowed": ErrorCode(
        405,
        "Method not allowed",
        meaning="This path does not support the method.",
        cause="The method does not match the path, for example `PUT` instead of `PATCH`.",
        remedy="Use one of the methods in the header `Allow`.",
    ),
    "already_exists": ErrorCode(
        409,
        "Already exists",
        meaning="A resource with this name or address already exists.",
        cause="The same request was sent twice without an `Idempotency-Key`, or the name or address is in use.",
        remedy="Use the existing resource, or choose another name.",
    ),
    "conflict": ErrorCode(
        409,
        "Conflict",
        meaning="The state of the resource does not allow this, or the resource was modified concurrently.",
        cause="For example, the key is revoked or expired, or another request changed the resource at the same time.",
        remedy="Read the resource again and retry if the change still applies. `If-Match` detects concurrent changes.",
    ),
    "idempotency_in_flight": ErrorCode(
        409,
        "Request in flight",
        meaning="A request with this `Idempotency-Key` is still being processed.",
        cause="A client timed out and retried before the first request was finished.",
        remedy="Wait for the number of seconds in `Retry-After`, then retry with the same key to get its response.",
    ),
    "revision_mismatch": ErrorCode(
        412,
        "Revision mismatch",
        meaning="The resource is no longer at the revision in `If-Match`. Nothing was changed.",
        cause="Another request changed the resource after you read it.",
        remedy="Read the resource again, and retry with its new `ETag`.",
    ),
    "payload_too_large": ErrorCode(
        413,
        "Payload too large",
        meaning="The body is larger than 1 MiB.",
        cause="For example, the arguments of a tool contain a whole file, or a list of ids is too long.",
        remedy="Split the request, or send a URL instead of the contents.",
    ),
    "unsupported_media_type": ErrorCode(
        415,
        "Unsupported media type",
        meaning="The media type or encoding of the body is not supported.",
        cause="The header `Content-Type` is missing or is that of a form, or the body is compressed.",
        remedy="Send uncompressed JSON with `Content-Type: application/json`.",
    ),
    "validation_error": ErrorCode(
        422,
        "Validation error",
        meaning="Some fields or parameters are not valid. Nothing was changed.",
        cause="`details` names each of them with its problem. Unknown fields and parameters are rejected too, because "
        "a misspelled one would otherwise be ignored.",
        remedy="Correct the fields in `details`, and send the request again.",
        details={"expires_at": "Must be a future date"},
    ),
    "idempotency_mismatch": ErrorCode(
        422,
        "Idempotency mismatch",
        meaning="This `Idempotency-Key` was already used for a different request.",
        cause="The key was used with another body or path within the last 24 hours.",
        remedy="Use a new key for each new request, and the same key only to retry the same request.",
    ),
    "invalid_arguments": ErrorCode(
        422,
        "Invalid arguments",
        meaning="The MCP server does not accept these arguments for this tool.",
        cause="An argument is missing, has the wrong type, or is unknown. `details` names each one that the server "
        "reports.",
        remedy="Compare the arguments with `input_schema` of the tool, which `GET /v1/mcps/{id}` returns after a test.",
        details={"numbers": "Required"},
    ),
    "invalid_request": ErrorCode(
        400,
        "Invalid request",
        meaning="The request cannot be parsed.",
        cause="The body is not JSON, is not a JSON object, or is incomplete. Or the query string or a header is "
        "malformed.",
        remedy="Send one JSON object in UTF-8.",
    ),
    "rate_limited": ErrorCode(
        429,
        "Rate limited",
        meaning="Too many requests, or too many concurrent calls to one MCP server.",
        cause="Requests exceed the limit of the key or the plan, for example because several clients share a key. Or "
        "sign-in was attempted too often. Or the queue of a slow MCP server is full; calls to other servers are not "
        "affected. Or too many unknown secrets came from this address. For the limit of a key or a plan, "
        "`X-RateLimit-Remaining` shows how many requests are left.",
        remedy="Wait for the number of seconds in `Retry-After`.",
    ),
    "quota_exceeded": ErrorCode(
        429,
        "Quota exceeded",
        meaning="The plan's requests for this month are used up.",
        cause="Calls, checks and verifications count; managing keys does not. `GET /v1/usage` shows how many each key "
        "used.",
        remedy="Change the plan, or wait for the first of next month (UTC).",
    ),
    "internal_error": ErrorCode(
        500,
        "Internal error",
        meaning="The service failed unexpectedly.",
        cause="A defect in the service. The log contains it with the request id.",
        remedy="Retry with the same `Idempotency-Key`. If the error persists, report the request id.",
    ),
    "mcp_error": ErrorCode(
        502,
        "MCP error",
        meaning="The MCP server did not return a valid response.",
        cause="It rejected the stored credential, failed internally, or does not follow the protocol. The message "
        "names the reason.",
        remedy="If the response has `Retry-After`, wait and retry. Otherwise test the server with "
        "`POST /v1/mcps/{id}/test`.",
    ),
    "mcp_unreachable": ErrorCode(
        502,
        "MCP unreachable",
        meaning="The gateway could not connect to the MCP server.",
        cause="The server is down, its name does not resolve, its certificate is not valid, or its address is not one "
        "that the gateway may connect to. The operator allows private networks with `KEYLEDGER_EGRESS_ALLOW`.",
        remedy="Check `endpoint_url` of the server.",
    ),
    "unavailable": ErrorCode(
        503,
        "Unavailable",
        meaning="The service cannot record requests right now, so it accepts none.",
        cause="The database is unreachable, restarting or overloaded. `details.outcome` is `not_recorded` if nothing "
        "happened, or `unknown` if a change was sent but not confirmed. `details.resource_id` names the resource of an "
        "unconfirmed change. `/health/ready` shows which part is missing.",
        remedy="Wait for the number of seconds in `Retry-After` and retry. If `details.outcome` is `unknown`, retry "
        "with the same `Idempotency-Key`, or look up the resource first.",
        details={"outcome": "not_recorded"},
    ),
    "mcp_timeout": ErrorCode(
        504,
        "MCP timeout",
        meaning="The MCP server did not respond in time. It may still complete the call.",
        cause="The tool takes longer than `timeout`, or the server is overloaded.",
        remedy="Check whether the call took effect before you retry. Allow more time with `timeout` (milliseconds).",
    ),
}
