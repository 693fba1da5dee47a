"""The command line: all commands and their arguments."""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from keyledger.cli import activity, alerts, audit, completion, doctor, exit_codes, keys, mcps, organization, usage
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
  keyledger alerts list --status open
  keyledger audit export --from 2026-11-01 > audit-log.jsonl

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
    _keys(_group(groups, "keys", "create, list, rotate, revoke, … keys"))
    _activity(_group(groups, "activity", "list the uses of all keys, and explain decisions"))
    _usage(groups)
    _alerts(_group(groups, "alerts", "list and acknowledge alerts"))
    _audit(_group(groups, "audit", "list and export the changes in the organization"))
    of_mcps = _group(groups, "mcps", "list MCP servers")
    _command(of_mcps, "list", mcps.list_mcps, "list all MCP servers", "keyledger mcps list --json")
    _command(
        of_mcps,
        "list-reachable",
        mcps.list_reachable,
        "list the MCP servers and tools that the key itself may use",
        "keyledger mcps list-reachable --key-file agent.key",
    )
    _organization(_group(groups, "organization", "show the organization and set its URL for MCP clients"))
    diagnose = _command(
        groups,
        "doctor",
        doctor.doctor,
        "check the form of a key without sending it anywhere",
        "keyledger doctor - < agent.key\n  keyledger doctor pk_live_…",
        remote=False,
    )
    diagnose.add_argument("key", help="the key, or - to read it from standard input")
    complete = _command(
        groups,
        "completion",
        completion.completion,
        "print the script with which a shell completes commands and options",
        "source <(keyledger completion bash)",
        remote=False,
    )
    complete.add_argument("shell", choices=completion.SHELLS, help="the shell that reads the script")
    return root


def _keys(commands: Any) -> None:  # noqa: ANN401 -- argparse does not export the type
    create = _command(
        commands,
        "create",
        keys.create,
        "create a key and show its secret, which is shown only once",
        'keyledger keys create "My agent" --mcp mcp_… --expires-in-days 90\n'
        "  keyledger keys create CI --all-mcps --secret-only > ci.key",
    )
    create.add_argument("name", help="1 to 100 characters")
    create.add_argument("--description", help="where the secret is stored, and who looks after it")
    create.add_argument("--environment", choices=("live", "test"), help="by default that of the management key")
    create.add_argument("--mcp", action="append", metavar="ID", help="an MCP that the key may reach; repeatable")
    create.add_argument("--all-mcps", action="store_true", help="the key may reach every MCP, including future ones")
    create.add_argument("--manage", action="append", metavar="GRANT", help="such as keys:read; repeatable")
    create.add_argument("--expires-in-days", type=int, metavar="DAYS", help="by default the key does not expire")
    create.add_argument("--allowed-ip", action="append", metavar="NETWORK", help="such as 10.0.0.0/8; repeatable")
    _secret_only(create)

    _key_filters(
        _command(
            commands,
            "list",
            keys.list_keys,
            "list the keys that match all filters, by default newest first",
            "keyledger keys list --status active\n"
            "  keyledger keys list --status active --expiring-within-days 14 --sort expires_at",
        )
    )
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
    verify.add_argument("--mcp", metavar="ID", help="the MCP that the key would reach")
    verify.add_argument("--tool", metavar="NAME", help="needs --mcp")


def _key_filters(command: argparse.ArgumentParser) -> None:
    command.add_argument("--status", choices=("active", "disabled", "expired", "revoked"), help="keys in this state")
    command.add_argument("--environment", choices=("live", "test"), help="keys of this environment")
    command.add_argument("--mcp", metavar="ID", help="keys that may reach this MCP")
    command.add_argument("--created-by", metavar="ID", help="keys that this user or key created")
    for name, purpose in (
        ("--expiring-within-days", "keys that expire within N days"),
        ("--unused-for-days", "keys that were not used for N days"),
        ("--never-used-for-days", "keys that were created at least N days ago and never used"),
        ("--rotation-ends-within-days", "keys with an earlier secret that stops working within N days"),
    ):
        command.add_argument(name, type=_count, metavar="N", help=purpose)
    command.add_argument("--expires", choices=("never",), help="keys without an expiry date")
    command.add_argument("--mcp-access", choices=("all",), help="keys that reach all MCPs, including future ones")
    command.add_argument("--open-grant", metavar="GRANT", help="keys with this grant that any IP address may use")
    command.add_argument("--search", metavar="TEXT", help="the beginning of a word in the name, or of the prefix")
    command.add_argument(
        "--sort", choices=("created_at", "last_used", "expires_at", "name"), help="by default created_at"
    )
    command.add_argument(
        "--order", choices=("asc", "desc"), help="by default asc for names and expiry dates, otherwise desc"
    )
    _limit(command, None)


