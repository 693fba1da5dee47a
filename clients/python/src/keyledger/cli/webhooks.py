"""`keyledger webhooks …`"""

import argparse
from typing import get_args

from keyledger.cli import exit_codes
from keyledger.cli.changes import given, require_changes
from keyledger.cli.files import NewFile
from keyledger.cli.grammar import Commands, add_id, add_limit, add_question
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import show, tell
from keyledger.cli.questions import confirm
from keyledger.cli.secrets_once import add_secret_options, secret_file, show_secret
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column
from keyledger.cli.times import exact, when
from keyledger.endpoints.webhooks import DeliveryStatus, Kind, WebhookStatus
from keyledger.models.webhooks import Delivery, Webhook, WebhookDetail, WebhookWithSecret

_COLUMNS = (
    Column("ID"),
    Column("URL", is_cut=True),
    Column("EVENTS", is_cut=True, left_out=1),
    Column("STATUS", has_states=True),
)
_DELIVERIES = (
    Column("ID"),
    Column("WHEN"),
    Column("EVENT", is_cut=True),
    Column("STATUS", has_states=True),
    Column("ATTEMPTS", left_out=1),
    Column("LAST RESULT", is_cut=True, left_out=2),
)


def add_commands(groups: Commands) -> None:
    commands = groups.group("webhooks", "create, list, test, update and delete webhooks, and see their deliveries")
    created = commands.add(
        "create",
        create,
        "create a webhook and show the secret that signs its messages, which is shown only once",
        "keyledger webhooks create https://example.com/hook --event api_key.revoked --out webhook.secret",
    )
    created.add_argument("address", metavar="URL", help="where to send messages")
    created.add_argument("--event", action="append", metavar="TYPE", help="such as api_key.revoked; by default all")
    created.add_argument("--description", metavar="TEXT", help="who receives the messages")
    created.add_argument("--kind", choices=get_args(Kind), help="by default standard")
    add_secret_options(created)
    listed = commands.add("list", list_webhooks, "list the webhooks, newest first", "keyledger webhooks list")
    add_limit(listed, None)
    commands.add_for("hook", "webhook", "get", get, "show one webhook and whether its deliveries succeed")
    updated = commands.add_for(
        "hook",
        "webhook",
        "update",
        update,
        "change the given properties of a webhook, and keep the others",
        "--status active",
    )
    updated.add_argument("--new-url", metavar="URL", help="where to send messages")
    updated.add_argument("--event", action="append", metavar="TYPE", help="such as api_key.revoked; repeatable")
    updated.add_argument("--description", metavar="TEXT", help="an empty text removes it")
    updated.add_argument("--status", choices=get_args(WebhookStatus), help="disabled: it receives nothing")
    rotated = commands.add_for(
        "hook",
        "webhook",
        "rotate",
        rotate,
        "replace the secret of a webhook",
        "--overlap-seconds 3600 --out webhook.secret",
    )
    rotated.add_argument(
        "--overlap-seconds", type=int, metavar="S", help="sign with both secrets for so many seconds; 0: only the new"
    )
    add_secret_options(rotated)
    commands.add_for("hook", "webhook", "test", test, "send a test message; exit code 1 if it is not accepted")
    deliveries = commands.add_for(
        "hook", "webhook", "deliveries", list_deliveries, "list the deliveries of the last 30 days", "--status failed"
    )
    deliveries.add_argument("--status", choices=get_args(DeliveryStatus), help="deliveries in this state")
    add_limit(deliveries)
    retried = commands.add_for("hook", "webhook", "retry", retry, "send a message again with the same id", "msg_…")
    add_id(retried, "msg", "delivery", "delivery_id")
    deleted = commands.add_for(
        "hook", "webhook", "delete", delete, "delete a webhook, so that nothing more is sent to it", "--yes"
    )
    add_question(deleted)


def create(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client, secret_file(arguments) as file:
        made = client.webhooks.create(
            arguments.address,
            events=arguments.event,
            description=arguments.description,
            kind=arguments.kind,
        )
        return _show_secret(arguments, file, made)


def list_webhooks(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.webhooks.iterate(per_page=per_page(arguments.limit))
        return show_list(arguments, found, _COLUMNS, _row)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.webhooks.get(arguments.id)
    return show(arguments, found, _fields(found))


def update(arguments: argparse.Namespace) -> int:
    changes = given(arguments, "status", "description", url="new_url", events="event")
    require_changes(changes, None, "--event or --status")
    with client_of(arguments) as client:
        changed = client.webhooks.update(arguments.id, **changes)
    return show(arguments, changed, _fields(changed))


def rotate(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client, secret_file(arguments) as file:
        rotated = client.webhooks.rotate(arguments.id, overlap_seconds=arguments.overlap_seconds)
        return _show_secret(arguments, file, rotated)


def test(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        trial = client.webhooks.test(arguments.id)
    show(
        arguments,
        trial,
        [
            ("delivered", "yes" if trial.delivered else "no"),
            ("status", "" if trial.status_code is None else str(trial.status_code)),
            ("problem", trial.error or ""),
            ("latency", f"{trial.latency_ms} ms"),
            ("response", trial.response),
        ],
    )
    return exit_codes.OK if trial.delivered else exit_codes.CHECK_FAILED


def list_deliveries(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.webhooks.iterate_deliveries(
            arguments.id, status=arguments.status, per_page=per_page(arguments.limit)
        )
        return show_list(arguments, found, _DELIVERIES, _delivery_row)


def retry(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        delivery = client.webhooks.retry_delivery(arguments.id, arguments.delivery_id)
    return tell(arguments, delivery, f"{delivery.id} is {delivery.status}.")


def delete(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        if not arguments.yes:
            found = client.webhooks.get(arguments.id)
            confirm(arguments, f"{found.url} ({found.id}) would receive nothing more.", "Delete the webhook?")
        deleted = client.webhooks.delete(arguments.id)
    return tell(arguments, deleted, f"{deleted.webhook_id} is deleted.")


def _show_secret(arguments: argparse.Namespace, file: NewFile | None, webhook: WebhookWithSecret) -> int:
    if webhook.secret is None:
        return show(arguments, webhook, _fields(webhook))
    remedy = f"keyledger webhooks rotate {webhook.id}"
    return show_secret(arguments, file, webhook, webhook.secret, _fields(webhook), remedy=remedy)


def _row(webhook: Webhook) -> tuple[str, ...]:
    return (webhook.id, webhook.url, ", ".join(webhook.events) or "all", webhook.status)


def _fields(webhook: Webhook) -> list[tuple[str, str]]:
    fields = [
        ("id", webhook.id),
        ("url", webhook.url),
        ("kind", webhook.kind),
        ("description", webhook.description),
        ("events", ", ".join(webhook.events) or "all"),
        ("status", webhook.status),
        ("disabled because", webhook.disabled_because or ""),
        ("created", exact(webhook.created_at)),
        ("secret version", str(webhook.secret_version)),
        ("revision", str(webhook.revision)),
    ]
    if isinstance(webhook, WebhookDetail):
        fields += [
            ("last delivered", when(webhook.last_delivered_at) or "never"),
            ("failing since", exact(webhook.failing_since)),
        ]
    return fields


def _delivery_row(delivery: Delivery) -> tuple[str, ...]:
    last = delivery.attempts[-1] if delivery.attempts else None
    result = "" if last is None else last.error or str(last.status_code or "")
    return (
        delivery.id,
        when(delivery.created_at),
        delivery.event,
        delivery.status,
        str(len(delivery.attempts)),
        result,
    )
