"""Every error code explained: what it means, what usually causes it, what to do. Shown at the `type` of each error."""

from typing import NamedTuple


class Explanation(NamedTuple):
    meaning: str
    cause: str
    remedy: str


EXPLANATIONS: dict[str, Explanation] = {
    "unauthorized": Explanation(
        "Nobody was recognised: no key or session came with the request, or one that is unknown.",
        "The header is missing or misspelt, the key was cut off while it was copied, belongs to another installation, "
        "two headers contain different keys, "
        "or the person was signed out.",
        "Send the whole key as `Authorization: Bearer pk_live_…` or `X-API-Key`. `keyledger doctor <key>` tells if a "
        "key is complete, without sending it anywhere. People sign in again.",
    ),
    "expired_key": Explanation(
        "The secret belongs to a key whose expiry has passed.",
        "The key was made with `expires_at` or `expires_in_days`, and nobody changed that in time.",
        "Create a new key. An expired key can not be extended. Alerts announce an expiry 30, 14, 7 and 1 days before.",
    ),
    "revoked_key": Explanation(
        "The secret belongs to a key that was revoked, or it was replaced by a rotation.",
        "Someone revoked the key, its owner left the organization, or the overlap of a rotation has ended.",
        "Use the secret that the rotation answered with, or create a new key. A revocation can not be taken back.",
    ),
    "disabled_key": Explanation(
        "The secret belongs to a key that is disabled for the time being.",
        "Someone disabled it, perhaps while they look into how it is used.",
        "Ask whoever manages the keys. `POST /v1/api-keys/{id}/enable` makes it work again.",
    ),
    "forbidden": Explanation(
        "The caller is known and may not do this.",
        "A grant or the role of the owner is missing: `details.required` names it. Or only people may do this; or what "
        "was asked for goes beyond what the caller has; or a change came without the CSRF token of the session.",
        "Use a key with the grant, or have someone whose role allows it do this. Nobody can give a key more than they "
        "have themselves.",
    ),
    "mcp_not_permitted": Explanation(
        "The key does not reach this MCP server.",
        "The server is not among `permissions.mcps` of the key, or it is inactive.",
        "Add its id to the permissions of the key, or set the server to `active`.",
    ),
    "tool_not_permitted": Explanation(
        "The key reaches the MCP server, but not this tool of it.",
        "A pattern in `permissions.tools` denies the tool, or none allows it. A denial wins.",
        "Change the rule for this server in the permissions of the key, or call a tool that it allows.",
    ),
    "environment_mismatch": Explanation(
        "A test key asked for a live MCP server, or a live key for a test one.",
        "Keys for all servers reach those of their own environment only.",
        "Use a key of the other environment, or list the server by its id in the permissions of the key.",
    ),
    "ip_not_permitted": Explanation(
        "The key works from certain networks only, and the request came from elsewhere.",
        "The address is in none of `allowed_ips`. Behind a proxy of your own, its address is seen until it is named in "
        "KEYLEDGER_TRUSTED_PROXIES.",
        "Add the network to `allowed_ips` of the key, or send the request from one of those listed.",
    ),
    "key_limit_reached": Explanation(
        "The plan allows no more keys. `details` has the limit and how many there are.",
        "Active and disabled keys count; revoked and expired ones do not.",
        "Revoke keys that nobody uses (`GET /v1/api-keys?unused_for_days=90`), or change the plan.",
    ),
    "mcp_limit_reached": Explanation(
        "The plan allows no more MCP servers. `details` has the limit and how many there are.",
        "Inactive servers count as well.",
        "Delete a server that is not needed any more, or change the plan.",
    ),
    "member_limit_reached": Explanation(
        "The plan allows no more members. `details` has the limit and how many there are.",
        "Open invitations may count too, so that accepting one never fails.",
        "Remove a member, withdraw an invitation, or change the plan.",
    ),
    "not_found": Explanation(
        "There is nothing here that the caller may see.",
        "The id is mistyped, belongs to another organization, or to something that was deleted.",
        "Look the id up in the list. What belongs to another organization is answered the same way, to the letter.",
    ),
    "method_not_allowed": Explanation(
        "This address exists and does not take this method.",
        "POST in place of PATCH, for example.",
        "Use one of the methods in the `Allow` header. `/schema` lists all operations.",
    ),
    "already_exists": Explanation(
        "Something that may exist once only is there already.",
        "The same person was invited twice, or a request was repeated without Idempotency-Key.",
        "Use what is there. With Idempotency-Key a repeat gets the first answer again.",
    ),
    "conflict": Explanation(
        "The state of the resource does not allow this.",
        "The key is revoked or expired, or someone else changed the resource at the same moment.",
        "Read the resource again and decide anew. `If-Match` makes sure that you change what you saw.",
    ),
    "idempotency_in_flight": Explanation(
        "A request with the same Idempotency-Key is being worked on at this moment.",
        "A client gave up waiting and tried again too soon.",
        "Wait as long as `Retry-After` says and repeat with the same key: you get the answer of the first request.",
    ),
    "revision_mismatch": Explanation(
        "The resource is not at the revision any more that `If-Match` names. Nothing was changed.",
        "Someone else changed it since you read it.",
        "Read it again, look at what changed, and repeat with the new `ETag`.",
    ),
    "payload_too_large": Explanation(
        "The body is larger than 1 MiB.",
        "The arguments of a tool carry a whole file, or a list of ids is too long.",
        "Send less: several requests, or an address in place of the contents.",
    ),
    "unsupported_media_type": Explanation(
        "The body is of a kind that is not read here.",
        "The header `Content-Type` is missing or is that of a form.",
        "Send JSON with `Content-Type: application/json`.",
    ),
    "validation_error": Explanation(
        "The request could be read, but some fields are not right. Nothing was changed.",
        "`details` names every field with what to do about it. Unknown fields and parameters are refused too: a "
        "misspelt one would otherwise be ignored without a word.",
        "Correct the fields and send the request again.",
    ),
    "idempotency_mismatch": Explanation(
        "This Idempotency-Key belongs to another request.",
        "A key was used for two different bodies or addresses within 24 hours.",
        "Make a new key for every new request; use the old one for repeats of the very same request only.",
    ),
    "invalid_arguments": Explanation(
        "The MCP server does not take these arguments for its tool.",
        "An argument is missing, has another type, or is unknown. `details` names each as far as the server says.",
        "Look at `input_schema` of the tool: `GET /v1/mcps/{id}` shows it after a test of the server.",
    ),
    "invalid_request": Explanation(
        "The request can not be read.",
        "The body is not JSON or not an object, it broke off, or the query string is malformed.",
        "Send one JSON object in UTF-8.",
    ),
    "rate_limited": Explanation(
        "Requests come faster than the limit of the key or of the plan allows, or signing in was tried too often.",
        "A burst, or several clients that share one key. Or an MCP server is so slow that its queue is full; the call "
        "was not made, and calls to other servers are not affected.",
        "Wait as long as `Retry-After` says. `X-RateLimit-Remaining` tells in good time how much is left.",
    ),
    "quota_exceeded": Explanation(
        "The requests that the plan has for this month are used up.",
        "Calls, checks and verifications count; managing keys does not.",
        "Change the plan, or wait for the first of next month (UTC). `GET /v1/usage` shows what was used by which key.",
    ),
    "internal_error": Explanation(
        "Something is wrong on our side.",
        "A defect. It is in the log together with the request id.",
        "Repeat with the same Idempotency-Key. If it stays, report the `request_id`.",
    ),
    "mcp_error": Explanation(
        "The MCP server was reached and did not give a proper answer.",
        "It refused the stored credential, failed inside, or does not follow the protocol. `message` says which.",
        "Wait as long as `Retry-After` says, where the answer has it. Otherwise test the server with "
        "`POST /v1/mcps/{id}/test`, renew its credential, or ask its operator.",
    ),
    "mcp_unreachable": Explanation(
        "No connection to the MCP server could be made.",
        "It is down, its name does not resolve, its certificate is not valid, or its address is not one that this "
        "gateway may connect to.",
        "Check `endpoint_url`. Servers in private networks have to be allowed with KEYLEDGER_EGRESS_ALLOW.",
    ),
    "unavailable": Explanation(
        "The log cannot be written at this moment, and nothing is accepted that cannot be recorded.",
        "The database is away, restarting or overloaded. `details.outcome` says what became of the request: "
        "`not_recorded` means that nothing happened, `unknown` that a change was sent and not confirmed.",
        "Wait as long as `Retry-After` says and repeat the request. When the outcome is `unknown`, repeat it with the "
        "same Idempotency-Key, or read the resource that `details.resource_id` names. `/health/ready` says what is "
        "missing.",
    ),
    "mcp_timeout": Explanation(
        "The MCP server did not answer in time. It may still do what was asked.",
        "The tool takes longer than `timeout`, or the server is overloaded.",
        "Find out whether the call took effect before you repeat it. Allow more with `timeout` (milliseconds).",
    ),
}