def _activity(commands: Any) -> None:  # noqa: ANN401 -- argparse does not export the type
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
    command.add_argument(
        "--status", choices=("success", "denied", "error", "started"), help="uses with this outcome; started: unknown"
    )
    command.add_argument("--action", choices=("verify", "check", "call", "manage"), help="uses of this kind")
    command.add_argument("--reason", metavar="CODE", help="such as ip_not_permitted")
    command.add_argument("--mcp", metavar="ID", help="uses that name this MCP")
    command.add_argument("--tool", metavar="NAME", help="uses that name this tool")
    command.add_argument("--ip", metavar="ADDRESS", help="the address that the request came from")
    command.add_argument("--secret-version", type=_count, metavar="N", help="uses of this version of the secret")
    _limit(command)
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
    command.add_argument(
        "--bucket", choices=("hour", "day"), help="by default day; day adds reasons, and latencies of up to 31 days"
    )


def _alerts(commands: Any) -> None:  # noqa: ANN401 -- argparse does not export the type
    listed = _command(
        commands,
        "list",
        alerts.list_alerts,
        "list alerts, newest first",
        "keyledger alerts list --status open --severity critical",
    )
    listed.add_argument("--status", choices=("open", "acknowledged"), help="whether the alert was acknowledged")
    listed.add_argument("--severity", choices=("info", "warning", "critical"), help="alerts of this severity")
    listed.add_argument("--type", metavar="TYPE", help="such as api_key.expiring")
    listed.add_argument("--key", metavar="ID", help="alerts about this key")
    _limit(listed)
    for name, run, purpose in (
        ("get", alerts.get, "show one alert with the numbers that raised it"),
        ("acknowledge", alerts.acknowledge, "mark an alert as seen"),
    ):
        command = _command(commands, name, run, purpose, f"keyledger alerts {name} alert_…")
        command.add_argument("id", help="the alert's id, alert_…")


def _audit(commands: Any) -> None:  # noqa: ANN401 -- argparse does not export the type
    listed = _command(
        commands,
        "list",
        audit.list_events,
        "list the changes in the organization, newest first",
        "keyledger audit list --type api_key.revoked\n  keyledger audit list --key key_… --from 2026-11-01",
    )
    listed.add_argument("--type", metavar="TYPE", help="such as api_key.revoked")
    listed.add_argument("--actor", metavar="ID", help="changes that this user, key or part of Keyledger made")
    listed.add_argument("--resource", metavar="ID", help="changes of this resource")
    listed.add_argument("--key", metavar="ID", help="changes of this key and changes made with it")
    listed.add_argument("--ip", metavar="ADDRESS", help="the address that the request came from")
    _period(listed)
    _limit(listed)
    shown = _command(
        commands, "get", audit.get, "show one change with its data and its hash", "keyledger audit get evt_…"
    )
    shown.add_argument("id", help="the event's id, evt_…")
    exported = _command(
        commands,
        "export",
        audit.export,
        "export the changes as a file, oldest first; exit code 3 if the export is incomplete",
        "keyledger audit export --from 2026-11-01 > audit-log.jsonl\n"
        "  keyledger audit export --format csv --output audit-log.csv",
        report=False,
    )
    exported.add_argument("--format", choices=("jsonl", "csv"), help="by default jsonl: one JSON object a line")
    exported.add_argument("--output", metavar="FILE", help="the file to write; by default standard output")
    _period(exported)


def _organization(commands: Any) -> None:  # noqa: ANN401 -- argparse does not export the type
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


def _group(groups: Any, name: str, purpose: str) -> Any:  # noqa: ANN401 -- argparse does not export the type
    """Add a group of commands, and return what its commands are added to."""
    group = groups.add_parser(name, help=purpose, description=purpose[0].upper() + purpose[1:] + ".")
    return group.add_subparsers(required=True, metavar="COMMAND")


def _command(
    group: Any,  # noqa: ANN401 -- argparse does not export the type
    name: str,
    run: Run,
    purpose: str,
    example: str,
    *,
    remote: bool = True,
    report: bool = True,
) -> argparse.ArgumentParser:
    """Add a command. `remote`: it calls the service. `report`: it can print its result as JSON."""
    command: argparse.ArgumentParser = group.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=f"example:\n  {example}\n\n{exit_codes.EXPLAINED}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.set_defaults(run=run)
    if report:
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


def _limit(command: argparse.ArgumentParser, default: int | None = 20) -> None:
    command.add_argument(
        "--limit", type=_count, default=default, metavar="N", help=f"the largest number; by default {default or 'all'}"
    )


def _period(command: argparse.ArgumentParser) -> None:
    form = "a date or a time, in UTC if it has no offset"
    command.add_argument("--from", type=_instant, dest="since", metavar="TIME", help=f"from this time on: {form}")
    command.add_argument("--to", type=_instant, dest="until", metavar="TIME", help=f"before this time: {form}")


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"use a date or a time, such as 2026-11-01, not {text!r}") from None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError
    return number
