"""GET and POST /keys/{key_id}/edit: change the details, permissions and limits of a key.

The form has the revision that it shows. If someone else changed the key meanwhile, nothing is saved: the page shows
the values of both next to each other.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from app.api.api_keys.get import KeyDetail, get_key
from app.api.api_keys.schemas import GrantedPermissions, Key
from app.api.api_keys.update import update_key
from app.api.mcps.list import ListedMcp
from app.http.errors import to_problem
from app.pages.fields import Fields
from app.pages.keys.heading import has_ended, heading_of, path_of
from app.pages.keys.key_form import LABELS, errors_of, to_request
from app.pages.keys.permission_form import (
    ask_for_tools,
    errors_in,
    fields_of_permissions,
    grantable_by,
    permissions_in,
    picker,
    to_body,
)
from app.pages.keys.permission_text import permission_text, plain
from app.pages.keys.servers import names_of, servers_with_tools
from app.pages.keys.stale_forms import last_change
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.text import instant
from domain.grants import Grant
from infrastructure.clock import now


class Difference(NamedTuple):
    """A field that the form and the key have with different values."""

    label: str
    current: str
    submitted: str


@Page("GET", "/keys/{key_id}/edit", access="keys:write")
async def key_update_page(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    if has_ended(key):
        return visit.go_to(path_of(key))
    servers = await servers_with_tools(visit)
    return await _form_page(visit, key, fields_of_key(key, servers), servers)


@Page("POST", "/keys/{key_id}/edit", access="keys:write")
async def key_update_form(visit: Visit, key_id: str) -> PageResponse:
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    fields = visit.fields
    servers = await servers_with_tools(visit)
    if fields.one("action") == "search":
        return await _form_page(visit, key, fields, servers)
    if "ask" in fields:
        errors = await ask_for_tools(visit, fields.one("ask"))
        return await _form_page(visit, key, fields, await servers_with_tools(visit), errors)
    body, errors = _body(key, fields, servers, grantable_by(visit))
    if errors:
        return await _form_page(visit, key, fields, servers, errors)
    try:
        await visit.change(update_key, Key, body, revision=fields.one("revision"), key_id=key_id)
    except Exception as error:
        problem = to_problem(error)
        if problem.code == "revision_mismatch":
            return await _stale_page(visit, key_id, servers)
        if problem.code != "validation_error":
            raise
        return await _form_page(visit, key, fields, servers, errors_of(problem.details))
    return visit.go_to(path_of(key), "key_changed", key.id)


def fields_of_key(key: KeyDetail, servers: Sequence[ListedMcp]) -> Fields:
    """Return the form with the values of the key."""
    return Fields(
        [
            ("name", key.name),
            ("description", key.description),
            ("expires", "never" if key.expires_at is None else "keep"),
            ("environment", key.environment),
            ("per_second", "" if key.rate_limit is None else str(key.rate_limit.per_second)),
            ("allowed_ips", "\n".join(key.allowed_ips)),
            ("metadata", "\n".join(f"{name}={value}" for name, value in key.metadata.items())),
            ("revision", str(key.revision)),
            *fields_of_permissions(key.permissions, servers),
        ]
    )


def _body(
    key: KeyDetail, fields: Fields, servers: Sequence[ListedMcp], grantable: Sequence[Grant]
) -> tuple[dict[str, object], dict[str, str]]:
    """Return the request, and a message for each field that cannot be read."""
    body, errors = to_request(fields)
    del body["environment"]
    body.setdefault("rate_limit", None)
    match fields.one("expires"):
        case "keep":
            errors.pop("expires", None)
        case "never":
            body["expires_at"] = None
        case _ if "expires_in_days" in body:
            days = body.pop("expires_in_days")
            body["expires_at"] = (now() + timedelta(days=int(str(days)))).isoformat()
        case _:
            pass
    permissions = _permissions(key, fields, servers, grantable)
    # Rules that the form cannot show, such as those of a deleted server, stay as long as the form does not change.
    if permissions != _permissions(key, fields_of_key(key, servers), servers, grantable):
        errors |= errors_in(permissions)
        body["permissions"] = to_body(permissions)
    return body, errors


def _permissions(
    key: KeyDetail, fields: Fields, servers: Sequence[ListedMcp], grantable: Sequence[Grant]
) -> GrantedPermissions:
    """Return the permissions in the form. Grants that the user cannot give stay as they are."""
    chosen = permissions_in(fields, servers, grantable)
    kept: list[Grant] = [grant for grant in key.permissions.manage if grant not in grantable]
    return GrantedPermissions(chosen.mcps, chosen.tools, (*chosen.manage, *kept))


async def _stale_page(visit: Visit, key_id: str, servers: Sequence[ListedMcp]) -> PageResponse:
    """Show what the user entered next to what the key has now. Saving again overwrites the values of the key."""
    key = await visit.read(get_key, KeyDetail, key_id=key_id)
    if has_ended(key):
        return visit.go_to(path_of(key))
    notice = (
        f"{await last_change(visit, key)} "
        "Your changes are below and haven't been saved. Save again to replace the current values."
    )
    return await _form_page(visit, key, visit.fields, servers, notice=notice, status=412)


def _differences(
    key: KeyDetail, fields: Fields, servers: Sequence[ListedMcp], grantable: Sequence[Grant]
) -> list[Difference]:
    current = fields_of_key(key, servers)
    names = names_of(servers)

    def permissions(form: Fields) -> str:
        return plain(permission_text(_permissions(key, form, servers, grantable), names, key.environment))

    texts = [(LABELS[name], current.one(name), fields.one(name)) for name in _TEXTS]
    texts.append((LABELS["expires"], _expiry_text(key, current), _expiry_text(key, fields)))
    texts.append(("Permissions", permissions(current), permissions(fields)))
    return [Difference(label, now_, mine) for label, now_, mine in texts if now_.strip() != mine.strip()]


_TEXTS = ("name", "description", "per_second", "allowed_ips", "metadata")


def _expiry_text(key: KeyDetail, fields: Fields) -> str:
    match fields.one("expires"):
        case "keep":
            return "Never" if key.expires_at is None else instant(key.expires_at)
        case "never":
            return "Never"
        case "date":
            return f"End of {fields.one('expires_on')}"
        case days:
            return f"In {days} days"


async def _form_page(
    visit: Visit,
    key: KeyDetail,
    fields: Fields,
    servers: Sequence[ListedMcp],
    errors: Mapping[str, str] | None = None,
    *,
    notice: str = "",
    status: int = 200,
) -> PageResponse:
    found = errors or {}
    grantable = grantable_by(visit)
    permissions = _permissions(key, fields, servers, grantable)
    return await visit.page(
        "keys/update.html",
        status=422 if found else status,
        key=key,
        heading=heading_of(visit, key, now()),
        fields=fields,
        # After a conflict, the form is for the revision that the user has seen now.
        revision=str(key.revision) if notice else fields.one("revision"),
        errors=found,
        labels=LABELS | {f"server-{mcp_id}": name for mcp_id, name in names_of(servers).items()},
        notice=notice,
        differences=_differences(key, fields, servers, grantable) if notice else [],
        picker=picker(fields, servers),
        grantable=grantable,
        form_path=f"{path_of(key)}/edit",
        permission_text=permission_text(permissions, names_of(servers), key.environment),
    )
