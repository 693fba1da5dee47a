"""Keys, as the API returns them. All times are timezone-aware and in UTC."""

from datetime import datetime
from typing import Literal

from msgspec import Struct, field

from keyledger.models.activity import Activity
from keyledger.models.permissions import Permissions, RateLimit
from keyledger.secret import Secret


class Creator(Struct, frozen=True):
    """The creator of a key: a person (`email`, None if it was erased) or another actor (`type`).

    `name`: a person's address or a key's name.
    """

    id: str
    type: str = "user"
    email: str | None = None
    name: str | None = None


class KeyUsage(Struct, frozen=True):
    """Counts of uses, which lag behind the log by seconds."""

    total_requests: int = 0
    requests_today: int = 0
    requests_this_week: int = 0
    requests_this_month: int = 0


class Key(Struct, frozen=True, kw_only=True):
    """All fields of a key except its secret. `status`: active, disabled, expired or revoked.

    `imported`: another system issued the current secret. Then `prefix` and `last4` may be empty.
    """

    id: str
    name: str
    description: str
    prefix: str
    last4: str
    imported: bool = False
    environment: str
    status: str
    created_at: datetime
    created_by: Creator
    last_used: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    revoked_reason: str | None = None
    permissions: Permissions = Permissions()
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    revision: int
    usage: KeyUsage = KeyUsage()


class LastUse(Struct, frozen=True, kw_only=True):
    """The last accepted use of a key. A value that is not known is None."""

    mcp_id: str | None = None
    mcp_name: str | None = None
    ip: str | None = None
    country: str | None = None


class ListedKey(Key, frozen=True, kw_only=True):
    """A key in a list.

    `rotating_until`: when the last earlier secret stops working; `earlier_secret_last_used`: when one was last used.
    `requests_by_day`: see `list_keys`.
    """

    rotating_until: datetime | None = None
    earlier_secret_last_used: datetime | None = None
    last_use: LastUse | None = None
    requests_by_day: tuple[int, ...] | None = None


class KeyCreator(Struct, frozen=True):
    """A current or former member with the number of keys that they created. `email`: None if it was erased."""

    id: str
    email: str | None
    keys: int


class KeyClient(Struct, frozen=True):
    """A client of a key by its user agent, which is None if it sends none."""

    user_agent: str | None
    uses: int
    last_used: datetime


class KeyClients(Struct, frozen=True):
    """The clients of the newest `uses` of a key, at most 1,000, most uses first. The oldest of these is from `since`.

    At most 100 of the `total` clients are listed.
    """

    clients: tuple[KeyClient, ...]
    total: int
    uses: int
    since: datetime | None = None


class ReviewedKeys(Struct, frozen=True):
    """A number of keys. Not `exact`: there are at least so many."""

    keys: int
    exact: bool


class KeyReview(Struct, frozen=True, kw_only=True):
    """Numbers of active keys that could be tighter. `list_keys` accepts the same criteria as filters.

    Unused keys were not used for 90 days. Keys that were never used were created at least 7 days ago. Open managers are
    keys that can change keys from any IP address.
    """

    never_expire: ReviewedKeys
    unused: ReviewedKeys
    never_used: ReviewedKeys
    all_mcps: ReviewedKeys
    open_managers: ReviewedKeys


class SecretDates(Struct, frozen=True):
    """One of a key's secrets: its ends, and its creation, last use and end (None: as long as the key is valid)."""

    version: int
    prefix: str
    last4: str
    created_at: datetime
    last_used: datetime | None = None
    valid_until: datetime | None = None


class KeyDetail(Key, frozen=True, kw_only=True):
    recent_activity: tuple[Activity, ...] = ()
    secrets: tuple[SecretDates, ...] = ()


class CreatedKey(Key, frozen=True, kw_only=True):
    """A new key. `key` is the secret, which is never shown again."""

    key: Secret


class RotatedKey(CreatedKey, frozen=True, kw_only=True):
    """A rotated key. `previous_valid_until`: the end of the previous secret."""

    previous_valid_until: datetime


class IdentifiedKey(Struct, frozen=True):
    """The key that a secret belongs to. `is_current`: it is the newest secret, the `secret_version`-th."""

    id: str
    name: str
    environment: str
    status: str
    secret_version: int
    is_current: bool


class Identification(Struct, frozen=True):
    """The result of an identification. `key` is None if no visible key of the organization has the secret."""

    key: IdentifiedKey | None


class KeyToImport(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A key of another system. `sha256`: the SHA-256 of its secret in hexadecimal, base64 or base64url.

    `prefix` and `last4`: the first and last characters of the secret, at most 12 and 4, which are shown to people.
    """

    name: str
    sha256: str
    description: str = ""
    expires_at: datetime | None = None
    environment: Literal["live", "test"] | None = None
    permissions: Permissions | None = None
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    prefix: str = ""
    last4: str = ""


class ImportedKey(Struct, frozen=True):
    """The outcome for one key of an import: created, would_create, exists, duplicate, conflict or invalid.

    `index`: its position in the request, from 0. `status`: the status of a key that exists, which an import does not
    change. `problems`: the problem of each field, by its path.
    """

    index: int
    outcome: str
    key_id: str | None = None
    status: str | None = None
    problems: dict[str, str] = field(default_factory=dict[str, str])


class ImportedKeys(Struct, frozen=True):
    """The numbers of keys by outcome, and the outcome for each key in the order of the request."""

    dry_run: bool
    created: int
    would_create: int
    exists: int
    duplicate: int
    conflict: int
    invalid: int
    keys: tuple[ImportedKey, ...]


class RevokedKey(Struct, frozen=True):
    id: str
    status: str
    revoked_at: datetime
    revision: int


class MatchedKey(Struct, frozen=True):
    """A key that a bulk revocation matched. `status` is the status afterwards. `last_used`: only in a dry run."""

    id: str
    name: str
    prefix: str
    last4: str
    status: str
    last_used: datetime | None = None


class RevokedKeys(Struct, frozen=True):
    """The result of a bulk revocation. `keys` contains at most 1,000 keys; `matched` and `revoked` count all.

    `revoked` is 0 in a dry run. `caller_excluded`: the selectors matched the calling key, which was excluded.
    `already_revoked`: matching keys that were revoked before; only in a dry run.
    """

    matched: int
    revoked: int
    caller_excluded: bool = False
    keys: tuple[MatchedKey, ...] = ()
    already_revoked: int | None = None
