"""The steps for webhooks. A standard webhook is known by its URL, and a Slack one by its description."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keyledger.cli.as_code.bindings import Binding, bind
from keyledger.cli.as_code.credentials import Credentials
from keyledger.cli.as_code.document import WebhookTable
from keyledger.cli.as_code.plan import Difference, Step, differences
from keyledger.models.webhooks import Webhook

EVERYTHING = "*"


class WebhookSteps(NamedTuple):
    steps: Sequence[Step]
    unchanged: int
    found: frozenset[str]
    not_compared: int


def label_of(webhook: Webhook) -> str:
    """Return what a webhook is known by. The URL of Slack is a secret, so only its beginning is known."""
    return webhook.url if webhook.kind == "standard" else webhook.description


def names_of_events(events: Sequence[str]) -> list[str]:
    """Return each name once, in order, and "*" alone, as the service stores them."""
    return [EVERYTHING] if EVERYTHING in events else sorted(set(events))


def plan_webhooks(
    tables: Sequence[WebhookTable], existing: Sequence[Webhook], credentials: Credentials, problems: list[str]
) -> WebhookSteps:
    for number, table in enumerate(tables, 1):
        problems += _flaws(f"webhooks[{number}] (“{table.label}”)", table)
    bindings = bind("webhooks", tables, existing, label_of, problems)
    steps = [step for each in bindings if (step := _step(each, credentials, problems)) is not None]
    found_ids = frozenset(found.id for _, _, found in bindings if found)
    kept = sum(1 for _, table, found in bindings if found and _refers(table) and not credentials.are_sent)
    return WebhookSteps(steps, len(bindings) - len(steps), found_ids, kept)


def _step(binding: Binding[WebhookTable, Webhook], credentials: Credentials, problems: list[str]) -> Step | None:
    address, table, found = binding
    fields: dict[str, Any] = {"events": names_of_events(table.events), "description": table.description}
    if table.kind == "standard":
        fields = {"url": table.url, **fields}
    if found is None:
        listed = [Difference(name, None, value) for name, value in fields.items() if value]
        if table.kind == "slack":
            fields["url"] = _secret_url(address, table, credentials, problems)
        status = "disabled" if table.status == "disabled" else None
        shown = [*listed, Difference("kind", None, table.kind)]
        if status:
            shown.append(Difference("status", None, status))
        is_standard = table.kind == "standard"
        return Step(
            "webhooks",
            "create",
            table.label,
            None,
            shown,
            {**fields, "kind": table.kind},
            status=status,
            has_secret=is_standard,
        )
    if table.kind != found.kind:
        problems.append(
            f"{address}: the kind of {found.id} is {found.kind} and cannot change. Delete the webhook first."
        )
    wanted = {**fields, "status": table.status or found.status}
    current = {**{name: getattr(found, name) for name in wanted}, "events": names_of_events(found.events)}
    changed = differences(current, wanted)
    sent = {each.field: each.new for each in changed}
    if _refers(table) and credentials.are_sent:
        sent["url"] = _secret_url(address, table, credentials, problems)
        changed.append(Difference("url", None, "is sent"))
    if not sent:
        return None
    return Step("webhooks", "update", table.label, found.id, changed, sent, revision=found.revision)


def _flaws(address: str, table: WebhookTable) -> list[str]:
    if table.kind == "standard":
        if _refers(table):
            return [f"{address}: url_env and url_file are for webhooks of the kind slack. Use url."]
        return [] if table.url else [f"{address}: url is missing."]
    if table.url is not None:
        return [f"{address}: the URL of a Slack webhook is a secret. Use url_env or url_file."]
    return [] if table.id or table.description else [f"{address}: a Slack webhook needs a description or an id."]


def _secret_url(address: str, table: WebhookTable, credentials: Credentials, problems: list[str]) -> str:
    if not _refers(table):
        problems.append(f"{address}: the URL is missing. Add url_env or url_file.")
        return ""
    return credentials.read(address, table.url_env, table.url_file, problems).reveal()


def _refers(table: WebhookTable) -> bool:
    return table.url_env is not None or table.url_file is not None
