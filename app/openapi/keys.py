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
_REASON = {"description": "Why. It stays in the key's record."}
_REVOCATION = Body(
    revoke.Body,
    {"reason": _REASON, "note": {"description": "More about it.", "maxLength": NOTE_LENGTH_MAX}},
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
        description="The secret is in this answer and nowhere else. No key gets what its creator does not have.",
        body=Body(
            create.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "expires_at": fields.EXPIRES_AT,
                "expires_in_days": {"description": "Instead of `expires_at`."},
                "environment": {"description": "Live or test. Without it, that of the caller's key."},
                "permissions": {"description": "What the key reaches. Without it, nothing."},
                "rate_limit": {"description": "Narrower than the plan's. Null: the plan's."},
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
            "All filters that are given must fit. Where more keys do than are worth counting, `total` says at least how"
            " many, and `total_exact` is false. Pages by number reach the first 10,000 keys, cursors all of them."
        ),
        query=listing.Query,
        query_fields={
            "status": {"description": "The status of the key."},
            "mcp_id": {
                "description": "Keys that reach this MCP server, including keys for all MCP servers of its environment."
                " No key fits an unknown id."
            },
            "created_by": {"description": "The id of the person or the key that made it. No key fits an unknown id."},
            "expiring_within_days": {"description": "Keys that expire within so many days."},
            "unused_for_days": {"description": "Keys that were not used for so many days."},
            "q": {
                "description": "A word of the name begins with this, or the prefix does. Large and small letters are "
                "alike, and so are all ways to encode a letter. In scripts without spaces, such as Japanese, every "
                "letter begins a word."
            },
            "sort": {"description": "What the list is ordered by."},
            "order": {"description": "Without it: names and expiry ascending, all else descending."},
        },
        answer=Answer(keys.Key, examples.KEY, paging="pages"),
    ),
    routed(
        key_detail,
        tag=_TAG,
        summary="Show a key",
        description="With the dates of its secrets and its ten newest events.",
        answer=Answer(keys.KeyDetail, examples.KEY_DETAIL),
        revised=True,
    ),
    routed(
        change_details.change_key,
        tag=_TAG,
        summary="Change a key",
        description="What is left out stays as it is. A revoked or expired key can not be changed.",
        body=Body(
            change_details.Body,
            {
                "name": fields.NAME,
                "description": fields.DESCRIPTION,
                "metadata": fields.METADATA,
                "permissions": {"description": "All of them, as they are from now on."},
                "rate_limit": {"description": "Null: the plan's."},
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
        description="It is refused from this answer on, until it is enabled.",
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
        description="It is refused from this answer on, for ever, on every process. Repeating it changes nothing. A "
        "key can not revoke itself while it is the last active one.",
        body=_REVOCATION,
        answer=_REVOKED,
        revised=True,
        conditional=True,
    ),
    routed(
        revoke.revoke_key,
        tag=_TAG,
        summary="Revoke a key, with POST",
        description="The same as DELETE, for clients that can not send a body with that.",
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
        description="A dry run, unless `dry_run` is false. A key matches when every selector fits that is given; at "
        "least one must be. A selector that names something that the organization does not have is refused with 422. "
        "The calling key is left out unless `include_caller` is true.",
        body=Body(
            revoke_many.Body,
            {
                "reason": _REASON,
                "ids": {
                    "description": "These keys.",
                    "minItems": 1,
                    "maxItems": revoke_many.IDS_MAX,
                    "items": {"type": "string", "pattern": "^key_[0-7][0-9a-hjkmnp-tv-z]{25}$"},
                },
                "created_by": {
                    "description": "Keys that this person or key made.",
                    "pattern": "^(user|key)_[0-7][0-9a-hjkmnp-tv-z]{25}$",
                },
                "mcp_id": {
                    "description": "Keys that reach this MCP server, including keys for all MCP servers of its "
                    "environment.",
                    "pattern": "^mcp_[0-7][0-9a-hjkmnp-tv-z]{25}$",
                },
                "created_before": {
                    "description": "Keys that were made before this instant, which is not in the future."
                },
                "dry_run": {"description": "True: only say what would be revoked."},
                "include_caller": {"description": "True: revoke the calling key too, if the selectors fit it."},
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
        description="A new secret for the same key: its id, history and permissions stay. Earlier secrets are accepted "
        "until the new one is used for the first time, for a week at most: a lost answer stops nothing. "
        "With `overlap_seconds` they are accepted for exactly so long, and with 0 no longer. "
        "`previous_valid_until` is their latest end.",
        body=Body(
            rotate.Body,
            {
                "overlap_seconds": {
                    "description": "How long earlier secrets stay valid, whether the new one is used or not. 0: they "
                    "are refused immediately. Absent: until the first use of the new one.",
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
        summary="Show what happened to a key",
        description="Every change of the key and every use of it, allowed or denied, newest first.",
        query=activity.Query,
        query_fields={"type": {"description": "One kind of event.", "enum": list(activity.EVENT_TYPES)}},
        answer=Answer(keys.ActivityEntry, examples.USE, paging="cursor"),
    ),
]
