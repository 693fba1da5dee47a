"""`keyledger export`: what exists, as a file for `keyledger apply`. It is the same as long as nothing changes."""

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import tomli_w

from keyledger.cli import exit_codes
from keyledger.cli.as_code.bindings import environment_of
from keyledger.cli.as_code.current import Current, read_current
from keyledger.cli.as_code.plan import NOUNS, Kind
from keyledger.cli.as_code.plan_keys import Servers, shown_permissions
from keyledger.cli.as_code.plan_mcps import NamedServer
from keyledger.cli.as_code.plan_webhooks import EVERYTHING, label_of, names_of_events
from keyledger.cli.exit_codes import NotWritten
from keyledger.cli.files import new_file, reason_of
from keyledger.cli.grammar import Commands
from keyledger.cli.output import print_json
from keyledger.cli.settings import client_of
from keyledger.models.keys import Key
from keyledger.models.mcps import Mcp
from keyledger.models.webhooks import Webhook

E = TypeVar("E", Key, Mcp, Webhook)

_HEAD = """\
# MCP servers, keys and webhooks of Keyledger. `keyledger apply` reads this file. It contains no secrets.
"""


def add_commands(groups: Commands) -> None:
    command = groups.add(
        "export",
        export,
        "print MCP servers, keys and webhooks as a file for apply, without secrets",
        "keyledger export --only mcps --only keys",
        "keyledger export --out keyledger.toml",
    )
    command.add_argument("--only", action="append", choices=tuple(NOUNS), help="by default all kinds; repeatable")
    command.add_argument("--out", metavar="FILE", help="write to a new file instead of printing")


def export(arguments: argparse.Namespace) -> int:
    kinds: list[Kind] = arguments.only or list(NOUNS)
    with client_of(arguments) as client:
        current = read_current(client, kinds)
    content = exported(current, kinds)
    if arguments.out is None and arguments.json:
        print_json({"content": content})
        return exit_codes.OK
    if arguments.out is None:
        sys.stdout.flush()
        # TOML is UTF-8, whatever the encoding of texts is.
        sys.stdout.buffer.write(content.encode())
        return exit_codes.OK
    _write(Path(arguments.out), content)
    counts = {kind: len(getattr(current, kind)) for kind in NOUNS if kind in kinds}
    if arguments.json:
        print_json({"file": arguments.out, **counts})
    else:
        print(f"Exported to {arguments.out}: {', '.join(f'{kind} {number:,}' for kind, number in counts.items())}.")
    return exit_codes.OK


def exported(current: Current, kinds: Iterable[Kind]) -> str:
    """Return the content of the file. `kinds`: those to mention, even if there is nothing of them."""
    wanted = set(kinds)
    servers = Servers([NamedServer(mcp.name, mcp.environment, mcp.id) for mcp in current.mcps])
    listed: Mapping[Kind, list[tuple[str, dict[str, Any]]]] = {
        "mcps": [(_remark_of_mcp(mcp), _mcp(mcp, own)) for mcp, own in _identified(current.mcps, lambda mcp: mcp.name)],
        "keys": [("", _key(key, own, servers)) for key, own in _identified(current.keys, lambda key: key.name)],
        "webhooks": [
            (_remark_of_webhook(hook), _webhook(hook, own)) for hook, own in _identified(current.webhooks, label_of)
        ],
    }
    empty = [f"{kind} = []\n" for kind in NOUNS if kind in wanted and not listed[kind]]
    tables = [
        f"\n{remark}{_rendered(kind, table)}" for kind in NOUNS if kind in wanted for remark, table in listed[kind]
    ]
    return "".join([_HEAD, *(["\n"] if empty else []), *empty, *tables])


def _rendered(kind: Kind, table: Mapping[str, Any]) -> str:
    # A list of short tables would be written in another form, so the table is written alone.
    return tomli_w.dumps({kind: table}).replace(f"[{kind}]", f"[[{kind}]]", 1)


def _identified(items: Sequence[E], label: Callable[[E], str]) -> Iterator[tuple[E, dict[str, Any]]]:
    """Yield the objects in order. Those that their names do not tell apart have their id."""
    repeated = Counter(label(item) for item in items)
    for item in sorted(items, key=lambda each: (label(each), environment_of(each) or "", each.id)):
        name = label(item)
        yield item, {"id": item.id} if repeated[name] > 1 or not name else {}


def _mcp(mcp: Mcp, own: Mapping[str, Any]) -> dict[str, Any]:
    table = {**own, "name": mcp.name, "endpoint_url": mcp.endpoint_url}
    if mcp.description:
        table["description"] = mcp.description
    table |= {"environment": mcp.environment, "auth_type": mcp.auth_type}
    if not mcp.health_checks:
        table["health_checks"] = False
    return table if mcp.status == "active" else {**table, "status": mcp.status}


def _remark_of_mcp(mcp: Mcp) -> str:
    if mcp.auth_type == "none":
        return ""
    return "# Its credential is not exported. To send one, add credential_env or credential_file.\n"


def _key(key: Key, own: Mapping[str, Any], servers: Servers) -> dict[str, Any]:
    expiry = {"never": True} if key.expires_at is None else {"expires_at": key.expires_at}
    shown = shown_permissions(key.permissions, servers)
    permissions = {field.removeprefix("permissions."): value for field, value in shown.items() if value}
    optional = {
        "description": key.description,
        "status": key.status if key.status == "disabled" else "",
        "rate_limit": {} if key.rate_limit is None else {"per_second": key.rate_limit.per_second},
        "allowed_ips": sorted(key.allowed_ips),
        "permissions": permissions,
        "metadata": dict(sorted(key.metadata.items())),
    }
    given = {field: value for field, value in optional.items() if value}
    return {**own, "name": key.name, "environment": key.environment, **expiry, **given}


def _webhook(webhook: Webhook, own: Mapping[str, Any]) -> dict[str, Any]:
    table = dict(own)
    if webhook.kind == "standard":
        table["url"] = webhook.url
    else:
        table["kind"] = webhook.kind
    if webhook.description:
        table["description"] = webhook.description
    events = names_of_events(webhook.events)
    if events != [EVERYTHING]:
        table["events"] = events
    return table if webhook.status == "active" else {**table, "status": webhook.status}


def _remark_of_webhook(webhook: Webhook) -> str:
    if webhook.kind == "standard":
        return ""
    return "# Its URL is a secret and is not exported. To send one, add url_env or url_file.\n"


def _write(path: Path, content: str) -> None:
    with new_file(path) as file:
        try:
            file.rewrite(content.encode())
        except OSError as error:
            raise NotWritten(f"The file {path} cannot be written: {reason_of(error)}.") from None
