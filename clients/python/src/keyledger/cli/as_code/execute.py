"""Execution of a plan, step by step. A step is refused if its object changed since the plan was made."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from keyledger.cli.as_code.plan import Plan, Step
from keyledger.cli.as_code.secret_folder import SecretFolder
from keyledger.clients import Keyledger
from keyledger.models.permissions import Permissions

_PRUNED = "Not in the file of keyledger apply"


class Done(NamedTuple):
    """A step that is done, with the id of its object, and the file with its secret."""

    step: Step
    id: str
    file: Path | None = None


def execute(client: Keyledger, plan: Plan, folder: SecretFolder | None) -> Iterator[Done]:
    """Do the steps in order, and yield each when it is done. The first error ends this."""
    ids: dict[str, str] = {}
    for step in plan.steps:
        done = _do(client, step, folder, ids)
        if step.address:
            ids[step.address] = done.id
        yield done


def _do(client: Keyledger, step: Step, folder: SecretFolder | None, ids: Mapping[str, str]) -> Done:
    if step.action == "create":
        return _create(client, step, folder, ids)
    resource_id = step.id or ""
    if step.action == "update":
        _update(client, step, resource_id, ids)
    elif step.kind == "keys":
        client.keys.revoke(resource_id, reason="no_longer_needed", note=_PRUNED, if_match=step.revision)
    elif step.kind == "webhooks":
        client.webhooks.delete(resource_id, if_match=step.revision)
    else:
        client.mcps.delete(resource_id, if_match=step.revision)
    return Done(step, resource_id)


def _create(client: Keyledger, step: Step, folder: SecretFolder | None, ids: Mapping[str, str]) -> Done:
    if step.kind == "mcps":
        mcp = client.mcps.create(**step.fields)
        if step.status == "inactive":
            client.mcps.update(mcp.id, status="inactive", if_match=mcp.revision)
        return Done(step, mcp.id)
    if folder is None or not step.has_secret:
        # A Slack webhook, whose URL is its secret.
        webhook = client.webhooks.create(**step.fields)
        return Done(step, _disabled(client, step, webhook.id, webhook.revision))
    with folder.new_file(step.name) as file:
        if step.kind == "keys":
            key = client.keys.create(**_with_ids(step.fields, ids))
            made, secret, remedy = key, key.key, f"keyledger keys rotate {key.id} --overlap-seconds 0 --out FILE"
        else:
            webhook = client.webhooks.create(**step.fields)
            made, secret, remedy = webhook, webhook.secret, f"keyledger webhooks rotate {webhook.id} --out FILE"
        path = None if secret is None else file.store(secret, made.id, remedy)
    return Done(step, _disabled(client, step, made.id, made.revision), path)


def _disabled(client: Keyledger, step: Step, resource_id: str, revision: int) -> str:
    """Disable a new object if the file says so, and return its id."""
    if step.status == "disabled" and step.kind == "keys":
        client.keys.disable(resource_id, if_match=revision)
    elif step.status == "disabled":
        client.webhooks.update(resource_id, status="disabled", if_match=revision)
    return resource_id


def _update(client: Keyledger, step: Step, resource_id: str, ids: Mapping[str, str]) -> None:
    if step.kind == "mcps":
        client.mcps.update(resource_id, **step.fields, if_match=step.revision)
        return
    if step.kind == "webhooks":
        client.webhooks.update(resource_id, **step.fields, if_match=step.revision)
        return
    revision = step.revision
    if step.fields:
        revision = client.keys.update(resource_id, **_with_ids(step.fields, ids), if_match=revision).revision
    if step.status == "disabled":
        client.keys.disable(resource_id, if_match=revision)
    elif step.status == "active":
        client.keys.enable(resource_id, if_match=revision)


def _with_ids(fields: Mapping[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of a key with the ids of the MCPs that this command has created."""
    permissions: Permissions | None = fields.get("permissions")
    if permissions is None:
        return dict(fields)
    mcps = permissions.mcps
    listed = mcps if isinstance(mcps, str) else tuple(ids.get(mcp, mcp) for mcp in mcps)
    tools = {ids.get(mcp, mcp): rule for mcp, rule in permissions.tools.items()}
    return {**fields, "permissions": Permissions(mcps=listed, tools=tools, manage=permissions.manage)}
