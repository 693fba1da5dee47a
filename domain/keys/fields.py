"""Validation of the fields of a key."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from domain.fields import CONTAINS_API_KEY, FieldErrors, has_control
from domain.keys.delegation import McpEnvironments
from domain.keys.events import PER_SECOND_MAX, RateLimit
from domain.keys.permissions import TOOL_PATTERN_LENGTH_MAX, TOOL_PATTERNS_MAX, Permissions, ToolRule
from domain.keys.state import Key
from domain.networks import parse_network
from domain.secret import SecretRecord, contains_secret, redact

METADATA_PAIRS_MAX = 16
METADATA_KEY_LENGTH_MAX = 64
METADATA_VALUE_LENGTH_MAX = 500
ALLOWED_IPS_MAX = 100
MCPS_MAX = 1_000
TOOL_PATTERNS_TOTAL_MAX = 2_000
"""For all MCPs together: all patterns are read in one use of the key."""
NOTE_LENGTH_MAX = 500
PREFIX_LENGTH_MAX = 12
LAST4_LENGTH_MAX = 4
OVERLAP_SECONDS_MAX = 30 * 24 * 3600
LAST_KEY_LASTS = timedelta(days=1)
"""The minimum remaining life of the organization's only active key when that key changes its own expiry."""
UNUSED_SECONDS = 7 * 24 * 3600
"""The maximum time for which an earlier secret stays valid while the new one is unused (docs/decisions/0037)."""
VALID_SECRETS_MAX = 10
"""Without this limit, repeated rotations with an overlap could let the list of secrets grow indefinitely."""
IMPORTED_CANNOT_MANAGE = (
    "An imported secret cannot have management grants. Import the key without them, and then create or rotate a key"
    " for management"
)
CONTAINS_ITSELF = "Contains the secret of this key; remove it: what is written here is kept permanently"
CONTAINS_IMPORTED = "Contains the secret of an imported key; remove it: what is written here is kept permanently"
IMPORTED_CANNOT_GET_GRANTS = (
    "An imported secret cannot have management grants. Rotate the key and end its earlier secrets, and then add them"
)
EXPIRES_BEFORE = datetime(9999, 1, 1, tzinfo=UTC)
"""One year before the end of Python's calendar, because a conversion to another time zone could overflow it."""


def check_expires_at(problems: FieldErrors, expires_at: datetime | None, at: datetime) -> datetime | None:
    """Return the same instant in UTC, the time zone of the log."""
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        problems.add("expires_at", "Must have a time zone, such as the Z in 2030-01-31T00:00:00Z")
    elif expires_at <= at:
        problems.add("expires_at", "Must be a future date")
    elif expires_at >= EXPIRES_BEFORE:
        problems.add("expires_at", f"Must be before the year {EXPIRES_BEFORE.year}")
    else:
        return expires_at.astimezone(UTC)
    return expires_at


def check_metadata(problems: FieldErrors, metadata: dict[str, str]) -> None:
    if len(metadata) > METADATA_PAIRS_MAX:
        problems.add("metadata", f"Must have at most {METADATA_PAIRS_MAX} pairs")
        return
    for key, value in metadata.items():
        if not key or has_control(key):
            problems.add("metadata", "A name must not be empty or contain control characters")
        elif len(key) > METADATA_KEY_LENGTH_MAX:
            problems.add("metadata", f"A name must have at most {METADATA_KEY_LENGTH_MAX} characters")
        elif contains_secret(key):
            problems.add("metadata", CONTAINS_API_KEY)
        else:
            problems.text(f"metadata.{key}", value, METADATA_VALUE_LENGTH_MAX)


def check_allowed_ips(problems: FieldErrors, networks: tuple[str, ...]) -> None:
    if len(networks) > ALLOWED_IPS_MAX:
        problems.add("allowed_ips", f"Must have at most {ALLOWED_IPS_MAX} networks")
        return
    for index, text in enumerate(networks):
        try:
            parse_network(text)
        except ValueError as error:
            problems.add(f"allowed_ips[{index}]", str(error))


def check_shown_parts(problems: FieldErrors, secret: SecretRecord) -> None:
    """Check the parts of an imported secret that are shown to people. Both may be empty.

    Only the digest of the secret is known, so its length is not. Together the parts must not be the whole secret.
    """
    for name, text, length_max in (
        ("prefix", secret.prefix, PREFIX_LENGTH_MAX),
        ("last4", secret.last4, LAST4_LENGTH_MAX),
    ):
        if len(text) > length_max:
            problems.add(name, f"Must have at most {length_max} characters")
        elif not all("!" <= character <= "~" for character in text):
            problems.add(name, "Must consist of printable ASCII characters without spaces")
    if sha256((secret.prefix + secret.last4).encode()).hexdigest() == secret.digest:
        problems.add("prefix", "Must not contain the whole secret together with last4: both are shown")


