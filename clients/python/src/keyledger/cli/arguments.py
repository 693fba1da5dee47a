"""The command line: all commands and their arguments."""

import argparse
from collections.abc import Callable
from typing import Any

from keyledger.cli import activity, doctor, exit_codes, keys, mcps, organization, usage
from keyledger.version import VERSION

_DESCRIPTION = """Manage the API keys of MCP gateways.

--url or KEYLEDGER_URL is the address of the service. The management key is in KEYLEDGER_ADMIN_KEY or in --key-file.
"""

_EXAMPLES = f"""examples:
  keyledger keys list --status active
  keyledger keys create "My agent" --mcp mcp_… --expires-in-days 90 --secret-only > agent.key
  keyledger keys verify - < agent.key
  keyledger keys rotate key_… --overlap-seconds 3600
  keyledger keys identify < found.key
  keyledger doctor - < agent.key

{exit_codes.EXPLAINED}"""

Run = Callable[[argparse.Namespace], int]


def parser() -> argparse.ArgumentParser:
    """Return the parser. Its namespace contains `run`, which executes the command and returns the exit code."""
    root = argparse.ArgumentParser(
        prog="keyledger",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"keyledger {VERSION}")
    groups = root.add_subparsers(required=True, metavar="COMMAND")
    _keys(groups.add_parser("keys", help="create, list, rotate, revoke, … keys"))
    _activity(groups.add_parser("activity", help="list the uses of all keys, and explain decisions"))
    _usage(groups)
    of_mcps = groups.add_parser("mcps", help="list MCP servers").add_subparsers(required=True, metavar="COMMAND")
    _command(of_mcps, "list", mcps.list_mcps, "list all MCP servers", "keyledger mcps list --json")
    _command(
        of_mcps,
        "list-reachable",
        mcps.list_reachable,
        "list the MCP servers and tools that the key itself may use",
        "keyledger mcps list-reachable --key-file agent.key",
    )
    _organization(groups.add_parser("organization", help="show the organization and set its URL for MCP clients"))
    diagnose = _command(
        groups,
        "doctor",
        doctor.doctor,
        "check the form of a key without sending it anywhere",
        "keyledger doctor - < agent.key\n  keyledger doctor pk_live_…",
        remote=False,
    )
    diagnose.add_argument("key", help="the key, or - to read it from standard input")
    return root


def _keys(group: argparse.ArgumentParser) -> None:
    commands = group.add_subparsers(required=True, metavar="COMMAND")
    create = _command(
        commands,
        "create",
        keys.create,
        "create a key and show its secret, which is shown only once",
        'keyledger keys create "My agent" --mcp mcp_… --expires-in-days 90\n'
        "  keyledger keys create CI --all-mcps --secret-only > ci.key",
    )
    create.add_argument("name", help="1 to 100 characters")
    create.add_argument("--description")
    create.add_argument("--environment", choices=("live", "test"), help="by default that of the management key")
    create.add_argument("--mcp", action="append", metavar="ID", help="an MCP that the key may reach; repeatable")
    create.add_argument("--all-mcps", action="store_true", help="the key may reach every MCP, including future ones")
    create.add_argument("--manage", action="append", metavar="GRANT", help="such as keys:read; repeatable")
    create.add_argument("--expires-in-days", type=int, metavar="DAYS", help="by default the key does not expire")
    create.add_argument("--allowed-ip", action="append", metavar="NETWORK", help="such as 10.0.0.0/8; repeatable")
    _secret_only(create)

    listed = _command(
        commands, "list", keys.list_keys, "list keys, newest first", "keyledger keys list --status active"
    )
    listed.add_argument("--status", choices=("active", "disabled", "expired", "revoked"))
    listed.add_argument("--environment", choices=("live", "test"))
    listed.add_argument("--mcp", metavar="ID", help="keys that may reach this MCP")
    listed.add_argument("--search", metavar="TEXT", help="the beginning of a word in the name, or of the prefix")
    listed.add_argument("--limit", type=_count, metavar="N", help="the largest number of keys; by default all")

    _command(
        commands, "review", keys.review, "count the active keys that could be tighter", "keyledger keys review --json"
    )
    _of_key(commands, "get", keys.get, "show one key and its latest activity")
    of_key = _of_key(
        commands,
        "activity",
        keys.list_activity,
        "list the changes and uses of a key, newest first, or follow them",
        " --status denied\n  keyledger keys activity key_… --follow",
    )
    of_key.add_argument("--type", metavar="TYPE", help="such as api_key.rotated, or change for all but uses")
    _filters(of_key)
    rotate = _of_key(commands, "rotate", keys.rotate, "replace the secret of a key", " --overlap-seconds 3600")
    rotate.add_argument(
        "--overlap-seconds",
        type=int,
        metavar="S",
        help="keep the old secret valid for so many seconds; 0: end it immediately",
    )
    _secret_only(rotate)
    revoke = _of_key(
        commands, "revoke", keys.revoke, "revoke a key immediately and permanently", " --reason compromised"
    )
    reasons = ("compromised", "superseded", "owner_removed", "no_longer_needed", "unspecified")
    revoke.add_argument("--reason", choices=reasons, default="unspecified")
    revoke.add_argument("--note", help="for the record")
    _of_key(commands, "disable", keys.disable, "refuse a key until it is enabled again")
    _of_key(commands, "enable", keys.enable, "accept a disabled key again")
    _command(
        commands,
        "identify",
        keys.identify,
        "find the key that a secret belongs to, by its SHA-256; exit code 1 if there is none",
        "keyledger keys identify < found.key\n  keyledger keys identify",
    )
    _of_key(commands, "end-secrets", keys.end_secrets, "end the earlier secrets of a rotated key now")
    verify = _command(
        commands,
        "verify",
        keys.verify,
        "check whether a key may do something; exit code 1 if not",
        "keyledger keys verify - --mcp mcp_… --tool add < agent.key",
    )
    verify.add_argument("key", help="the key, or - to read it from standard input")
    verify.add_argument("--mcp", metavar="ID")
    verify.add_argument("--tool", metavar="NAME", help="needs --mcp")


