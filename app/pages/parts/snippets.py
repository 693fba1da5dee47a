"""Snippets to copy that use a key: shell, `.env`, JavaScript, Python, and the configurations of MCP clients.

Only what a user runs or stores privately contains the secret. Everything else names the variable `KEYLEDGER_KEY`.

The formats of the MCP clients were checked against the documentation of their vendors in October 2026. Check them again
every year:
Claude Code: code.claude.com/docs/en/mcp. Claude Desktop: support.claude.com/articles/11503834 and mcp-remote 0.15.1.
Cursor: cursor.com/docs/context/mcp. VS Code: code.visualstudio.com/docs/copilot/reference/mcp-configuration.
"""

import json
import shlex
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

VARIABLE = "KEYLEDGER_KEY"

_READING = ("get", "list", "read", "search", "find", "fetch", "query", "describe", "show", "echo")


class Block(NamedTuple):
    """A text to copy. `place` says where it belongs."""

    text: str
    place: str = ""
    has_secret: bool = False


class Snippet(NamedTuple):
    """A tab with one or more blocks. `note` is a warning or the next step."""

    id: str
    title: str
    blocks: tuple[Block, ...]
    note: str = ""


class Target(NamedTuple):
    """The tool that the snippets call, with example arguments. Without one, they list what the key reaches."""

    mcp_id: str
    server: str
    tool: str
    arguments: Mapping[str, Any] = MappingProxyType({})


class Reached(NamedTuple):
    """A server that a key reaches, and the names of the tools that the key may call."""

    mcp_id: str
    name: str
    tools: Sequence[str]


def first_target(servers: Sequence[Reached]) -> Target | None:
    """Return a tool of the first server that has one, preferably one that only reads."""
    for server in servers:
        if server.tools:
            reading = (name for name in server.tools if name.lower().startswith(_READING))
            return Target(server.mcp_id, server.name, next(reading, server.tools[0]))
    return None


def snippets(
    url: str, mcp_url: str | None, secret: str, target: Target | None, *, is_masked: bool = False
) -> list[Snippet]:
    """Return the snippets for a key. `url` is this service, `mcp_url` the URL for MCP clients, if one is configured.

    `is_masked`: the secret is only the beginning of one, and the user has to put the stored one in its place.
    """
    missing = f"Replace {secret} with the key that you stored." if is_masked else ""
    clients = [] if mcp_url is None else _mcp_clients(mcp_url, secret, missing)
    return [*_programs(url, secret, target, missing), *clients]


def _programs(url: str, secret: str, target: Target | None, missing: str) -> list[Snippet]:
    export = f"export {VARIABLE}={secret}\n\n"
    dotenv = Block(f"{VARIABLE}={secret}", has_secret=True)
    ignored = "Add .env to .gitignore, so that the key is never committed."
    call = _call_note(target)
    return [
        Snippet("shell", "Shell", (Block(export + _curl(url, target), has_secret=True),), _sentences(call, missing)),
        Snippet("env", ".env", (dotenv,), _sentences(ignored, missing)),
        Snippet("javascript", "JavaScript", (Block(_javascript(url, target)),), call),
        Snippet("python", "Python", (Block(_python(url, target)),), call),
    ]


def _sentences(*texts: str) -> str:
    return " ".join(text for text in texts if text)


def _call_note(target: Target | None) -> str:
    """Return what a program does, and which of its values are only examples."""
    if target is None:
        return "Lists the MCP servers and tools that this key can call."
    example = "The arguments are an example." if target.arguments else ""
    return _sentences(f"Calls {target.tool} on {target.server}.", example)


def _address(url: str, target: Target | None) -> str:
    return f"{url}/v1/mcp/servers" if target is None else f"{url}/v1/mcp/invoke"


def _call(target: Target) -> dict[str, Any]:
    return {"mcp_id": target.mcp_id, "tool": target.tool, "arguments": dict(target.arguments)}


def _curl(url: str, target: Target | None) -> str:
    address = shlex.quote(_address(url, target))
    bearer = f'-H "Authorization: Bearer ${VARIABLE}"'
    if target is None:
        return f"curl {address} \\\n  {bearer}"
    body = shlex.quote(json.dumps(_call(target), separators=(",", ":")))
    return f'curl -X POST {address} \\\n  {bearer} \\\n  -H "Content-Type: application/json" \\\n  -d {body}'


def _javascript(url: str, target: Target | None) -> str:
    address = json.dumps(_address(url, target))
    bearer = f"Authorization: `Bearer ${{process.env.{VARIABLE}}}`"
    if target is None:
        return (
            f"const response = await fetch({address}, {{\n  headers: {{ {bearer} }},\n}});\n"
            "console.log(await response.json());"
        )
    return (
        f'const response = await fetch({address}, {{\n  method: "POST",\n  headers: {{\n    {bearer},\n'
        f'    "Content-Type": "application/json",\n  }},\n'
        f"  body: JSON.stringify({json.dumps(_call(target))}),\n}});\nconsole.log(await response.json());"
    )


def _python(url: str, target: Target | None) -> str:
    address = json.dumps(_address(url, target))
    bearer = f"""headers={{"Authorization": f"Bearer {{os.environ['{VARIABLE}']}}"}}"""
    if target is None:
        call = f"response = httpx.get({address}, {bearer})"
    else:
        call = f"response = httpx.post(\n    {address},\n    {bearer},\n    json={_call(target)!r},\n)"
    return f"import os\n\nimport httpx\n\n{call}\nprint(response.json())"


def _mcp_clients(mcp_url: str, secret: str, missing: str) -> list[Snippet]:
    bearer = f"Bearer ${{{VARIABLE}}}"
    command = (
        f"claude mcp add --transport http keyledger {shlex.quote(mcp_url)} \\\n"
        f'  --header "Authorization: Bearer ${VARIABLE}"'
    )
    team = {"mcpServers": {"keyledger": {"type": "http", "url": mcp_url, "headers": {"Authorization": bearer}}}}
    bridge = {
        "command": "npx",
        "args": ["-y", "mcp-remote", mcp_url, "--header", "Authorization:${AUTH}"],
        "env": {"AUTH": f"Bearer {secret}"},
    }
    cursor = {"url": mcp_url, "headers": {"Authorization": f"Bearer ${{env:{VARIABLE}}}"}}
    asked = {"type": "promptString", "id": "keyledger-key", "description": "Keyledger key", "password": True}
    code = {"type": "http", "url": mcp_url, "headers": {"Authorization": "Bearer ${input:keyledger-key}"}}
    return [
        Snippet(
            "claude-code",
            "Claude Code",
            (Block(command, "In a shell in which the variable is set:"), Block(_json(team), "For a team, .mcp.json:")),
        ),
        Snippet(
            "claude-desktop",
            "Claude Desktop",
            (Block(_json({"mcpServers": {"keyledger": bridge}}), "claude_desktop_config.json:", has_secret=True),),
            _sentences("This file contains the secret. Don't share or commit it.", missing),
        ),
        Snippet(
            "cursor",
            "Cursor",
            (Block(_json({"mcpServers": {"keyledger": cursor}}), ".cursor/mcp.json or ~/.cursor/mcp.json:"),),
        ),
        Snippet(
            "vs-code",
            "VS Code",
            (Block(_json({"inputs": [asked], "servers": {"keyledger": code}}), ".vscode/mcp.json:"),),
            "VS Code asks for the key once and stores it.",
        ),
    ]


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
