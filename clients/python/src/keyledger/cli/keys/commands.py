"""The commands `keyledger keys …`."""

from typing import get_args

from keyledger.cli.activity import add_filters
from keyledger.cli.grammar import Commands, Parser, add_limit, add_question, count, instant
from keyledger.cli.keys import change, create, import_many, read, revoke
from keyledger.cli.keys.expiry import add_expiry
from keyledger.cli.keys.permissions import add_permission_options
from keyledger.cli.secrets_once import add_secret_options
from keyledger.endpoints.keys import Environment, Order, Sort, Status


def add_commands(groups: Commands) -> None:
    commands = groups.group("keys", "create, list, update, rotate, revoke, … keys")
    _add_create(commands)
    _add_import(commands)
    _add_reading(commands)
    _add_changes(commands)
    _add_revocations(commands)
    _add_secrets(commands)


def _add_create(commands: Commands) -> None:
    command = commands.add(
        "create",
        create.create,
        "create a key and show its secret, which is shown only once",
        'keyledger keys create "My agent" --mcp mcp_… --out agent.key',
        "keyledger keys create CI --all-mcps --expires-in-days 30 --secret-only",
        "keyledger keys create Console --manage keys:read --never --json",
    )
    command.add_argument("name", metavar="NAME", help="1 to 100 characters")
    command.add_argument("--description", metavar="TEXT", help="where the secret is stored, and who looks after it")
    command.add_argument("--environment", choices=get_args(Environment), help="by default that of the management key")
    add_expiry(command, f"by default in {create.DEFAULT_DAYS} days")
    add_permission_options(command)
    create.add_limits(command)
    command.add_argument("--yes", action="store_true", help="create it without a question even if it reaches nothing")
    add_secret_options(command)


def _add_import(commands: Commands) -> None:
    command = commands.add(
        "import",
        import_many.import_many,
        "import the keys of another system with their secrets, after showing what would happen",
        "keyledger keys import old-keys.csv --all-mcps --dry-run",
        "keyledger keys import old-keys.csv --all-mcps --yes",
        "keyledger keys import - --mcp mcp_… --yes --rejected rejected.csv < old-keys.csv",
    )
    command.add_argument(
        "file",
        metavar="FILE",
        help="CSV or JSON Lines in UTF-8, or - for standard input. Fields: name; sha256 (of the secret, hexadecimal or "
        "base64) or secret, which is hashed here and not sent. Optional: description, expires_at, environment, mcps, "
        "permissions, rate_limit, allowed_ips, metadata, prefix, last4. An "
        "imported secret cannot have management grants",
    )
    add_permission_options(command, with_manage=False)
    command.add_argument(
        "--rejected", metavar="FILE", help="write the rows that cannot be imported, and why, to this new file as CSV"
    )
    add_question(command, with_dry_run=True)


def _add_reading(commands: Commands) -> None:
    _add_list_filters(
        commands.add(
            "list",
            read.list_keys,
            "list the keys that match all filters, by default newest first",
            "keyledger keys list --status active",
            "keyledger keys list --status active --expiring-within-days 14 --sort expires_at",
            "keyledger keys list --unused-for-days 90 --json",
        )
    )
    commands.add_for("key", "key", "get", read.get, "show one key and its latest activity")
    commands.add(
        "review",
        read.review,
        "count the active keys that could be tighter",
        "keyledger keys review",
        "keyledger keys review --json",
    )
    commands.add(
        "creators", read.list_creators, "list the people who created keys, most keys first", "keyledger keys creators"
    )
    activity = commands.add_for(
        "key",
        "key",
        "activity",
        read.list_activity,
        "list the changes and uses of a key, newest first, or follow them",
        "--status denied",
    )
    activity.add_argument("--type", metavar="TYPE", help="such as api_key.rotated, or change for all but uses")
    add_filters(activity)
    commands.add_for(
        "key", "key", "clients", read.list_clients, "count the newest uses of a key by the user agent of its clients"
    )


def _add_list_filters(command: Parser) -> None:
    command.add_argument("--status", choices=get_args(Status), help="keys in this state")
    command.add_argument("--environment", choices=get_args(Environment), help="keys of this environment")
    command.add_argument("--mcp", metavar="ID", help="keys that may reach this MCP")
    command.add_argument("--created-by", metavar="ID", help="keys that this user or key created")
    for name, purpose in (
        ("--expiring-within-days", "keys that expire within N days"),
        ("--unused-for-days", "keys that were not used for N days"),
        ("--never-used-for-days", "keys that were created at least N days ago and never used"),
        ("--rotation-ends-within-days", "keys with an earlier secret that stops working within N days"),
    ):
        command.add_argument(name, type=count, metavar="N", help=purpose)
    command.add_argument("--expires", choices=("never",), help="keys without an expiry date")
    command.add_argument("--mcp-access", choices=("all",), help="keys that reach all MCPs, including future ones")
    command.add_argument("--open-grant", metavar="GRANT", help="keys with this grant that any IP address may use")
    command.add_argument("--search", metavar="TEXT", help="the beginning of a word in the name, or of the prefix")
    command.add_argument("--sort", choices=get_args(Sort), help="by default created_at")
    command.add_argument(
        "--order", choices=get_args(Order), help="by default asc for names and expiry dates, otherwise desc"
    )
    add_limit(command, None)


