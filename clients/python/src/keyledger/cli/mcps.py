"""`keyledger mcps …`"""

import argparse
from typing import Any, get_args

from keyledger.cli import exit_codes
from keyledger.cli.changes import given, require_changes
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import read_input
from keyledger.cli.grammar import Commands, Parser, add_id, add_limit, add_question, count
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import show, tell
from keyledger.cli.questions import confirm
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column
from keyledger.cli.times import when
from keyledger.endpoints.keys import Environment
from keyledger.endpoints.mcps import AuthType, Health, McpStatus, McpStatusFilter
from keyledger.models.mcps import Mcp, McpDetail, ReachableServer
from keyledger.secret import Secret

_COLUMNS = (
    Column("ID"),
    Column("NAME", is_cut=True),
    Column("STATUS", has_states=True),
    Column("HEALTH", has_states=True),
    Column("LAST ACTIVE", left_out=1),
    Column("ENVIRONMENT", left_out=3),
    Column("URL", is_cut=True, left_out=2),
)
_REACHABLE = (
    Column("ID"),
    Column("NAME", is_cut=True),
    Column("HEALTH", has_states=True),
    Column("TOOLS", is_cut=True),
)
_CREDENTIAL_SIZE_MAX = 1_000_000


def add_commands(groups: Commands) -> None:
    commands = groups.group("mcps", "register, list, test, update and delete MCP servers")
    created = commands.add(
        "create",
        create,
        "register an MCP server",
        "keyledger mcps create GitHub https://mcp.example.com/mcp",
        "keyledger mcps create Jira https://jira.example.com/mcp --auth-type bearer --credential-file token.txt",
    )
    created.add_argument("name", metavar="NAME", help="1 to 100 characters")
    created.add_argument("endpoint_url", metavar="URL", help="the address of the server's MCP endpoint")
    created.add_argument("--description", metavar="TEXT", help="what the server is for")
    created.add_argument("--environment", choices=get_args(Environment), help="by default live")
    _add_health_checks(created)
    _add_credential(created)
    listed = commands.add("list", list_mcps, "list MCP servers, newest first", "keyledger mcps list --health unhealthy")
    listed.add_argument("--status", choices=get_args(McpStatusFilter), help="by default all")
    listed.add_argument("--health", choices=get_args(Health), help="the result of the last check")
    add_limit(listed, None)
    commands.add(
        "list-reachable",
        list_reachable,
        "list the MCP servers and tools that the key itself may use",
        "keyledger mcps list-reachable --key-file agent.key",
    )
    add_id(commands.add("get", get, "show one MCP server and its tools", "keyledger mcps get mcp_…"), "mcp", "MCP")
    updated = commands.add(
        "update",
        update,
        "change the given properties of an MCP server, and keep the others",
        "keyledger mcps update mcp_… --status inactive",
        "keyledger mcps update mcp_… --auth-type bearer --credential-file token.txt",
    )
    add_id(updated, "mcp", "MCP")
    updated.add_argument("--name", metavar="TEXT", help="1 to 100 characters")
    updated.add_argument("--description", metavar="TEXT", help="an empty text removes it")
    updated.add_argument("--endpoint-url", metavar="URL", help="the address of the server's MCP endpoint")
    updated.add_argument("--environment", choices=get_args(Environment), help="whose keys may reach it")
    updated.add_argument("--status", choices=get_args(McpStatus), help="inactive: no key reaches it")
    _add_health_checks(updated)
    _add_credential(updated)
    tested = commands.add(
        "test",
        test,
        "ask an MCP server what it offers; exit code 1 if it does not respond",
        "keyledger mcps test mcp_…",
    )
    add_id(tested, "mcp", "MCP")
    tested.add_argument("--timeout", type=count, metavar="MS", help="1,000 to 60,000 milliseconds; by default 10,000")
    deleted = commands.add("delete", delete, "delete an MCP server", "keyledger mcps delete mcp_… --yes")
    add_id(deleted, "mcp", "MCP")
    add_question(deleted)