def _activity(group: argparse.ArgumentParser) -> None:
    commands = group.add_subparsers(required=True, metavar="COMMAND")
    listed = _command(
        commands,
        "list",
        activity.list_activity,
        "list the uses of all keys, newest first, or follow them",
        "keyledger activity list --status denied\n  keyledger activity list --follow",
    )
    _filters(listed)
    explained = _command(
        commands, "get", activity.get, "show one use and explain its decision", "keyledger activity get evt_…"
    )
    explained.add_argument("id", help="the event_id of a verification, evt_…")


def _filters(command: argparse.ArgumentParser) -> None:
    command.add_argument("--status", choices=("success", "denied", "error", "started"))
    command.add_argument("--action", choices=("verify", "check", "call", "manage"))
    command.add_argument("--reason", metavar="CODE", help="such as ip_not_permitted")
    command.add_argument("--mcp", metavar="ID", help="uses that name this MCP")
    command.add_argument("--tool", metavar="NAME")
    command.add_argument("--ip", metavar="ADDRESS", help="the address that the request came from")
    command.add_argument("--secret-version", type=_count, metavar="N", help="uses of this version of the secret")
    command.add_argument("--limit", type=_count, default=20, metavar="N", help="the largest number; by default 20")
    command.add_argument(
        "--follow", action="store_true", help="print the newest entries, then each new one, until interrupted"
    )


def _usage(groups: Any) -> None:  # noqa: ANN401 -- argparse does not export the type
    command = _command(
        groups,
        "usage",
        usage.usage,
        "count the requests of the organization or of one key, by day or by hour (UTC)",
        "keyledger usage --days 7\n  keyledger usage --key key_… --days 1 --bucket hour",
    )
    command.add_argument("--key", metavar="ID", help="count the requests of this key only")
    command.add_argument(
        "--days", type=_count, metavar="N", help="the last N days, including today; by default this month"
    )
    command.add_argument("--bucket", choices=("hour", "day"), help="by default day; day adds reasons and latencies")


def _organization(group: argparse.ArgumentParser) -> None:
    commands = group.add_subparsers(required=True, metavar="COMMAND")
    _command(
        commands,
        "get",
        organization.get,
        "show the organization, its limits and their use",
        "keyledger organization get --json",
    )
    url = _command(
        commands,
        "set-mcp-url",
        organization.set_mcp_url,
        "set the URL to configure in MCP clients",
        "keyledger organization set-mcp-url 'https://gateway.example/{slug}/mcp'\n"
        "  keyledger organization set-mcp-url --remove",
    )
    value = url.add_mutually_exclusive_group(required=True)
    value.add_argument("mcp_url", nargs="?", metavar="URL", help="an https URL; {slug} stands for the slug")
    value.add_argument("--remove", action="store_true", help="remove the setting")


def _command(
    group: Any,  # noqa: ANN401 -- argparse does not export the type
    name: str,
    run: Run,
    purpose: str,
    example: str,
    *,
    remote: bool = True,
) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = group.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=f"example:\n  {example}\n\n{exit_codes.EXPLAINED}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    command.add_argument("--json", action="store_true", help="print JSON")
    if remote:
        command.add_argument("--url", help="the address of the service; by default KEYLEDGER_URL")
        command.add_argument(
            "--key-file",
            metavar="FILE",
            help="a file with the management key (- for standard input); by default KEYLEDGER_ADMIN_KEY contains it",
        )
    return command


def _of_key(group: Any, name: str, run: Run, purpose: str, example: str = "") -> argparse.ArgumentParser:  # noqa: ANN401
    command = _command(group, name, run, purpose, f"keyledger keys {name} key_…{example}")
    command.add_argument("id", help="the key's id, key_…")
    return command


def _secret_only(command: argparse.ArgumentParser) -> None:
    command.add_argument("--secret-only", action="store_true", help="print the secret and nothing else")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