def check_manage_of_imported(problems: FieldErrors, permissions: Permissions) -> None:
    """Refuse management grants of an imported secret, of which other systems may have copies."""
    if permissions.manage:
        problems.add("permissions.manage", IMPORTED_CANNOT_MANAGE)


def check_added_grants(problems: FieldErrors, key: Key, permissions: Permissions, at: datetime) -> None:
    """Refuse to add management grants to a key while one of its valid secrets is imported."""
    added = set(permissions.manage) - set(key.permissions.manage)
    if added and any(secret.is_imported and secret.is_valid(at) for secret in key.secrets):
        problems.add("permissions.manage", IMPORTED_CANNOT_GET_GRANTS)


def check_without_secrets(
    problems: FieldErrors,
    own: str | None,
    others: frozenset[bytes],
    name: str,
    description: str,
    metadata: dict[str, str],
) -> None:
    """Refuse texts that contain an imported secret, because the log keeps them permanently.

    `own`: the digest of the secret that is being imported, in hexadecimal. `others`: the digests of other imported
    secrets. A secret is found as the whole text or as one of its words, because only its digest is known.
    """
    digests = frozenset(others if own is None else (bytes.fromhex(own), *others))
    if not digests:
        return
    named = [("name", name), ("description", description)]
    named += [("metadata", key) for key in metadata]
    # A name that is a secret must not be part of a field's path.
    named += [("metadata" if _found(digests, key) else f"metadata.{key}", text) for key, text in metadata.items()]
    for field, text in named:
        if found := _found(digests, text):
            problems.add(field, CONTAINS_ITSELF if found - others else CONTAINS_IMPORTED)


def _found(digests: frozenset[bytes], text: str) -> frozenset[bytes]:
    parts = {text, text.strip(), *text.split()}
    return digests.intersection(sha256(part.encode(errors="surrogatepass")).digest() for part in parts)


def check_rate_limit(problems: FieldErrors, rate_limit: RateLimit | None) -> None:
    if rate_limit is not None and not 1 <= rate_limit.per_second <= PER_SECOND_MAX:
        problems.add("rate_limit.per_second", f"Must be between 1 and {PER_SECOND_MAX}")


def check_permissions(problems: FieldErrors, permissions: Permissions, known_mcps: McpEnvironments) -> None:
    listed: tuple[str, ...] = () if permissions.mcps == "*" else permissions.mcps
    if len(listed) > MCPS_MAX:
        problems.add("permissions.mcps", f"Must have at most {MCPS_MAX} entries")
    unknown = [mcp_id for mcp_id in listed if mcp_id not in known_mcps]
    if unknown:
        named = redact(", ".join(unknown[:5]))
        problems.add("permissions.mcps", f"No such MCP in this organization: {named}"[:300])
    if len(set(listed)) != len(listed):
        problems.add("permissions.mcps", "Must not name an MCP twice")
    if len(set(permissions.manage)) != len(permissions.manage):
        problems.add("permissions.manage", "Must not name a grant twice")
    _check_tools(problems, permissions.tools, known_mcps)


def _check_tools(problems: FieldErrors, tools: dict[str, ToolRule], known_mcps: McpEnvironments) -> None:
    if len(tools) > MCPS_MAX:
        problems.add("permissions.tools", f"Must have at most {MCPS_MAX} entries")
        return
    if sum(len(rule.patterns) for rule in tools.values()) > TOOL_PATTERNS_TOTAL_MAX:
        problems.add("permissions.tools", f"Must have at most {TOOL_PATTERNS_TOTAL_MAX} patterns in all")
        return
    for mcp_id, rule in tools.items():
        field = redact(f"permissions.tools.{mcp_id}")[:100]
        if mcp_id not in known_mcps:
            problems.add(field, "No such MCP in this organization")
        if len(rule.patterns) > TOOL_PATTERNS_MAX:
            problems.add(field, f"Must have at most {TOOL_PATTERNS_MAX} patterns")
        if any(not 0 < len(pattern) <= TOOL_PATTERN_LENGTH_MAX or has_control(pattern) for pattern in rule.patterns):
            problems.add(field, f"A pattern has 1 to {TOOL_PATTERN_LENGTH_MAX} printable characters")
        if any(map(contains_secret, rule.patterns)):
            problems.add(field, CONTAINS_API_KEY)


def check_overlap(problems: FieldErrors, seconds: int, valid_secrets: int) -> None:
    if not 0 <= seconds <= OVERLAP_SECONDS_MAX:
        problems.add("overlap_seconds", f"Must be between 0 and {OVERLAP_SECONDS_MAX} (30 days)")
    if seconds > 0 and valid_secrets >= VALID_SECRETS_MAX:
        problems.add("overlap_seconds", f"Must be 0 while {VALID_SECRETS_MAX} secrets of the key are still valid")