def create(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.mcps.create(
            arguments.name,
            arguments.endpoint_url,
            description=arguments.description,
            environment=arguments.environment,
            **_health_checks(arguments),
            **_credential(arguments),
        )
    return show(arguments, found, _fields(found))


def list_mcps(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.mcps.iterate(
            status=arguments.status, health=arguments.health, per_page=per_page(arguments.limit)
        )
        return show_list(arguments, found, _COLUMNS, _row)


def list_reachable(arguments: argparse.Namespace) -> int:
    """List the MCPs that the key itself reaches. The key needs no grant for that."""
    with client_of(arguments) as client:
        return show_list(arguments, client.list_servers(), _REACHABLE, _reachable_row)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.mcps.get(arguments.id)
    return show(arguments, found, _fields(found))


def update(arguments: argparse.Namespace) -> int:
    changes = given(arguments, "name", "endpoint_url", "environment", "status", "description")
    changes |= _health_checks(arguments) | _credential(arguments)
    require_changes(changes, None, "--name or --status")
    with client_of(arguments) as client:
        changed = client.mcps.update(arguments.id, **changes)
    return show(arguments, changed, _fields(changed))


def test(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        probe = client.mcps.test(arguments.id, timeout_ms=arguments.timeout)
    show(
        arguments,
        probe,
        [
            ("responds", "yes" if probe.reachable else "no"),
            ("problem", probe.problem or ""),
            ("latency", f"{probe.latency_ms} ms"),
            ("protocol", probe.protocol_version or ""),
            ("tools", "" if probe.tools_count is None else str(probe.tools_count)),
            ("resources", "" if probe.resources_count is None else str(probe.resources_count)),
        ],
    )
    return exit_codes.OK if probe.reachable else exit_codes.CHECK_FAILED


def delete(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        if not arguments.yes:
            found = client.mcps.get(arguments.id)
            use = "never used" if found.last_active is None else f"last used {when(found.last_active)}"
            confirm(arguments, f"“{found.name}” ({found.id}) was {use}. No key would reach it.", "Delete it?")
        deleted = client.mcps.delete(arguments.id)
    return tell(arguments, deleted, f"{deleted.mcp_id} is deleted. No key reaches it now.")


def _add_health_checks(command: Parser) -> None:
    command.add_argument(
        "--health-checks", choices=("on", "off"), help="off: it is not an MCP server, and only gateways ask about it"
    )


def _health_checks(arguments: argparse.Namespace) -> dict[str, Any]:
    return {} if arguments.health_checks is None else {"health_checks": arguments.health_checks == "on"}


def _add_credential(command: Parser) -> None:
    command.add_argument("--auth-type", choices=get_args(AuthType), help="how the server authenticates the gateway")
    command.add_argument("--auth-header", metavar="NAME", help="the header of the credential, for api_key")
    command.add_argument("--auth-parameter", metavar="NAME", help="the parameter in the URL, for query")
    command.add_argument("--auth-username", metavar="NAME", help="for basic")
    command.add_argument(
        "--credential-file", metavar="FILE", help="the token or password, in a file; - for standard input"
    )


def _credential(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the fields of the credential that the options set.

    The secret is in a file, because other programs can read arguments.
    """
    found = given(arguments, "auth_type", "auth_header", "auth_parameter", "auth_username")
    if arguments.credential_file is not None:
        field = "auth_password" if arguments.auth_type == "basic" or arguments.auth_username else "auth_token"
        found[field] = _secret_in(arguments.credential_file)
    return found


def _secret_in(file: str) -> Secret:
    place, content = read_input(file, "The credential file", _CREDENTIAL_SIZE_MAX)
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise UsageError(f"{place} is not UTF-8. Save it as UTF-8.") from None
    if not text:
        raise UsageError(f"{place} is empty.")
    return Secret(text)


def _row(mcp: Mcp) -> tuple[str, ...]:
    return (
        mcp.id,
        mcp.name,
        mcp.status,
        mcp.health if mcp.health_checks else "not checked",
        when(mcp.last_active) or "never",
        mcp.environment,
        mcp.endpoint_url,
    )


def _reachable_row(server: ReachableServer) -> tuple[str, ...]:
    return (server.id, server.name, server.health, ", ".join(tool.name for tool in server.tools))


def _fields(mcp: Mcp) -> list[tuple[str, str]]:
    fields = [
        ("id", mcp.id),
        ("name", mcp.name),
        ("description", mcp.description),
        ("url", mcp.endpoint_url),
        ("environment", mcp.environment),
        ("authentication", mcp.auth_type),
        ("status", mcp.status),
        ("health", mcp.health if mcp.health_checks else "not checked"),
        ("created", when(mcp.created_at)),
        ("last active", when(mcp.last_active) or "never"),
        ("requests", f"{mcp.request_count:,}"),
        ("revision", str(mcp.revision)),
    ]
    if isinstance(mcp, McpDetail):
        tools = "not known" if mcp.tools is None else ", ".join(tool.name for tool in mcp.tools) or "none"
        fields.append(("tools", tools))
    return fields
