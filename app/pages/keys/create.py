"""GET and POST /keys/new: create a key. The response to the form shows the secret, once.

The secret is only in that response: no address, cookie or redirect contains it. The form has an idempotency key, so a
reload repeats the response without the secret and creates no second key.
"""

from asyncio import gather
from collections.abc import Mapping, Sequence
from secrets import token_urlsafe

from app.api.api_keys.create import CreatedKey, create_key
from app.api.api_keys.schemas import Key
from app.api.mcps.list import ListedMcp
from app.api.organization.get import get_organization
from app.api.organization.schemas import Organization
from app.handlers import get_services
from app.http.errors import to_problem
from app.pages.fields import Fields
from app.pages.keys.first_use import WATCHED
from app.pages.keys.key_form import ADVANCED, DEFAULTS, LABELS, environment_of, errors_of, to_request
from app.pages.keys.permission_form import ask_for_tools, errors_in, grantable_by, permissions_in, picker, to_body
from app.pages.keys.permission_text import permission_text
from app.pages.keys.servers import named_servers, names_of, servers_with_tools
from app.pages.keys.target import target_of
from app.pages.page import Page
from app.pages.parts.snippets import snippets
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from infrastructure.clock import now


@Page("GET", "/keys/new", access="keys:write")
async def key_create_page(visit: Visit) -> PageResponse:
    organization, servers = await gather(visit.read(get_organization, Organization), servers_with_tools(visit))
    limit = organization.limits.api_keys
    if limit is not None and organization.usage.api_keys >= limit:
        return await _limit_page(visit, organization)
    return await _form_page(visit, DEFAULTS, servers, idempotency_key=token_urlsafe())


@Page("POST", "/keys/new", access="keys:write")
async def key_create_form(visit: Visit) -> PageResponse:
    fields = visit.fields
    if fields.one("action") == "search":
        return await _form_page(visit, fields, await servers_with_tools(visit))
    if "ask" in fields:
        errors = await ask_for_tools(visit, fields.one("ask"))
        return await _form_page(visit, fields, await servers_with_tools(visit), errors)
    servers = await servers_with_tools(visit)
    permissions = permissions_in(fields, servers, grantable_by(visit))
    body, errors = to_request(fields)
    errors |= errors_in(permissions)
    if errors:
        return await _form_page(visit, fields, servers, errors)
    try:
        created = await visit.change(
            create_key,
            CreatedKey,
            {**body, "permissions": to_body(permissions)},
            idempotency_key=fields.one("idempotency_key"),
        )
    except Exception as error:  # noqa: BLE001 -- raised again unless the form can explain it
        return await _refused(visit, error, servers)
    if created.data.key is None:
        return await visit.page("keys/created_before.html", key=created.data)
    return await secret_page(visit, created.data, created.data.key)


async def _refused(visit: Visit, error: Exception, servers: Sequence[ListedMcp]) -> PageResponse:
    problem = to_problem(error)
    if problem.code == "key_limit_reached":
        return await _limit_page(visit, await visit.read(get_organization, Organization))
    if problem.code == "idempotency_mismatch":
        message = "This form already created a key. Create again to make another one."
        return await _form_page(visit, visit.fields, servers, notice=message, idempotency_key=token_urlsafe())
    if problem.code == "validation_error":
        return await _form_page(visit, visit.fields, servers, errors_of(problem.details))
    raise error


async def _form_page(
    visit: Visit,
    fields: Fields,
    servers: Sequence[ListedMcp],
    errors: Mapping[str, str] | None = None,
    *,
    notice: str = "",
    idempotency_key: str = "",
) -> PageResponse:
    """Return the form with the `fields` as they were entered."""
    found = errors or {}
    grantable = grantable_by(visit)
    permissions = permissions_in(fields, servers, grantable)
    return await visit.page(
        "keys/create.html",
        status=422 if found or notice else 200,
        fields=fields,
        errors=found,
        labels=LABELS | {f"server-{mcp_id}": name for mcp_id, name in names_of(servers).items()},
        notice=notice,
        picker=picker(fields, servers),
        form_path="/keys/new",
        grantable=grantable,
        is_advanced=not ADVANCED.isdisjoint(found) or _has_advanced(fields),
        permission_text=permission_text(permissions, names_of(servers), environment_of(fields)),
        idempotency_key=idempotency_key or fields.one("idempotency_key"),
    )


def _has_advanced(fields: Fields) -> bool:
    """Return whether the user changed one of the advanced fields."""
    return environment_of(fields) == "test" or any(fields.one(name).strip() for name in ADVANCED - {"environment"})


async def secret_page(visit: Visit, key: Key, secret: str, version: int = 1) -> PageResponse:
    """Return the page that shows the secret, number `version` of the key, this one time."""
    organization, servers, target = await gather(
        visit.read(get_organization, Organization), named_servers(visit), target_of(visit, key)
    )
    url = get_services(visit.request).config.public_url
    return await visit.page(
        "keys/created.html",
        key=key,
        secret=secret,
        snippets=snippets(url, organization.mcp_url, secret, target),
        has_mcp_url=organization.mcp_url is not None,
        permission_text=permission_text(key.permissions, names_of(servers), key.environment),
        version=version,
        watched_until=int((now() + WATCHED).timestamp()),
    )


async def _limit_page(visit: Visit, organization: Organization) -> PageResponse:
    return await visit.page("keys/limit.html", organization=organization)
