"""`keyledger apply`: make what exists equal to a file."""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from keyledger.cli import exit_codes
from keyledger.cli.as_code.credentials import Credentials
from keyledger.cli.as_code.current import Current, read_current
from keyledger.cli.as_code.document import Document, read_document
from keyledger.cli.as_code.execute import Done, execute
from keyledger.cli.as_code.plan import NOUNS, Kind, Other, Plan, Step, pruned
from keyledger.cli.as_code.plan_keys import plan_keys
from keyledger.cli.as_code.plan_mcps import plan_mcps
from keyledger.cli.as_code.plan_webhooks import label_of, plan_webhooks
from keyledger.cli.as_code.secret_folder import SecretFolder
from keyledger.cli.as_code.show import described, print_done, print_json_plan, print_plan
from keyledger.cli.exit_codes import SecretNotStored, UsageError
from keyledger.cli.grammar import Commands, add_question
from keyledger.cli.keys.expiry import explained_expiry
from keyledger.cli.output import discard_output, plural
from keyledger.cli.questions import confirm
from keyledger.cli.settings import client_and_key_of
from keyledger.cli.tables import printable
from keyledger.cli.times import when
from keyledger.clients import Keyledger
from keyledger.errors import ApiError, InternalError, KeyledgerError, Unavailable
from keyledger.models.keys import ListedKey
from keyledger.secret import redacted


def add_commands(groups: Commands) -> None:
    command = groups.add(
        "apply",
        apply,
        "create and change MCP servers, keys and webhooks until they are as in a file",
        "keyledger apply keyledger.toml --dry-run",
        "keyledger apply keyledger.toml --out-dir secrets --yes",
    )
    command.add_argument("file", metavar="FILE", help="a TOML file as docs/as-code.md describes; - for standard input")
    command.add_argument("--out-dir", metavar="DIR", help="the folder for new secrets, each in a file with mode 0600")
    command.add_argument(
        "--prune", action="store_true", help="also revoke and delete what the file does not name, after a question"
    )
    command.add_argument(
        "--send-credentials",
        action="store_true",
        help="also send the credentials of existing MCP servers, which cannot be compared",
    )
    add_question(command, with_dry_run=True)


def apply(arguments: argparse.Namespace) -> int:
    document = read_document(arguments.file)
    client, key = client_and_key_of(arguments)
    with client:
        plan = make_plan(client, document, Credentials(document.folder, are_sent=arguments.send_credentials))
        if arguments.prune:
            has_keys = any(other.kind == "keys" for other in plan.others)
            own = client.keys.identify(key).key if has_keys else None
            plan = pruned(plan, own.id if own is not None else None)
        if arguments.dry_run or not plan.steps:
            _show(arguments, plan)
            return exit_codes.DIFFERENCES if plan.steps else exit_codes.OK
        _require_folder(arguments, plan)
        if not arguments.json:
            _print_before_changes(plan)
        _confirm(arguments, plan)
        return _execute(arguments, client, plan, _folder(arguments, plan))


def make_plan(client: Keyledger, document: Document, credentials: Credentials) -> Plan:
    """Compare the file with what exists. Raise UsageError if the file asks for something impossible or ambiguous."""
    current = read_current(client, _kinds(document))
    problems: list[str] = []
    mcps = plan_mcps(document.mcps or (), current.mcps, credentials, problems)
    keys = plan_keys(document.keys or (), current.keys, mcps.servers, problems)
    webhooks = plan_webhooks(document.webhooks or (), current.webhooks, credentials, problems)
    problems += _leaked(client, keys.steps)
    _refuse(problems)
    found = mcps.found | keys.found | webhooks.found
    not_compared = mcps.not_compared + webhooks.not_compared
    notes = [f"Credentials that were not compared: {not_compared}. --send-credentials sends them."]
    return Plan(
        [*mcps.steps, *keys.steps, *webhooks.steps],
        mcps.unchanged + keys.unchanged + webhooks.unchanged,
        [other for other in _others(document, current) if other.id not in found],
        notes if not_compared else (),
        keys.named_mcps,
    )


def _kinds(document: Document) -> set[Kind]:
    """Return the kinds to read. Keys name MCPs."""
    kinds: set[Kind] = set()
    if document.mcps is not None or document.keys:
        kinds.add("mcps")
    if document.keys is not None:
        kinds.add("keys")
    if document.webhooks is not None:
        kinds.add("webhooks")
    return kinds


def _leaked(client: Keyledger, steps: Iterable[Step]) -> Iterator[str]:
    """Yield the keys that the file would enable although a leak stopped them, and no person has acknowledged that."""
    for step in steps:
        if step.action == "update" and step.status == "active" and step.id is not None:
            for alert in client.alerts.list(type="api_key.leaked", status="open", key_id=step.id, per_page=1).data:
                yield f"The key '{step.name}' was found in public. Acknowledge {alert.id} first, or revoke the key."