def _add_changes(commands: Commands) -> None:
    update = commands.add_for(
        "key",
        "key",
        "update",
        change.update,
        "change the given properties of a key, and keep the others",
        '--name "New name"',
        "--all-mcps --allowed-ip 10.0.0.0/8",
        "--expires-in-days 30",
    )
    update.add_argument("--name", metavar="TEXT", help="1 to 100 characters")
    update.add_argument("--description", metavar="TEXT", help="an empty text removes it")
    add_expiry(update, "unchanged by default")
    add_permission_options(update)
    update.add_argument("--no-mcps", action="store_true", help="the key no longer reaches any MCP")
    update.add_argument("--no-manage", action="store_true", help="the key no longer manages anything")
    create.add_limits(update)
    update.add_argument("--any-ip", action="store_true", help="the key may be used from every address")
    update.add_argument("--no-rate-limit", action="store_true", help="only the limit of the plan applies")
    rotate = commands.add_for(
        "key",
        "key",
        "rotate",
        change.rotate,
        "replace the secret of a key",
        "--overlap-seconds 3600 --out agent.key",
        "--secret-only",
    )
    rotate.add_argument(
        "--overlap-seconds",
        type=int,
        metavar="S",
        help="keep the old secret valid for so many seconds; 0: end it immediately; by default until the first use of "
        "the new one, for 7 days at most",
    )
    add_secret_options(rotate)
    end = commands.add_for(
        "key", "key", "end-secrets", change.end_secrets, "end the earlier secrets of a rotated key now", "--yes"
    )
    add_question(end)
    commands.add_for("key", "key", "disable", change.disable, "refuse a key until it is enabled again")
    commands.add_for("key", "key", "enable", change.enable, "accept a disabled key again")


def _add_revocations(commands: Commands) -> None:
    one = commands.add_for(
        "key",
        "key",
        "revoke",
        revoke.revoke,
        "revoke a key immediately and permanently",
        "--dry-run",
        "--reason compromised --yes",
    )
    one.add_argument("--reason", choices=revoke.REASONS, default="unspecified", help="by default unspecified")
    one.add_argument("--note", metavar="TEXT", help="for the record")
    add_question(one, with_dry_run=True)
    many = commands.add(
        "revoke-many",
        revoke.revoke_many,
        "revoke all keys that match every given selector, after showing them",
        "keyledger keys revoke-many --created-by user_… --reason owner_removed --dry-run",
        "keyledger keys revoke-many --mcp mcp_… --reason superseded --yes",
    )
    many.is_intermixed = True
    many.add_argument("ids", nargs="*", metavar="ID", help="keys by id, at most 1,000")
    many.add_argument("--created-by", metavar="ID", help="keys that this user or key created")
    many.add_argument("--mcp", metavar="ID", help="keys that may reach this MCP")
    many.add_argument("--created-before", type=instant, metavar="TIME", help="keys that are older")
    many.add_argument("--reason", choices=revoke.REASONS, required=True, help="why")
    many.add_argument("--include-caller", action="store_true", help="also the management key itself, if it matches")
    add_question(many, with_dry_run=True)


def _add_secrets(commands: Commands) -> None:
    verify = commands.add(
        "verify",
        read.verify,
        "check whether a key may do something; exit code 1 if not",
        "keyledger keys verify - < agent.key",
        "keyledger keys verify - --mcp mcp_… --tool add < agent.key",
    )
    verify.add_argument("key", metavar="KEY", help="the key, or - to read it from standard input")
    verify.add_argument("--mcp", metavar="ID", help="the MCP that the key would reach")
    verify.add_argument("--tool", metavar="NAME", help="needs --mcp")
    verify.add_argument("--ip", metavar="ADDRESS", help="the address that the key would be used from")
    verify.add_argument("--user-agent", metavar="TEXT", help="the client that would use the key")
    commands.add(
        "identify",
        read.identify,
        "find the key that a secret belongs to, by its SHA-256; exit code 1 if there is none",
        "keyledger keys identify < agent.key",
    )
