"""What the fields of a key may hold."""

from datetime import UTC, datetime, timedelta

from domain.addresses import parse_network
from domain.fields import NO_KEY, Problems, has_control
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions, ToolRule
from domain.keys.reach import McpEnvironments
from domain.keys.secret import cut_short, holds_secret

METADATA_PAIRS_MAX = 16
METADATA_KEY_LENGTH_MAX = 64
METADATA_VALUE_LENGTH_MAX = 500
ALLOWED_IPS_MAX = 100
MCPS_MAX = 1_000
TOOL_PATTERNS_MAX = 100
"""For one MCP: so many are matched for one use of the key."""
TOOL_PATTERNS_TOTAL_MAX = 2_000
"""For all MCPs together: so many are read for one use of the key."""
TOOL_PATTERN_LENGTH_MAX = 128
NOTE_LENGTH_MAX = 500
PER_SECOND_MAX = 1_000_000
OVERLAP_SECONDS_MAX = 30 * 24 * 3600
LAST_KEY_LASTS = timedelta(days=1)
"""So long at least the only active key of an organization lasts when it sets its own expiry."""
UNUSED_SECONDS = 7 * 24 * 3600
"""How long an earlier secret stays valid at most while the new one has not been used (docs/decisions/0037)."""
VALID_SECRETS_MAX = 10
"""Rotating with an overlap again and again would let the list of secrets grow without end."""
EXPIRES_BEFORE = datetime(9999, 1, 1, tzinfo=UTC)
"""A last year of space: a later instant can leave the calendar of Python on its way through another time zone."""


def check_expires_at(problems: Problems, expires_at: datetime | None, at: datetime) -> datetime | None:
    """The same instant in UTC, in which the log writes every one."""
    if expires_at is None:
        return None
    if expires_at.tzinfo is None:
        problems.note("expires_at", "Must have a time zone, such as the Z in 2030-01-31T00:00:00Z")
    elif expires_at <= at:
        problems.note("expires_at", "Must be a future date")
    elif expires_at >= EXPIRES_BEFORE:
        problems.note("expires_at", f"Must be before the year {EXPIRES_BEFORE.year}")
    else:
        return expires_at.astimezone(UTC)
    return expires_at


def check_metadata(problems: Problems, metadata: dict[str, str]) -> None:
    if len(metadata) > METADATA_PAIRS_MAX:
        problems.note("metadata", f"Must have at most {METADATA_PAIRS_MAX} pairs")
        return
    for key, value in metadata.items():
        if not key or has_control(key):
            problems.note("metadata", "A name must not be empty or contain control characters")
        elif len(key) > METADATA_KEY_LENGTH_MAX:
            problems.note("metadata", f"A name must have at most {METADATA_KEY_LENGTH_MAX} characters")
        elif holds_secret(key):
            problems.note("metadata", NO_KEY)
        else:
            problems.text(f"metadata.{key}", value, METADATA_VALUE_LENGTH_MAX)


def check_allowed_ips(problems: Problems, networks: tuple[str, ...]) -> None:
    if len(networks) > ALLOWED_IPS_MAX:
        problems.note("allowed_ips", f"Must have at most {ALLOWED_IPS_MAX} networks")
        return
    for index, text in enumerate(networks):
        try:
            parse_network(text)
        except ValueError as error:
            problems.note(f"allowed_ips[{index}]", str(error))


def check_rate_limit(problems: Problems, rate_limit: RateLimit | None) -> None:
    if rate_limit is not None and not 1 <= rate_limit.per_second <= PER_SECOND_MAX:
        problems.note("rate_limit.per_second", f"Must be between 1 and {PER_SECOND_MAX}")


def check_permissions(problems: Problems, permissions: Permissions, known_mcps: McpEnvironments) -> None:
    listed: tuple[str, ...] = () if permissions.mcps == "*" else permissions.mcps
    if len(listed) > MCPS_MAX:
        problems.note("permissions.mcps", f"Must have at most {MCPS_MAX} entries")
    unknown = [mcp_id for mcp_id in listed if mcp_id not in known_mcps]
    if unknown:
        named = cut_short(", ".join(unknown[:5]))
        problems.note("permissions.mcps", f"No such MCP in this organization: {named}"[:300])
    if len(set(listed)) != len(listed):
        problems.note("permissions.mcps", "Must not name an MCP twice")
    if len(set(permissions.manage)) != len(permissions.manage):
        problems.note("permissions.manage", "Must not name a grant twice")
    _check_tools(problems, permissions.tools, known_mcps)


def _check_tools(problems: Problems, tools: dict[str, ToolRule], known_mcps: McpEnvironments) -> None:
    if len(tools) > MCPS_MAX:
        problems.note("permissions.tools", f"Must have at most {MCPS_MAX} entries")
        return
    if sum(len(rule.patterns) for rule in tools.values()) > TOOL_PATTERNS_TOTAL_MAX:
        problems.note("permissions.tools", f"Must have at most {TOOL_PATTERNS_TOTAL_MAX} patterns in all")
        return
    for mcp_id, rule in tools.items():
        field = cut_short(f"permissions.tools.{mcp_id}")[:100]
        if mcp_id not in known_mcps:
            problems.note(field, "No such MCP in this organization")
        if len(rule.patterns) > TOOL_PATTERNS_MAX:
            problems.note(field, f"Must have at most {TOOL_PATTERNS_MAX} patterns")
        if any(not 0 < len(pattern) <= TOOL_PATTERN_LENGTH_MAX or has_control(pattern) for pattern in rule.patterns):
            problems.note(field, f"A pattern has 1 to {TOOL_PATTERN_LENGTH_MAX} printable characters")
        if any(map(holds_secret, rule.patterns)):
            problems.note(field, NO_KEY)


def check_overlap(problems: Problems, seconds: int, valid_secrets: int) -> None:
    if not 0 <= seconds <= OVERLAP_SECONDS_MAX:
        problems.note("overlap_seconds", f"Must be between 0 and {OVERLAP_SECONDS_MAX} (30 days)")
    if seconds > 0 and valid_secrets >= VALID_SECRETS_MAX:
        problems.note("overlap_seconds", f"Must be 0 while {VALID_SECRETS_MAX} secrets of the key are still valid")
