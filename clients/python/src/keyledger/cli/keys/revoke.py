"""`keyledger keys revoke` and `revoke-many`, which ask first."""

import argparse
from typing import get_args

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.output import plural, print_json, shown_secret, tell
from keyledger.cli.questions import confirm
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column, print_table
from keyledger.cli.times import exact, when
from keyledger.clients import Keyledger
from keyledger.endpoints.keys import Reason
from keyledger.models.keys import KeyDetail, MatchedKey, RevokedKeys

REASONS = get_args(Reason)

_MATCHED = (
    Column("ID"),
    Column("NAME", is_cut=True),
    Column("KEY", left_out=1),
    Column("STATUS", has_states=True),
    Column("LAST USED"),
)


def revoke(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        if arguments.dry_run or not arguments.yes:
            key = client.keys.get(arguments.id)
            if arguments.dry_run:
                return tell(arguments, key, f"{_described(key)} It would be revoked.")
            confirm(arguments, _described(key), "Revoke it immediately and permanently?")
        revoked = client.keys.revoke(arguments.id, reason=arguments.reason, note=arguments.note)
    return tell(
        arguments, revoked, f"{revoked.id} was revoked at {exact(revoked.revoked_at)}. Revocation is permanent."
    )


def revoke_many(arguments: argparse.Namespace) -> int:
    if not (arguments.ids or arguments.created_by or arguments.mcp or arguments.created_before):
        raise UsageError("Nothing is selected. Use ids, --created-by, --mcp or --created-before.")
    with client_of(arguments) as client:
        if arguments.dry_run or not arguments.yes:
            found = _revoke(client, arguments, dry_run=True)
            if arguments.dry_run or not found.matched:
                return _show(arguments, found)
            if not arguments.json:
                _show(arguments, found)
            confirm(
                arguments, f"{plural(found.matched, 'key')} would be revoked.", "Revoke immediately and permanently?"
            )
        done = _revoke(client, arguments, dry_run=False)
    return tell(arguments, done, f"{plural(done.revoked, 'key')} {'was' if done.revoked == 1 else 'were'} revoked.")


def _revoke(client: Keyledger, arguments: argparse.Namespace, *, dry_run: bool) -> RevokedKeys:
    return client.keys.revoke_many(
        reason=arguments.reason,
        ids=arguments.ids or None,
        created_by=arguments.created_by,
        mcp_id=arguments.mcp,
        created_before=arguments.created_before,
        dry_run=dry_run,
        include_caller=arguments.include_caller,
    )


def _show(arguments: argparse.Namespace, found: RevokedKeys) -> int:
    if arguments.json:
        print_json(found)
        return exit_codes.OK
    print_table(_MATCHED, [[_row(key) for key in found.keys]])
    print(f"\n{plural(found.matched, 'key')} {'matches' if found.matched == 1 else 'match'}.")
    if found.caller_excluded:
        print("The management key matches too, and is excluded unless --include-caller is given.")
    return exit_codes.OK


def _row(key: MatchedKey) -> tuple[str, ...]:
    return (key.id, key.name, shown_secret(key), key.status, when(key.last_used) or "never")


def _described(key: KeyDetail) -> str:
    use = "was never used" if key.last_used is None else f"was last used {when(key.last_used)}"
    return f"“{key.name}” ({key.id}) is {key.status} and {use}."
