"""The command line: all commands, in the order in which `keyledger --help` lists them."""

from keyledger.cli import (
    activity,
    alerts,
    audit,
    completion,
    doctor,
    exit_codes,
    health,
    mcps,
    members,
    organization,
    tools,
    usage,
    webhooks,
)
from keyledger.cli.as_code import apply, export
from keyledger.cli.grammar import Commands, Parser, add_shared
from keyledger.cli.keys import commands as keys
from keyledger.cli.scan import commands as scan
from keyledger.version import VERSION

_DESCRIPTION = """Manage the API keys of MCP gateways.

--url or KEYLEDGER_URL is the address of the service. The management key is in KEYLEDGER_ADMIN_KEY or in --key-file.
Both can be in a profile of ~/.config/keyledger/config.toml, which --profile or KEYLEDGER_PROFILE selects.
"""

_EXAMPLES = f"""examples:
  keyledger keys list --status active
  keyledger keys create "My agent" --mcp mcp_… --out agent.key
  keyledger keys verify - < agent.key
  keyledger keys rotate key_… --overlap-seconds 3600 --out agent-2.key
  keyledger keys revoke key_… --reason compromised
  keyledger tools call mcp_… add --arguments '{{"numbers": [1, 2]}}' --key-file agent.key
  keyledger activity list --follow
  keyledger audit export --from 2026-11-01 --output audit-log.jsonl

{exit_codes.EXPLAINED}"""

_NOUNS = (
    keys,
    mcps,
    tools,
    activity,
    usage,
    alerts,
    audit,
    webhooks,
    members,
    organization,
    apply,
    export,
    health,
    doctor,
    scan,
    completion,
)


def parser() -> Parser:
    """Return the parser. Its namespace contains `run`, which executes the command and returns the exit code."""
    root = Parser(prog="keyledger", description=_DESCRIPTION, epilog=_EXAMPLES)
    root.add_argument("--version", action="version", version=f"keyledger {VERSION}")
    add_shared(root, is_shown=True)
    groups = Commands(root)
    for noun in _NOUNS:
        noun.add_commands(groups)
    return root
