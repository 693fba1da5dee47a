"""Sample commands and events, to vary with `msgspec.structs.replace`."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from domain.actor import KeyActor, UserActor
from domain.environment import Environment
from domain.ids import Kind, new_id
from domain.keys.commands import ChangeKey, CreateKey, EnableKey, RevokeKey, RotateKey
from domain.keys.delegation import UNRESTRICTED
from domain.keys.events import KeyCreated, KeyDisabled, KeyExpired, KeyRevoked, KeyRotated, KeySecretRetired
from domain.keys.permissions import Permissions
from domain.plans.plan import KeyCounts
from domain.secret import Secret, SecretRecord, fingerprint, generate

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def an_id(kind: Kind, number: int = 0) -> str:
    return new_id(kind, unix_ms=1_700_000_000_000 + number, entropy=sha256(bytes([number])).digest()[:10])


def a_secret(number: int = 0, environment: Environment = "live") -> Secret:
    return generate(environment, sha256(bytes([number])).digest())


def a_record(number: int = 0, environment: Environment = "live") -> SecretRecord:
    return fingerprint(a_secret(number, environment))


KEY_ID = an_id("key")
OTHER_KEY_ID = an_id("key", 1)
ORGANIZATION_ID = an_id("org")
OTHER_ORGANIZATION_ID = an_id("org", 1)
OWNER = UserActor(an_id("user"))
ITSELF = KeyActor(KEY_ID)
ANOTHER_KEY = KeyActor(OTHER_KEY_ID)
LAST_ACTIVE = KeyCounts(active=1, disabled=5, limit=None, plan="free")

LIVE_MCP = an_id("mcp", 0)
LIVE_MCP_2 = an_id("mcp", 1)
TEST_MCP = an_id("mcp", 2)
UNKNOWN_MCP = an_id("mcp", 3)
MCPS: dict[str, Environment] = {LIVE_MCP: "live", LIVE_MCP_2: "live", TEST_MCP: "test"}

ROOM = KeyCounts(active=2, disabled=0, limit=None, plan="enterprise")

CREATE = CreateKey(
    key_id=KEY_ID,
    organization_id=ORGANIZATION_ID,
    name="Deploy",
    environment="live",
    permissions=Permissions(mcps="*"),
    secret=a_record(1),
    at=NOW,
    by=OWNER,
    authority=UNRESTRICTED,
    counts=ROOM,
    known_mcps=MCPS,
)
CHANGE = ChangeKey(at=at(60), authority=UNRESTRICTED, known_mcps=MCPS)
ROTATE = RotateKey(secret=a_record(2), at=at(60), authority=UNRESTRICTED, known_mcps=MCPS)
ENABLE = EnableKey(at=at(60), authority=UNRESTRICTED, known_mcps=MCPS)
REVOKE = RevokeKey(at=at(60), by=OWNER, counts=ROOM)

CREATED = KeyCreated(
    key_id=KEY_ID,
    organization_id=ORGANIZATION_ID,
    name="Deploy",
    environment="live",
    permissions=Permissions(mcps="*"),
    secret=a_record(1),
    created_at=NOW,
    created_by=OWNER,
)
ROTATED = KeyRotated(secret_version=2, secret=a_record(2), rotated_at=at(60), previous_valid_until=at(60))
RETIRED = KeySecretRetired(secret_version=1, retired_at=at(60))
DISABLED = KeyDisabled(disabled_at=at(30))
REVOKED = KeyRevoked(revoked_at=at(30), reason="compromised", note="Seen in a paste")
EXPIRED = KeyExpired(expired_at=at(30))
