"""The organization of the demo data: its people, MCP servers, networks and the words that its keys are named with.

All addresses and networks are reserved for documentation (RFC 2606, RFC 5737, RFC 3849), so none of them belongs to a
person or a company.
"""

from typing import NamedTuple

from domain.environment import Environment
from domain.keys.events import RevocationReason
from domain.members.events import Role

NAME = "Northwind"


class Person(NamedTuple):
    """A member. `joined` and `left`: days before the end of the history; `left` None: still a member."""

    address: str
    role: Role
    joined: float
    left: float | None = None


OWNER = Person("linnea.astrom", "owner", 150)
ON_CALL = Person("priya.raghunathan", "admin", 148)
"""The admin who handles the incident."""

LEAVER = Person("noah.keller", "member", 139, left=11.3)

PEOPLE = (
    OWNER,
    ON_CALL,
    Person("tomas.ferreira", "admin", 146),
    Person("mei-ling.chen", "member", 147),
    Person("amara.okafor", "member", 147),
    Person("lukasz.wisniewski", "member", 145),
    Person("sofia.rossi", "member", 142),
    LEAVER,
    Person("yuki.tanaka", "member", 131),
    Person("hannah.obrien", "member", 96),
    Person("maximiliana.von-hohenstein-schaumburg", "member", 64),
    Person("diego.alvarez", "member", 23),
    Person("ingrid.sorensen", "auditor", 120),
    Person("audit.partners", "auditor", 27),
    Person("board.observer", "viewer", 118),
    Person("finance.team", "viewer", 90),
    Person("support.lead", "viewer", 41),
)

INVITED = (Person("jonas.bergqvist", "member", 3.2), Person("fatima.zahra", "viewer", 0.4))
"""People whose invitations wait for an answer. `joined`: days since they were invited."""

WITHDRAWN = Person("contractor.temp", "member", 17.0)
"""A person whose invitation was withdrawn."""


class Server(NamedTuple):
    """An MCP server. `latency_ms`: the median. `error_rate`: the share of calls that fail on a normal day."""

    name: str
    path: str
    environment: Environment
    description: str
    tools: tuple[str, ...]
    latency_ms: int
    error_rate: float


WAREHOUSE = Server(
    "Data warehouse",
    "warehouse",
    "live",
    "Read access to the reporting tables. Exports run in the nightly window.",
    ("run_query", "list_tables", "describe_table", "export_table", "drop_table"),
    640,
    0.021,
)
BROWSER = Server(
    "Browser automation",
    "browser",
    "live",
    "Headless browsers for checks of our own pages.",
    ("open_page", "click", "take_screenshot", "read_text"),
    1_850,
    0.048,
)
SANDBOX = Server(
    "Payments (sandbox)",
    "payments-sandbox",
    "test",
    "Test payments only. No money moves.",
    ("create_payment", "get_payment", "refund_payment", "list_payouts"),
    210,
    0.012,
)
SERVERS = (
    Server(
        "GitHub",
        "github",
        "live",
        "Repositories of the organization.",
        ("search_code", "get_file", "list_issues", "create_issue", "create_pull_request", "merge_pull_request"),
        240,
        0.009,
    ),
    Server(
        "Jira",
        "jira",
        "live",
        "Issues and boards.",
        ("search_issues", "get_issue", "create_issue", "add_comment", "delete_issue"),
        310,
        0.013,
    ),
    Server("Slack", "slack", "live", "", ("post_message", "search_messages", "list_channels"), 150, 0.004),
    Server(
        "Customer database",
        "customers",
        "live",
        "Personal data: give keys only the tools that they need.",
        ("find_customer", "get_customer", "list_orders", "update_customer", "export_customers"),
        95,
        0.006,
    ),
    WAREHOUSE,
    Server(
        "Wissensdatenbank & FAQ (Übersetzungen)",
        "knowledge",
        "live",
        "Articles in eleven languages.",
        ("search_articles", "get_article", "suggest_answer"),
        180,
        0.003,
    ),
    BROWSER,
    SANDBOX,
)

OFFICES = ("198.51.100", "192.0.2")
"""Networks of the two offices."""

CLOUD = "2001:db8:40"
FOREIGN = "203.0.113"
"""The network of the incident. No other use comes from it."""

BROWSERS = (
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
)
ASSISTANTS = ("claude-code/2.1.4", "cursor/3.2.1", "vscode-mcp/1.107", "mcp-remote/0.15.1")
PROGRAMS = ("northwind-agent/1.14", "python-httpx/0.28.1", "n8n/2.3.0", "node-fetch/3.3.2")
UNKNOWN_PROGRAM = "python-requests/2.32.4"

TEAMS = (
    *("billing", "checkout", "search", "support", "logistics", "data", "growth", "platform", "security", "mobile"),
    *("partners", "returns", "pricing", "finance", "content", "people"),
)
PURPOSES = (
    *("agent", "nightly export", "triage bot", "release notes", "on-call helper", "report builder", "sync"),
    *("smoke tests", "backfill", "code review", "FAQ assistant", "price watcher", "inbox sorter", "notebook"),
    *("staging", "dashboard feed", "ticket router", "changelog", "load test", "migration"),
)
SPECIAL_NAMES = (
    "Kundenservice-Chatbot: Rückfragen & Erstattungen",
    "採用チーム アシスタント",
    "Équipe données : export hebdomadaire",
    "Поддержка: сводка обращений",
    "مساعد فريق الدعم",
    "🚀 Launch week demo (delete afterwards)",
    "O'Brien's <script>-free notebook",
    "Quarterly reconciliation of marketplace payouts with the general ledger, all regions, read-only",
    "prod-eu-central-1-orders-service-to-customer-database-read-replica-connector-v2",
    "Łódź warehouse: scanner fleet, dock doors 1 to 24, night shift and weekend maintenance window",
)
DESCRIPTIONS = (
    "",
    "",
    "",
    "Stored in 1Password, vault Engineering.",
    "In the GitHub Actions secrets of the repository.",
    "In AWS Secrets Manager, rotated by hand each quarter.",
    "Only for local work. Ask before you raise its permissions.",
)
ENDINGS: tuple[tuple[RevocationReason, str], ...] = (
    ("no_longer_needed", "Project finished."),
    ("no_longer_needed", ""),
    ("superseded", "Replaced by a key with fewer permissions."),
    ("superseded", ""),
    ("unspecified", ""),
    ("compromised", "Pasted into a chat. Revoked as a precaution; no unknown use found."),
)
