"""OpenAPI operations on keys."""

from app.api.api_keys import activity, create, revoke, revoke_many, rotate
from app.api.api_keys import list as listing
from app.api.api_keys import update as change_details
from app.api.api_keys.disable import disable_key
from app.api.api_keys.enable import enable_key
from app.api.api_keys.get import key_detail
from app.openapi import examples, fields
from app.openapi.operation import Answer, Body, Operation, routed
from app.openapi.shapes import keys
from domain.keys.fields import NOTE_LENGTH_MAX, OVERLAP_SECONDS_MAX

_TAG = "Keys"
_REASON = {"description": "The reason. It is stored in the history of the key."}
_REVOCATION = Body(
    revoke.Body,
    {"reason": _REASON, "note": {"description": "Details of the reason.", "maxLength": NOTE_LENGTH_MAX}},
    {"reason": "compromised", "note": "Found in a public repository"},
)
_REVOKED = Answer(
    keys.RevokedKey, {"id": examples.KEY_ID, "status": "revoked", "revoked_at": examples.LATER, "revision": 4}
)

OPERATIONS: list[Operation] = [
    routed(
        create.create_key,
        tag=_TAG,
        summary="Create a key",
        description="Only this response contains the secret. A key cannot have permissions that its creator lacks.",
        body=Body(
            create.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "expires_at": fields.EXPIRES_AT,
                "expires_in_days": {"description": "An alternative to `expires_at`."},
                "environment": {"description": "Live or test. Default: the environment of the caller's key."},
                "permissions": {"description": "The permissions of the key. Default: none."},
                "rate_limit": {"description": "A limit below that of the plan. Null: the plan's limit."},
                "allowed_ips": fields.ALLOWED_IPS,
                "metadata": fields.METADATA,
            },
            {"name": "My agent", "permissions": {"mcps": [examples.MCP_ID]}, "expires_in_days": 90},
        ),
        answer=Answer(keys.CreatedKey, {**examples.KEY, "key": examples.SECRET}),
        errors=("key_limit_reached",),
        revised=True,
        repeatable=True,
    ),
    routed(
        listing.list_keys,
        tag=_TAG,
        summary="List keys",
        description=(
            "A key must match all given filters. Counting stops at a maximum: `total` is then a minimum, and "
            "`total_exact` is false. Page numbers reach the first 10,000 keys, cursors reach all of them."
        ),
        query=listing.Query,
        query_fields={
            "status": {"description": "The status of the key."},
            "mcp_id": {
                "description": "Keys that reach this MCP server, including keys for all MCP servers of its "
                "environment. An unknown id matches no key."
            },
            "created_by": {
                "description": "The id of the user or key that created the key. An unknown id matches no key."
            },
            "expiring_within_days": {"description": "Keys that expire within this number of days."},
            "unused_for_days": {"description": "Keys that have not been used for this number of days."},
            "q": {
                "description": "The start of a word in the name, or of the key's prefix. The search ignores case "
                "and the Unicode encoding of a letter. In scripts without spaces, such as Japanese, "
                "every letter starts a word."
            },
            "sort": {"description": "The field to sort by."},
            "order": {"description": "Default: ascending for names and expiry, otherwise descending."},
        },
        answer=Answer(keys.Key, examples.KEY, paging="pages"),
    ),
    routed(
        key_detail,
        tag=_TAG,
        summary="Get a key",
        description="The response includes the dates of the key's secrets and its ten newest events.",
        answer=Answer(keys.KeyDetail, examples.KEY_DETAIL),
        revised=True,
    ),
    routed(
        change_details.change_key,
        tag=_TAG,
        summary="Update a key",
        description="Omitted fields stay unchanged. A revoked or expired key cannot be changed.",
        body=Body(
            change_details.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "metadata": fields.METADATA,
                "permissions": {"description": "The new permissions. They replace all earlier ones."},
                "rate_limit": {"description": "Null: the plan's limit."},
                "allowed_ips": fields.ALLOWED_IPS,
                "expires_at": fields.EXPIRES_AT,
            },
            {"name": "My agent", "allowed_ips": ["10.0.0.0/8"]},
        ),
        answer=Answer(keys.Key, examples.KEY),
        revised=True,
        conditional=True,
    ),
    routed(
        disable_key,
        tag=_TAG,
        summary="Disable a key",
        description="The key is refused once this response is sent, until it is enabled again.",
        answer=Answer(keys.Key, {**examples.KEY, "status": "disabled"}),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        enable_key,
        tag=_TAG,
        summary="Enable a key",
        description="A disabled key is accepted again.",
        answer=Answer(keys.Key, examples.KEY),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        revoke.delete_key,
        tag=_TAG,
        summary="Revoke a key",
        description="Revocation is permanent. The key is refused on every process once this response is sent. "
        "Revoking it again changes nothing. A key cannot revoke itself if it is the only active one.",
        body=_REVOCATION,
        answer=_REVOKED,
        revised=True,
        conditional=True,
    ),
    routed(
        revoke.revoke_key,
        tag=_TAG,
        summary="Revoke a key with POST",
        description="The same as DELETE, for clients that cannot send a body with DELETE.",
        body=_REVOCATION,
        answer=_REVOKED,
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        revoke_many.revoke_keys,
        tag=_TAG,
        summary="Revoke many keys",
        description="A dry run, unless `dry_run` is false. A key matches if it matches every given selector; at "
        "least one selector is required. A selector that names an unknown resource is refused with 422. "
        "The calling key is left out unless `include_caller` is true.",
        body=Body(
            revoke_many.Body,
            {
                "reason": _REASON,
                "ids": {
                    "description": "Only these keys.",
                    "minItems": 1,
                    "maxItems": revoke_many.IDS_MAX,
                    "items": {"type": "string", "pattern": "^key_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
                },
                "created_by": {
                    "description": "Keys that this user or key created.",
                    "pattern": "^(user|key)_[0-7][0-9a-hjkmnp-tv-z]{25}$",
                },
                "mcp_id": {
                    "description": "Keys that reach this MCP server, including keys for all MCP servers of its "
                    "environment.",
                    "pattern": "^mcp_[0-7][0-9a-hjkmnp-tv-z]{25}$",
                },
                "created_before": {"description": "Keys created before this time, which cannot be in the future."},
                "dry_run": {"description": "True: only return the keys that would be revoked."},
                "include_caller": {"description": "True: revoke the calling key too, if the selectors match it."},
            },
            {"created_by": examples.USER_ID, "reason": "compromised", "dry_run": False},
            {"anyOf": [{"required": [selector]} for selector in ("ids", "created_by", "mcp_id", "created_before")]},
        ),
        answer=Answer(
            keys.RevokedKeys,
            {
                "matched": 1,
                "revoked": 1,
                "caller_excluded": False,
                "keys": [{**examples.BRIEF_KEY, "status": "revoked"}],
            },
        ),
        repeatable=True,
    ),
    routed(
        rotate.rotate_key,
        tag=_TAG,
        summary="Rotate a key",
        description="Create a new secret for the same key; its id, history and permissions stay. Earlier secrets "
        "are accepted until the first use of the new one, for a week at most, so a lost response does "
        "not lock out a client. With `overlap_seconds`, they are accepted for exactly this time; with "
        "0, they are refused immediately. `previous_valid_until` is the latest time at which they are "
        "accepted.",
        body=Body(
            rotate.Body,
            {
                "overlap_seconds": {
                    "description": "How long earlier secrets stay valid, whether or not the new one is used. 0: "
                    "they are refused immediately. Absent: until the first use of the new one.",
                    "minimum": 0,
                    "maximum": OVERLAP_SECONDS_MAX,
                }
            },
            {"overlap_seconds": 3600},
        ),
        answer=Answer(
            keys.RotatedKey, {**examples.KEY, "previous_valid_until": examples.LATER, "key": examples.SECRET}
        ),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
    routed(
        activity.key_activity,
        tag=_TAG,
        summary="List the activity of a key",
        description="Every change and every use of the key, allowed or denied, newest first.",
        query=activity.Query,
        query_fields={"type": {"description": "The event type.", "enum": list(activity.EVENT_TYPES)}},
        answer=Answer(keys.ActivityEntry, examples.USE, paging="cursor"),
    ),
]