def _refuse(problems: Sequence[str]) -> None:
    if len(problems) == 1:
        raise UsageError(f"{problems[0]} Nothing was changed.")
    if problems:
        for problem in problems:
            print(f"keyledger: {printable(redacted(problem))}", file=sys.stderr)
        raise UsageError(f"The file has {len(problems)} problems. Nothing was changed.")


def _others(document: Document, current: Current) -> list[Other]:
    """Return everything of the kinds that the file mentions."""
    found: list[Other] = []
    if document.mcps is not None:
        for mcp in current.mcps:
            use = "never used" if mcp.last_active is None else f"last used {when(mcp.last_active)}"
            found.append(Other("mcps", mcp.name, mcp.id, mcp.revision, use))
    if document.keys is not None:
        found += [Other("keys", key.name, key.id, key.revision, _use(key)) for key in current.keys]
    if document.webhooks is not None:
        found += [
            Other("webhooks", label_of(hook) or hook.url, hook.id, hook.revision, hook.status)
            for hook in current.webhooks
        ]
    return found


def _use(key: ListedKey) -> str:
    return "never used" if key.last_used is None else f"last used {when(key.last_used)}"


def _show(arguments: argparse.Namespace, plan: Plan) -> None:
    if arguments.json:
        print_json_plan(plan, ())
    else:
        print_plan(plan)


def _require_folder(arguments: argparse.Namespace, plan: Plan) -> None:
    secrets = sum(step.has_secret for step in plan.steps)
    if secrets and not arguments.out_dir:
        raise UsageError(
            f"{plural(secrets, 'new secret')} would be shown only once. Use --out-dir to name a folder for new secrets."
            " Nothing was changed."
        )


def _folder(arguments: argparse.Namespace, plan: Plan) -> SecretFolder | None:
    """Return the folder for new secrets, or None if there will be none."""
    if not any(step.has_secret for step in plan.steps):
        return None
    folder = SecretFolder(Path(arguments.out_dir))
    for path in folder.unfinished():
        print(
            f"keyledger: {printable(str(path))} is of a command that was interrupted. If what it created exists,"
            " rotate its secret. Then delete the file.",
            file=sys.stderr,
        )
    return folder


def _print_before_changes(plan: Plan) -> None:
    """Print the plan. Raise UsageError if it cannot be printed, because the exit code 0 would mean that it is done."""
    try:
        print_plan(plan)
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        raise UsageError(f"The plan cannot be printed: {error}. Nothing was changed.") from None


def _confirm(arguments: argparse.Namespace, plan: Plan) -> None:
    confirm(arguments, f"{plural(len(plan.steps), 'change')} would be made.", "Continue?")
    removed = Counter(step.kind for step in plan.steps if step.action in {"revoke", "delete"})
    if removed:
        listed = [plural(removed[kind], NOUNS[kind]) for kind in NOUNS if removed[kind]]
        confirm(
            arguments,
            f"Not in the file: {', '.join(listed)}. Revoking and deleting cannot be undone.",
            "Revoke and delete?",
        )


def _execute(arguments: argparse.Namespace, client: Keyledger, plan: Plan, folder: SecretFolder | None) -> int:
    done: list[Done] = []
    not_printed: OSError | None = None
    try:
        with explained_expiry("expires_at or expires_in_days in the file"):
            for each in execute(client, plan, folder):
                done.append(each)
                if arguments.json or not_printed is not None:
                    continue
                try:
                    print_done(each)
                except OSError as error:
                    # A reader that has closed the pipe, as `| head` does, must not stop the changes halfway.
                    not_printed = error
    except (KeyledgerError, SecretNotStored, UsageError, KeyboardInterrupt) as error:
        _print_stop(plan, len(done), may_be_done=_may_be_done(error))
        raise
    finally:
        if arguments.json:
            print_json_plan(plan, done)
    if not_printed is not None:
        raise not_printed
    return exit_codes.OK


def _may_be_done(error: BaseException) -> bool:
    """Return whether the step may have been done in spite of its error."""
    is_refused = isinstance(error, ApiError) and not isinstance(error, InternalError | Unavailable)
    return not is_refused and not isinstance(error, UsageError)


def _print_stop(plan: Plan, done: int, *, may_be_done: bool) -> None:
    """Report where the execution stopped. The error itself is reported by the caller."""
    step = plan.steps[done]
    left = len(plan.steps) - done - 1
    lost = " If it exists now, rotate its secret." if may_be_done and step.has_secret else ""
    print(
        f"keyledger: stopped at: {described(step)}.{lost} Done before: {done:,}. Not started: {left:,}. Run the command"
        " again to make a new plan and continue.",
        file=sys.stderr,
    )
