"""The permission picker: the MCP servers, their tools and the management grants that a form gives to a key.

Field names: `environment` is that of the key. `mcps` is "all" or "selected". Each server has `access-{id}` ("none",
"all" or "some"), and for "some" the chosen tools `tool-{id}` and the patterns `allow-{id}` and `deny-{id}`. `manage` is
a grant. If all servers are selected, only the limits of servers with "some" count.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple

from app.api.api_keys.schemas import GrantedPermissions
from app.api.mcps.list import BriefTool, ListedMcp
from app.api.mcps.schemas import Mcp
from app.api.mcps.test import McpTestResult, test_mcp
from app.http.errors import to_problem
from app.pages.fields import Fields
from app.pages.keys.key_form import environment_of
from app.pages.keys.servers import AnyMcp
from app.pages.visit import Visit
from app.pages.wording.text import number, plural
from domain.environment import Environment
from domain.grants import Grant
from domain.keys.permissions import ToolRule

SERVERS_SHOWN_MAX = 50
"""The search finds the others. A longer page would be slow to show on a phone."""

NOTHING_CHOSEN = "This key can't do anything yet. Choose at least one MCP server."
NO_TOOL_CHOSEN = "Choose at least one tool, or enter a pattern."

Access = Literal["none", "all", "some"]

_SEPARATORS = re.compile(r"[\s,]+")
_WILDCARD = re.compile(r"([*?[])")


class Tool(NamedTuple):
    name: str
    description: str
    is_chosen: bool


class Server(NamedTuple):
    """A server in the picker. Its `tools` are shown only if the key may use some of them.

    `is_of_other_environment`: a key of the form's environment reaches this server only if the key names it.
    """

    id: str
    name: str
    environment: Environment
    is_of_other_environment: bool
    is_active: bool
    access: Access
    tools: list[Tool]
    allow: str
    deny: str


class Picker(NamedTuple):
    """The servers that the page shows, and a sentence about the others."""

    servers: list[Server]
    search: str
    count_text: str

    @property
    def has_other_environment(self) -> bool:
        return any(server.is_of_other_environment for server in self.servers)


def picker(fields: Fields, servers: Sequence[ListedMcp]) -> Picker:
    """Return the servers with what the form says about them. Those with access are shown whatever is searched for."""
    search = fields.one("server_search").strip()
    term = search.casefold()
    chosen = {server.id for server in servers if _access(fields, server.id) != "none"}
    matching = [server.id for server in servers if not term or term in _words(server)]
    room = max(SERVERS_SHOWN_MAX - len(chosen), 0)
    found = set([mcp_id for mcp_id in matching if mcp_id not in chosen][:room])
    shown = [server for server in servers if server.id in chosen or server.id in found]
    return Picker(
        [server_in(fields, server, server.tools or ()) for server in shown],
        search,
        _count_text(search, len(matching), len(servers), len(servers) - len(shown)),
    )


def _count_text(search: str, matching: int, total: int, hidden: int) -> str:
    if search:
        more = f" The first {SERVERS_SHOWN_MAX} are shown." if matching > SERVERS_SHOWN_MAX else ""
        return f"{number(matching)} of {plural(total, 'server')} {'matches' if matching == 1 else 'match'}.{more}"
    if not hidden:
        return ""
    return f"{plural(hidden, 'server')} not shown. Search to find {'it' if hidden == 1 else 'them'}."


def permissions_in(fields: Fields, servers: Sequence[AnyMcp], grantable: Sequence[Grant]) -> GrantedPermissions:
    """Return the permissions that the form describes. Unknown servers and grants are ignored."""
    is_all = fields.one("mcps") == "all"
    access = {server.id: _access(fields, server.id) for server in servers}
    limited = [mcp_id for mcp_id, given in access.items() if given == "some"]
    submitted = set(fields.all("manage"))
    return GrantedPermissions(
        mcps="*" if is_all else tuple([mcp_id for mcp_id, given in access.items() if given != "none"]),
        tools={mcp_id: _rule(fields, mcp_id) for mcp_id in limited},
        manage=tuple([grant for grant in grantable if grant in submitted]),
    )


def fields_of_permissions(permissions: GrantedPermissions, servers: Sequence[ListedMcp]) -> list[tuple[str, str]]:
    """Return the fields of a form that describe these permissions."""
    is_all = permissions.mcps == "*"
    fields = [("mcps", "all" if is_all else "selected"), *[("manage", grant) for grant in permissions.manage]]
    for server in servers:
        rule = permissions.tools.get(server.id)
        is_limited = rule is not None and (rule.allow is not None or bool(rule.deny))
        if rule is not None and is_limited and (is_all or server.id in permissions.mcps):
            fields += [(f"access-{server.id}", "some"), *_rule_fields(server, rule)]
        elif server.id in permissions.mcps:
            fields.append((f"access-{server.id}", "all"))
    return fields


def _rule_fields(server: ListedMcp, rule: ToolRule) -> list[tuple[str, str]]:
    """Return the known tools that the rule names as chosen tools, and its other patterns as text."""
    tools = {exactly(tool.name): tool.name for tool in server.tools or ()}
    allow = rule.allow or ()
    return [
        *[(f"tool-{server.id}", tools[pattern]) for pattern in allow if pattern in tools],
        (f"allow-{server.id}", " ".join(pattern for pattern in allow if pattern not in tools)),
        (f"deny-{server.id}", " ".join(rule.deny)),
    ]


def errors_in(permissions: GrantedPermissions) -> dict[str, str]:
    """Return a message for each field of permissions that cannot be meant."""
    errors = {f"server-{mcp_id}": NO_TOOL_CHOSEN for mcp_id, rule in permissions.tools.items() if rule.allow == ()}
    if not permissions.mcps and not permissions.manage:
        errors["mcps"] = NOTHING_CHOSEN
    return errors


def to_body(permissions: GrantedPermissions) -> Mapping[str, object]:
    """Return the permissions for a request."""
    tools = {mcp_id: {"allow": rule.allow, "deny": rule.deny} for mcp_id, rule in permissions.tools.items()}
    return {"mcps": permissions.mcps, "tools": tools, "manage": permissions.manage}


def grantable_by(visit: Visit) -> tuple[Grant, ...]:
    """Return the management grants that this user can give to a key."""
    return visit.person.authority.permissions.manage


async def ask_for_tools(visit: Visit, mcp_id: str) -> dict[str, str]:
    """Ask a server for its tools, which the service stores. Return a message by field if it lists none."""
    field = f"server-{mcp_id}"
    try:
        answer = await visit.change(test_mcp, McpTestResult, {}, mcp_id=mcp_id)
    except Exception as error:
        problem = to_problem(error)
        if problem.code != "rate_limited":
            raise
        return {field: problem.detail}
    if not answer.data.reachable:
        return {field: f"The server didn't list its tools: {answer.data.problem}"}
    return {field: "The server answered that it has no tools."} if answer.data.tools_count == 0 else {}


def _words(server: ListedMcp) -> str:
    """Return the text that a search looks at."""
    return " ".join([server.name, *(tool.name for tool in server.tools or ())]).casefold()


def server_in(fields: Fields, server: Mcp, tools: Sequence[BriefTool]) -> Server:
    """Return a server with what the form says about it."""
    chosen = set(fields.all(f"tool-{server.id}"))
    return Server(
        server.id,
        server.name,
        server.environment,
        server.environment != environment_of(fields),
        server.status == "active",
        _access(fields, server.id),
        [Tool(tool.name, tool.description, tool.name in chosen) for tool in tools],
        fields.one(f"allow-{server.id}"),
        fields.one(f"deny-{server.id}"),
    )


def _access(fields: Fields, mcp_id: str) -> Access:
    match fields.one(f"access-{mcp_id}"):
        case "all":
            return "all"
        case "some":
            return "some"
        case _:
            return "none"


def _rule(fields: Fields, mcp_id: str) -> ToolRule:
    """Return the rule for the selected tools of a server. With only patterns to deny, all other tools are allowed."""
    chosen = [exactly(tool) for tool in fields.all(f"tool-{mcp_id}")]
    allow = tuple(dict.fromkeys([*chosen, *_patterns(fields.one(f"allow-{mcp_id}"))]))
    deny = tuple(dict.fromkeys(_patterns(fields.one(f"deny-{mcp_id}"))))
    return ToolRule(allow=None if deny and not allow else allow, deny=deny)


def _patterns(text: str) -> list[str]:
    return [pattern for pattern in _SEPARATORS.split(text) if pattern]


def exactly(tool: str) -> str:
    """Return the pattern that matches only this tool: in brackets, a wildcard stands for itself."""
    return _WILDCARD.sub(r"[\1]", tool)
