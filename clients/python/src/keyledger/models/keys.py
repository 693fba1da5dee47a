"""Keys, as the API shows them. All times are aware and in UTC."""

from datetime import datetime

from msgspec import Struct, field

from keyledger.models.activity import Activity
from keyledger.models.permissions import Permissions, RateLimit
from keyledger.secret import Secret


class Creator(Struct, frozen=True):
    """A person (`email`, None when it was erased) or anything else (`type`)."""

    id: str
    type: str = "user"
    email: str | None = None


class KeyUsage(Struct, frozen=True):
    """Counts of uses; they follow the log within seconds."""

    total_requests: int = 0
    requests_today: int = 0
    requests_this_week: int = 0
    requests_this_month: int = 0


class Key(Struct, frozen=True, kw_only=True):
    """Everything about a key but its secret. `status`: active, disabled, expired or revoked."""

    id: str
    name: str
    description: str
    prefix: str
    last4: str
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


class SecretDates(Struct, frozen=True):
    """When one of a key's secrets was made, last used, and until when it works (None: as long as the key)."""

    version: int
    created_at: datetime
    last_used: datetime | None = None
    valid_until: datetime | None = None


class KeyDetail(Key, frozen=True, kw_only=True):
    recent_activity: tuple[Activity, ...] = ()
    secrets: tuple[SecretDates, ...] = ()


class CreatedKey(Key, frozen=True, kw_only=True):
    """`key` is the secret: this is the only time that it is shown."""

    key: Secret


class RotatedKey(CreatedKey, frozen=True, kw_only=True):
    """`previous_valid_until`: the secret before this one works until then."""

    previous_valid_until: datetime


class RevokedKey(Struct, frozen=True):
    id: str
    status: str
    revoked_at: datetime
    revision: int


class MatchedKey(Struct, frozen=True):
    """A key that a bulk revocation is about; `status` as it is afterwards."""

    id: str
    name: str
    prefix: str
    last4: str
    status: str


class RevokedKeys(Struct, frozen=True):
    """`matched` and `revoked` count all keys, `keys` shows the first 1,000. A dry run has `revoked` 0.

    `caller_excluded`: the selectors fit the calling key, which was left out.
    """

    matched: int
    revoked: int
    caller_excluded: bool = False
    keys: tuple[MatchedKey, ...] = ()
