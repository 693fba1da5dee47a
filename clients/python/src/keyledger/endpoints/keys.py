"""The calls of `client.keys`."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Literal, TypeAlias
from urllib.parse import quote

from msgspec import UNSET, UnsetType

from keyledger.call import (
    Call,
    Repeat,
    data_of,
    data_with_secret,
    json_body,
    list_of,
    page_of,
    query_of,
    recovering,
    set_fields,
    with_headers,
)
from keyledger.errors import SecretLost
from keyledger.models.activity import Activity
from keyledger.models.keys import (
    CreatedKey,
    Identification,
    ImportedKeys,
    Key,
    KeyClients,
    KeyCreator,
    KeyDetail,
    KeyReview,
    KeyToImport,
    ListedKey,
    RevokedKey,
    RevokedKeys,
    RotatedKey,
)
from keyledger.models.page import Page
from keyledger.models.permissions import Permissions, RateLimit
from keyledger.secret import Secret, sha256_of

Environment: TypeAlias = Literal["live", "test"]
Status: TypeAlias = Literal["active", "disabled", "expired", "revoked"]
Outcome: TypeAlias = Literal["success", "denied", "error", "started"]
Action: TypeAlias = Literal["verify", "check", "call", "manage"]
Reason: TypeAlias = Literal["compromised", "superseded", "owner_removed", "no_longer_needed", "unspecified"]
Order: TypeAlias = Literal["asc", "desc"]
Sort: TypeAlias = Literal["created_at", "last_used", "expires_at", "name"]

_KEYS = "/v1/api-keys"
_MANY_SECONDS = 120.0

_key = data_of(Key)
_created = data_with_secret(CreatedKey)
_rotated = data_with_secret(RotatedKey)
_detail = data_of(KeyDetail)
_revoked = data_of(RevokedKey)
_revoked_keys = data_of(RevokedKeys)
_imported = data_of(ImportedKeys)
_review = data_of(KeyReview)
_creators = list_of(KeyCreator)
_clients = data_of(KeyClients)
_identification = data_of(Identification)
_keys = page_of(ListedKey)
_entries = page_of(Activity)


def create_key(
    name: str,
    *,
    description: str | None = None,
    permissions: Permissions | None = None,
    environment: Environment | None = None,
    expires_at: datetime | None = None,
    expires_in_days: int | None = None,
    rate_limit: RateLimit | None = None,
    allowed_ips: Sequence[str] | None = None,
    metadata: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
) -> Call[CreatedKey]:
    """Create a key. `answer.key.reveal()` is its secret, which is never shown again.

    If the key was created but the response with its secret was lost, the client rotates the key: no caller has the lost
    secret. With an `idempotency_key` of your own, `SecretLost` is raised instead.
    """
    fields = set_fields(
        name=name,
        description=description,
        permissions=permissions,
        environment=environment,
        expires_at=expires_at,
        expires_in_days=expires_in_days,
        rate_limit=rate_limit,
        allowed_ips=None if allowed_ips is None else list(allowed_ips),
        metadata=None if metadata is None else dict(metadata),
    )
    headers = with_headers(idempotency_key=idempotency_key)
    call = Call("POST", _KEYS, _created, body=json_body(**fields), headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)
    return recovering(call, _another_secret)


def import_keys(
    keys: Sequence[KeyToImport], *, dry_run: bool = True, idempotency_key: str | None = None
) -> Call[ImportedKeys]:
    """Import up to 1,000 keys with the secrets that another system issued. A dry run only reports, and is the default.

    `dry_run=False` imports them. An invalid key is reported, and the others are imported. A repeated import has no
    effect.
    """
    return Call(
        "POST",
        f"{_KEYS}/import",
        _imported,
        body=json_body(keys=list(keys), dry_run=dry_run),
        headers=with_headers(idempotency_key=idempotency_key),
        repeat=Repeat.WITH_IDEMPOTENCY_KEY,
        timeout_seconds=_MANY_SECONDS,
    )


def list_keys(
    *,
    status: Status | None = None,
    environment: Environment | None = None,
    mcp_id: str | None = None,
    created_by: str | None = None,
    expiring_within_days: int | None = None,
    unused_for_days: int | None = None,
    never_used_for_days: int | None = None,
    expires: Literal["never"] | None = None,
    mcp_access: Literal["all"] | None = None,
    rotation_ends_within_days: int | None = None,
    open_grant: str | None = None,
    q: str | None = None,
    usage_days: int | None = None,
    sort: Sort | None = None,
    order: Order | None = None,
    page: int | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[ListedKey]]:
    """List the keys that match all filters. `per_page`: 1 to 100.

    `q`: start of a word in the name, or start of the prefix, ignoring case. `usage_days`: 1 to 31, to get
    `requests_by_day`, the accepted requests per UTC day, oldest first, with today last. `open_grant`: keys with this
    management grant that any IP address may use.
    """
    query = query_of(
        status=status,
        environment=environment,
        mcp_id=mcp_id,
        created_by=created_by,
        expiring_within_days=expiring_within_days,
        unused_for_days=unused_for_days,
        never_used_for_days=never_used_for_days,
        expires=expires,
        mcp_access=mcp_access,
        rotation_ends_within_days=rotation_ends_within_days,
        open_grant=open_grant,
        q=q,
        usage_days=usage_days,
        sort=sort,
        order=order,
        page=page,
        cursor=cursor,
        per_page=per_page,
    )
    return Call("GET", _KEYS, _keys, query)


def review_keys() -> Call[KeyReview]:
    """Count the active keys that could be tighter, such as those without an expiry date."""
    return Call("GET", f"{_KEYS}/review", _review)


def list_key_creators() -> Call[tuple[KeyCreator, ...]]:
    """List the people who created keys, most keys first. `list_keys` accepts each id as `created_by`."""
    return Call("GET", f"{_KEYS}/creators", _creators)


def get_key(key_id: str) -> Call[KeyDetail]:
    """Return one key with the dates of its secrets and its latest events."""
    return Call("GET", _path(key_id), _detail)


def identify_key(key: str | Secret) -> Call[Identification]:
    """Return which key of the organization has the secret `key`, for example one that was found in a repository.

    Only the SHA-256 of the secret is sent. This is no use of the key; the audit log records it.
    """
    return Call("POST", f"{_KEYS}/identify", _identification, body=json_body(sha256=sha256_of(key)))


def update_key(
    key_id: str,
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType | None = UNSET,
    permissions: Permissions | UnsetType = UNSET,
    expires_at: datetime | UnsetType | None = UNSET,
    rate_limit: RateLimit | UnsetType | None = UNSET,
    allowed_ips: Sequence[str] | UnsetType = UNSET,
    metadata: Mapping[str, str] | UnsetType = UNSET,
    if_match: int | None = None,
) -> Call[Key]:
    """Update the given fields and keep the others; None clears a field.

    `if_match`: update the key only if it has this revision.
    """
    body = json_body(
        name=name,
        description=description,
        permissions=permissions,
        expires_at=expires_at,
        rate_limit=rate_limit,
        allowed_ips=allowed_ips if allowed_ips is UNSET else list(allowed_ips),
        metadata=metadata if metadata is UNSET else dict(metadata),
    )
    headers = with_headers(if_match=if_match)
    return Call("PATCH", _path(key_id), _key, body=body, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def disable_key(key_id: str, *, if_match: int | None = None, idempotency_key: str | None = None) -> Call[Key]:
    """Disable a key until it is enabled again."""
    return _post(key_id, "disable", if_match, idempotency_key)


def enable_key(key_id: str, *, if_match: int | None = None, idempotency_key: str | None = None) -> Call[Key]:
    """Accept a disabled key again."""
    return _post(key_id, "enable", if_match, idempotency_key)


def revoke_key(
    key_id: str,
    *,
    reason: Reason = "unspecified",
    note: str | None = None,
    if_match: int | None = None,
    idempotency_key: str | None = None,
) -> Call[RevokedKey]:
    """Revoke a key immediately and permanently. Revoking a revoked key changes nothing and is no error."""
    body = json_body(**set_fields(reason=reason, note=note))
    headers = with_headers(idempotency_key=idempotency_key, if_match=if_match)
    path = f"{_path(key_id)}/revoke"
    return Call("POST", path, _revoked, body=body, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def revoke_keys(
    *,
    reason: Reason,
    ids: Sequence[str] | None = None,
    created_by: str | None = None,
    mcp_id: str | None = None,
    created_before: datetime | None = None,
    dry_run: bool = True,
    include_caller: bool = False,
    idempotency_key: str | None = None,
) -> Call[RevokedKeys]:
    """Revoke all keys that match every given selector. A dry run only lists them, and is the default.

    `dry_run=False` revokes them. The calling key is excluded unless `include_caller` is True.
    """
    fields = set_fields(
        reason=reason,
        ids=None if ids is None else list(ids),
        created_by=created_by,
        mcp_id=mcp_id,
        created_before=created_before,
        dry_run=dry_run,
        include_caller=include_caller,
    )
    return Call(
        "POST",
        f"{_KEYS}/revoke",
        _revoked_keys,
        body=json_body(**fields),
        headers=with_headers(idempotency_key=idempotency_key),
        repeat=Repeat.WITH_IDEMPOTENCY_KEY,
        timeout_seconds=_MANY_SECONDS,
    )


def rotate_key(
    key_id: str, *, overlap_seconds: int | None = None, if_match: int | None = None, idempotency_key: str | None = None
) -> Call[RotatedKey]:
    """Give a key a new secret under the same id.

    The previous secret stays valid until the first use of the new one, or for `overlap_seconds` if given; 0 ends it
    immediately. If the response with the new secret was lost, the client rotates the key again. With an
    `idempotency_key` of your own, `SecretLost` is raised instead.
    """
    body = json_body(**set_fields(overlap_seconds=overlap_seconds))

    def rotation(if_match: int | None) -> Call[RotatedKey]:
        headers = with_headers(idempotency_key=idempotency_key, if_match=if_match)
        path = f"{_path(key_id)}/rotate"
        return Call("POST", path, _rotated, body=body, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)

    # The rotation whose response was lost has made the revision that the next rotation must match.
    return recovering(rotation(if_match), lambda lost: rotation(None if if_match is None else lost.revision))


def end_secrets(key_id: str, *, if_match: int | None = None, idempotency_key: str | None = None) -> Call[Key]:
    """End the earlier secrets of a rotated key now, before their overlap is over."""
    return _post(key_id, "end-secrets", if_match, idempotency_key)


def list_key_activity(
    key_id: str,
    *,
    type: str | None = None,  # noqa: A002 -- the parameter's name in the API
    status: Outcome | None = None,
    action: Action | None = None,
    reason: str | None = None,
    mcp_id: str | None = None,
    tool: str | None = None,
    ip: str | None = None,
    secret_version: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[Activity]]:
    """List the events and uses of a key that match all filters, newest first. The type `change` matches all but uses.

    With `after`, list what follows an entry, oldest first: send the id of an entry, or `pagination.next_after` of the
    previous page with the same filters. Repeat this to follow the activity. Every entry is then returned once.
    """
    query = query_of(
        type=type,
        status=status,
        action=action,
        reason=reason,
        mcp_id=mcp_id,
        tool=tool,
        ip=ip,
        secret_version=secret_version,
        from_=since,
        to=until,
        after=after,
        cursor=cursor,
        per_page=per_page,
    )
    return Call("GET", f"{_path(key_id)}/activity", _entries, query)


def get_key_clients(key_id: str) -> Call[KeyClients]:
    """Count the newest uses of a key by the user agent of its clients."""
    return Call("GET", f"{_path(key_id)}/clients", _clients)


def _another_secret(lost: SecretLost) -> Call[CreatedKey]:
    """Return the call that replaces a key's first secret, which reached no caller."""
    path, body = f"{_path(lost.key_id)}/rotate", json_body(overlap_seconds=0)
    return Call("POST", path, _created, body=body, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def _path(key_id: str) -> str:
    return f"{_KEYS}/{quote(key_id, safe='')}"


def _post(key_id: str, what: str, if_match: int | None, idempotency_key: str | None) -> Call[Key]:
    headers = with_headers(idempotency_key=idempotency_key, if_match=if_match)
    return Call("POST", f"{_path(key_id)}/{what}", _key, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)
